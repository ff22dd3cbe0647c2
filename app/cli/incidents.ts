import type { IncidentDetail, IncidentView } from "../../alerting/incident-view.ts";
import { LeewayError } from "../../core/errors.ts";
import { feedbackVerdicts } from "../../store/state/feedback.ts";
import { nearestName } from "../config/fault.ts";
import { actor, actorOptions, durationBody, durationOptions, matchersText, minuteText } from "./actor.ts";
import { sendJson, serviceAddress } from "./api-client.ts";
import { outputPalette, type Palette } from "./colour.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions } from "./config-options.ts";
import { incidentSource } from "./incident-source.ts";
import { formatTable, printable } from "./table.ts";

const verbs = ["list", "show", "acknowledge", "silence", "feedback", "accept"] as const;
type Verb = (typeof verbs)[number];

export const incidentsCommand = defineCommand({
  name: "incidents",
  summary: "list the incidents, show one, or answer it",
  operands: "[list] | [show] ID | acknowledge ID | silence ID | feedback ID useful|noise | accept ID",
  maxOperands: 3,
  description:
    "list shows incidents, those that started last first; show is one of them with its findings and what people did. With LEEWAY_URL they ask the running service (LEEWAY_TOKEN is sent if it is set); else they read the state file of the data directory.\nThe others need the running service: the one of LEEWAY_URL, else the one that serves the data directory. acknowledge (or ack) says that you look at it. silence holds back what would be sent of its features and signals, at its severity or below, for --for or --until; what is still to be said then is said. feedback says whether it was worth telling; leeway doctor names monitors that are called noise. accept takes what was stored since it began as the new baseline and ends it.",
  options: {
    ...configOptions,
    status: { type: "string", placeholder: "WORD", description: "open (stale ones too), stale, ended or withdrawn." },
    model: { type: "string", placeholder: "NAME", description: "Only this model's." },
    ...actorOptions,
    ...durationOptions,
    json: { type: "boolean", description: "Print JSON instead of a table or a line." },
  },
  audience: "look",
  exits: { 1: "no incident has this id, or the service refused with the reason it gives" },
  examples: [
    "leeway incidents --status open",
    "LEEWAY_URL=http://127.0.0.1:8686 leeway incidents show 4c1f0d52a9e3b7f8 --json",
    "leeway incidents acknowledge 4c1f0d52a9e3b7f8 --comment 'the new airport codes'",
    "leeway incidents silence 4c1f0d52a9e3b7f8 --for 2d",
    "leeway incidents feedback 4c1f0d52a9e3b7f8 noise",
    "leeway incidents accept 4c1f0d52a9e3b7f8",
  ],
  run: async ({ options, operands }, context) => {
    const { verb, id, word } = asked(operands);
    const json = options.json === true;
    if (verb === "list") {
      const source = incidentSource(options, context);
      const incidents = await source.list({ status: options.status ?? null, model: options.model ?? null });
      if (json) context.write(`${JSON.stringify(incidents, null, 2)}\n`);
      else if (incidents.length === 0) context.write("no incidents\n");
      else context.write(incidentTable(incidents, context));
      return 0;
    }
    if (verb === "show") {
      const incident = await incidentSource(options, context).get(id);
      context.write(json ? `${JSON.stringify(incident, null, 2)}\n` : incidentPage(incident, context));
      return 0;
    }
    const body = {
      ...actor("incidents", options, context),
      ...(verb === "silence" && durationBody(options)),
      ...(verb === "feedback" && { verdict: word }),
    };
    const path = `/api/v1/incidents/${encodeURIComponent(id)}/${verb}`;
    const incident = await sendJson<IncidentDetail>(serviceAddress(options, context), "POST", path, body);
    if (json) context.write(`${JSON.stringify(incident, null, 2)}\n`);
    else context.write(doneText(verb, incident, body.by).split("\n").map(printable).join("\n") + "\n");
    return 0;
  },
});

/** What the operands ask for. @throws usage */
function asked(operands: readonly string[]): { readonly verb: Verb; readonly id: string; readonly word: string } {
  const [first = "list", second, third] = operands;
  const named = verbs.find((one) => one === first) ?? (first === "ack" ? "acknowledge" : null);
  if (named === null && second !== undefined) {
    const nearest = nearestName(first, verbs);
    const remedy = nearest === null ? `write ${verbs.join(", ")}` : `did you mean ${nearest}?`;
    throw new LeewayError("usage", `incidents: ${JSON.stringify(first)} is not a verb; ${remedy}`);
  }
  const verb = named ?? "show";
  const id = named === null ? first : second;
  if (verb === "list") {
    if (id === undefined) return { verb, id: "", word: "" };
    throw new LeewayError("usage", "incidents: list takes no id; write leeway incidents show ID");
  }
  if (id === undefined) {
    throw new LeewayError(
      "usage",
      `incidents: say which; write leeway incidents ${verb} ID, leeway incidents lists them`,
    );
  }
  if (verb === "feedback") {
    const word = feedbackVerdicts.find((one) => one === third);
    if (word !== undefined) return { verb, id, word };
    const given = third === undefined ? "say what it was" : `${JSON.stringify(third)} is neither useful nor noise`;
    throw new LeewayError("usage", `incidents: ${given}; write leeway incidents feedback ${id} useful, or noise`);
  }
  if (third === undefined) return { verb, id, word: "" };
  throw new LeewayError(
    "usage",
    `incidents: ${JSON.stringify(third)} is one operand too many; see leeway help incidents`,
  );
}

function doneText(verb: Exclude<Verb, "list" | "show">, incident: IncidentDetail, by: string): string {
  const { acknowledged, accepted, id, title, model, environment } = incident;
  switch (verb) {
    case "acknowledge": {
      const who = acknowledged === null ? by : `${acknowledged.by}, ${minuteText(acknowledged.at)}`;
      return `${id} (${title}) is acknowledged by ${who}`;
    }
    case "silence": {
      const made = incident.silences.filter((silence) => silence.incident === id);
      const newest = made.toSorted((a, b) => (a.created < b.created ? 1 : -1))[0];
      if (newest === undefined)
        return `${id} (${title}) is over; when it comes back before the silence ends, nobody is told`;
      return `silenced until ${minuteText(newest.until)} UTC: ${matchersText(newest.matchers)}\nleeway silences end ${newest.id} ends it`;
    }
    case "feedback":
      return `${id} (${title}): ${incident.feedback.map((one) => `${one.by} says ${one.verdict}`).join(", ")}`;
    case "accept": {
      const range = accepted?.baseline ?? null;
      const baseline = range === null ? "" : `: ${minuteText(range.from)} to ${minuteText(range.to)} UTC`;
      return `${accepted?.by ?? by} accepted ${id} as the new baseline of ${model} (${environment})${baseline}\nnewer windows are held against it from the next one on; leeway baseline list ${model} shows it`;
    }
  }
}

function incidentTable(incidents: readonly IncidentView[], context: CommandContext): string {
  const palette = outputPalette(context);
  return formatTable(
    ["incident", "status", "severity", "model", "environment", "title", "since", "ended"].map((name) => ({
      name,
      align: "left",
      ...(name === "severity" && { paint: (text: string) => severityColour(text, palette) }),
    })),
    incidents.map((incident) => [
      incident.id,
      incident.status,
      incident.severity,
      incident.model,
      incident.environment,
      incident.title,
      minuteText(incident.started),
      incident.ended === null ? null : minuteText(incident.ended),
    ]),
    { width: context.output?.columns },
  );
}

function severityColour(text: string, palette: Palette): string {
  return text.startsWith("page") ? palette.bad(text) : text.startsWith("ticket") ? palette.warning(text) : text;
}

function incidentPage(incident: IncidentDetail, context: CommandContext): string {
  const { findings } = incident as { readonly findings: readonly Readonly<Record<string, unknown>>[] };
  const facts: readonly (readonly [string, string])[] = [
    ["incident", incident.id],
    ["model", `${incident.model} (${incident.environment})`],
    ["status", incident.status],
    ["severity", `${incident.severity} (${incident.harm})`],
    ["since", minuteText(incident.started)],
    ["looked at until", minuteText(incident.window_end)],
    ["ended", incident.ended === null ? "–" : minuteText(incident.ended)],
    ["link", incident.link],
    ...peopleLines(incident),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const table = formatTable(
    ["finding", "state", "what", "change", "size", "since"].map((name) => ({ name, align: "left" })),
    findings.map((finding) => [
      String(finding["id"]),
      String(finding["state"]),
      String(finding["headline"]),
      String(finding["change"]),
      String(finding["size"]),
      minuteText(String(finding["opened"])),
    ]),
    { width: context.output?.columns },
  );
  return `${incident.title}\n\n${facts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n")}\n\n${table}`;
}

/** What people did about it. */
function peopleLines(incident: IncidentDetail): readonly (readonly [string, string])[] {
  const { acknowledged, accepted, silences, feedback } = incident;
  const because = (comment: string | null) => (comment === null ? "" : `: ${printable(comment)}`);
  return [
    ...(acknowledged === null
      ? []
      : [
          [
            "acknowledged",
            `${printable(acknowledged.by)}, ${minuteText(acknowledged.at)}${because(acknowledged.comment)}`,
          ] as const,
        ]),
    ...(accepted === null
      ? []
      : [["accepted", `${printable(accepted.by)}, ${minuteText(accepted.at)}${because(accepted.comment)}`] as const]),
    ...silences.map(
      ({ id, by, until, comment }) =>
        ["silenced", `until ${minuteText(until)} by ${printable(by)}${because(comment)} (${id})`] as const,
    ),
    ...feedback.map(
      ({ by, verdict, comment }) => ["feedback", `${printable(by)}: ${verdict}${because(comment)}`] as const,
    ),
  ];
}
