import type { IncidentView } from "../../alerting/incident-view.ts";
import { outputPalette, type Palette } from "./colour.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions } from "./config-options.ts";
import { incidentSource } from "./incident-source.ts";
import { formatTable } from "./table.ts";

export const incidentsCommand = defineCommand({
  name: "incidents",
  summary: "list the incidents, or show one",
  operands: "[ID]",
  maxOperands: 1,
  description:
    "Lists incidents, those that started last first. With LEEWAY_URL it asks the running service (LEEWAY_TOKEN is sent if it\nis set); else it reads the state file of the data directory.",
  options: {
    ...configOptions,
    status: { type: "string", placeholder: "WORD", description: "open (stale ones too), stale, ended or withdrawn." },
    model: { type: "string", placeholder: "NAME", description: "Only this model's." },
    json: { type: "boolean", description: "Print JSON instead of a table." },
  },
  audience: "look",
  exits: { 1: "no incident has this id" },
  examples: [
    "leeway incidents --status open",
    "LEEWAY_URL=http://127.0.0.1:8686 leeway incidents 4c1f0d52a9e3b7f8 --json",
  ],
  run: async ({ options, operands: [id] }, context) => {
    const source = incidentSource(options, context);
    if (id !== undefined) {
      const incident = await source.get(id);
      context.write(options.json === true ? `${JSON.stringify(incident, null, 2)}\n` : incidentPage(incident, context));
      return 0;
    }
    const incidents = await source.list({ status: options.status ?? null, model: options.model ?? null });
    if (options.json === true) context.write(`${JSON.stringify(incidents, null, 2)}\n`);
    else if (incidents.length === 0) context.write("no incidents\n");
    else context.write(incidentTable(incidents, context));
    return 0;
  },
});

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
      minute(incident.started),
      incident.ended === null ? null : minute(incident.ended),
    ]),
    { width: context.output?.columns },
  );
}

function severityColour(text: string, palette: Palette): string {
  return text.startsWith("page") ? palette.bad(text) : text.startsWith("ticket") ? palette.warning(text) : text;
}

function incidentPage(incident: IncidentView, context: CommandContext): string {
  const { findings } = incident as { readonly findings: readonly Readonly<Record<string, unknown>>[] };
  const facts: readonly (readonly [string, string])[] = [
    ["incident", incident.id],
    ["model", `${incident.model} (${incident.environment})`],
    ["status", incident.status],
    ["severity", `${incident.severity} (${incident.harm})`],
    ["since", minute(incident.started)],
    ["looked at until", minute(incident.window_end)],
    ["ended", incident.ended === null ? "–" : minute(incident.ended)],
    ["link", incident.link],
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
      minute(String(finding["opened"])),
    ]),
    { width: context.output?.columns },
  );
  return `${incident.title}\n\n${facts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n")}\n\n${table}`;
}

/** `2026-11-25 04:05`, in UTC. */
function minute(timestamp: string): string {
  return timestamp.slice(0, 16).replace("T", " ");
}
