import type { BaselineView, ModelBaselines, SpecView } from "../../alerting/baseline-view.ts";
import type { IncidentDetail } from "../../alerting/incident-view.ts";
import { durationText } from "../../alerting/text/quantities.ts";
import { LeewayError } from "../../core/errors.ts";
import { nearestName } from "../config/fault.ts";
import { actor, actorOptions, minuteText } from "./actor.ts";
import { getJson, sendJson, serviceAddress } from "./api-client.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions } from "./config-options.ts";
import { formatTable, printable } from "./table.ts";

const verbs = ["list", "set", "accept"] as const;

export const baselineCommand = defineCommand({
  name: "baseline",
  summary: "say what a model is held against, and set it",
  operands: "list MODEL | set MODEL | accept INCIDENT",
  maxOperands: 2,
  description:
    "list shows the baselines of a model, which one holds, and which windows each one decided. set takes a range of stored events (--from, --to), or what the model's file names (--configured), from the next window on; incidents that were found against the old one end. accept takes what was stored since an incident began. What is set holds until it is set anew, or until the model's file names another baseline.\nAll of them ask the running service: the one of LEEWAY_URL, else the one that serves the data directory. LEEWAY_TOKEN is sent if it is set.",
  options: {
    ...configOptions,
    from: { type: "string", placeholder: "TIME", description: "Start of the range: RFC 3339, or a date in UTC." },
    to: { type: "string", placeholder: "TIME", description: "End of the range, exclusive." },
    configured: { type: "boolean", description: "Go back to what the model's file names." },
    environment: { type: "string", placeholder: "NAME", description: "production by default." },
    ...actorOptions,
    json: { type: "boolean", description: "Print JSON instead of tables or a line." },
  },
  audience: "act",
  exits: { 1: "the service refused, with the reason it gives" },
  examples: [
    "leeway baseline list flight-delay",
    "leeway baseline set flight-delay --from 2026-10-01 --to 2026-11-01 --comment 'after the new schedule'",
    "leeway baseline set flight-delay --configured",
    "leeway baseline accept 4c1f0d52a9e3b7f8",
  ],
  run: async ({ options, operands: [verb, subject] }, context) => {
    const known = verbs.find((one) => one === verb);
    if (known === undefined) {
      const nearest = verb === undefined ? null : nearestName(verb, verbs);
      const remedy = nearest === null ? `write ${verbs.join(", ")}` : `did you mean ${nearest}?`;
      const given = verb === undefined ? "say what to do" : `${JSON.stringify(verb)} is not a verb`;
      throw new LeewayError("usage", `baseline: ${given}; ${remedy}`);
    }
    if (subject === undefined) {
      const what = known === "accept" ? "INCIDENT; leeway incidents lists them" : "MODEL; leeway models lists them";
      throw new LeewayError("usage", `baseline: say which; write leeway baseline ${known} ${what}`);
    }
    const address = serviceAddress(options, context);
    const say = (answer: object, text: string) =>
      context.write(options.json === true ? `${JSON.stringify(answer, null, 2)}\n` : text);
    if (known === "accept") {
      const path = `/api/v1/incidents/${encodeURIComponent(subject)}/accept`;
      const incident = await sendJson<IncidentDetail>(address, "POST", path, actor("baseline", options, context));
      const { accepted, model, environment } = incident;
      const range = accepted?.baseline ?? null;
      const text = range === null ? "another baseline" : `${minuteText(range.from)} to ${minuteText(range.to)} UTC`;
      say(incident, `${text} is the baseline of ${model} (${environment}) from the next window on\n`);
      return 0;
    }
    const path = `/api/v1/models/${encodeURIComponent(subject)}/baselines`;
    if (known === "list") {
      const baselines = await getJson<ModelBaselines>(address, path);
      say(baselines, page(baselines, context));
      return 0;
    }
    const { from, to, configured, environment = "production" } = options;
    if (configured !== true && (from === undefined || to === undefined)) {
      throw new LeewayError("usage", "baseline: set takes --from and --to, or --configured; see leeway help baseline");
    }
    const baselines = await sendJson<ModelBaselines>(address, "POST", path, {
      ...actor("baseline", options, context),
      environment,
      ...(from !== undefined && { from }),
      ...(to !== undefined && { to }),
      ...(configured === true && { configured }),
    });
    const next = baselines.in_force[environment] ?? null;
    say(baselines, `${specText(next)} is the baseline of ${subject} (${environment}) from the next window on\n`);
    return 0;
  },
});

function specText(spec: SpecView | null): string {
  if (spec === null) return "nothing";
  switch (spec.kind) {
    case "file":
      return printable(spec.path);
    case "range":
      return `${minuteText(spec.from)} to ${minuteText(spec.to)} UTC${spec.trailing === true ? ", trailing" : ""}${spec.version === undefined ? "" : `, version ${printable(spec.version)}`}${spec.concurrent === true ? ", with which other versions are compared in each window" : ""}`;
    case "trailing":
      return `the ${durationText(spec.length_seconds * 1000)} up to ${durationText(spec.gap_seconds * 1000)} before the present week`;
  }
}

function page({ model, configured, in_force: inForce, baselines, accepted }: ModelBaselines, context: CommandContext) {
  const lines = [`${model}: its file names ${configured === null ? "no baseline" : specText(configured)}`];
  for (const [environment, spec] of Object.entries(inForce)) {
    lines.push(`${environment} is held against ${specText(spec)}${spec === null ? ": nothing is judged" : ""}`);
  }
  const width = context.output?.columns;
  if (baselines.length > 0) {
    const names = ["baseline", "environment", "of", "rows", "window", "decided", "windows", "made"];
    const rows = baselines.map((one: BaselineView) => [
      `${one.id}${one.in_force ? " *" : ""}`,
      one.environment,
      specText(one.spec),
      one.rows,
      durationText(one.window_seconds * 1000),
      one.decided === null ? null : `${minuteText(one.decided.from)} to ${minuteText(one.decided.to)}`,
      one.decided?.windows ?? null,
      minuteText(one.made),
    ]);
    lines.push(
      "",
      formatTable(
        names.map((name) => ({ name })),
        rows,
        { width },
      ).trimEnd(),
    );
    if (baselines.some((one) => one.in_force)) lines.push("* decided the newest window");
  } else lines.push("no baseline has been made yet: it comes with the first closed window");
  if (accepted.length > 0) {
    const names = ["set", "environment", "to", "by", "incident", "comment"];
    const rows = accepted.map((one) => [
      minuteText(one.at),
      one.environment,
      one.spec === null ? "what the file names" : specText(one.spec),
      one.by,
      one.incident,
      one.comment,
    ]);
    lines.push(
      "",
      formatTable(
        names.map((name) => ({ name, align: "left" })),
        rows,
        { width },
      ).trimEnd(),
    );
  }
  return `${lines.join("\n")}\n`;
}
