import { existsSync } from "node:fs";
import { type IncidentView, incidentView } from "../../alerting/incident-view.ts";
import { LeewayError } from "../../core/errors.ts";
import { listIncidents, readIncident } from "../../store/state/incidents.ts";
import { openState } from "../../store/state/state.ts";
import { type LoadedConfig, requireConfig } from "../config/load.ts";
import { stateFile } from "../lifecycle/state-file.ts";
import { apiAddress, getJson } from "./api-client.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { formatTable } from "./table.ts";

const shownAtMost = 1000;

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
    const address = apiAddress(context.environment);
    const filter = { status: options.status ?? null, model: options.model ?? null };
    const source =
      address === null
        ? readStateFile(requireConfig(configRequest(options, context)))
        : {
            list: async () => {
              const query = new URLSearchParams({ limit: String(shownAtMost) });
              for (const [name, value] of Object.entries(filter)) if (value !== null) query.set(name, value);
              return (await getJson<{ incidents: readonly IncidentView[] }>(address, `/api/v1/incidents?${query}`))
                .incidents;
            },
            get: (incidentId: string) =>
              getJson<IncidentView>(address, `/api/v1/incidents/${encodeURIComponent(incidentId)}`),
          };
    if (id !== undefined) {
      const incident = await source.get(id);
      context.write(options.json === true ? `${JSON.stringify(incident, null, 2)}\n` : incidentPage(incident));
      return 0;
    }
    const incidents = await source.list(filter);
    if (options.json === true) context.write(`${JSON.stringify(incidents, null, 2)}\n`);
    else if (incidents.length === 0) context.write("no incidents\n");
    else context.write(incidentTable(incidents));
    return 0;
  },
});

interface IncidentReader {
  readonly list: (filter: {
    readonly status: string | null;
    readonly model: string | null;
  }) => Promise<readonly IncidentView[]>;
  readonly get: (incidentId: string) => Promise<IncidentView>;
}

/** Reads beside the process that owns the file, without its leave. */
function readStateFile({ service, models }: LoadedConfig): IncidentReader {
  const file = stateFile(service.dataDir);
  if (!existsSync(file)) {
    const message = `${file} does not exist; start leeway serve there, name another directory with --data, or set LEEWAY_URL`;
    throw new LeewayError("state_unreadable", message);
  }
  const externalUrl = service.http.externalUrl ?? `http://${service.http.host}:${service.http.port}`;
  const view = (row: Parameters<typeof incidentView>[0]) =>
    incidentView(row, { model: models.find((model) => model.name === row.model) ?? null, externalUrl });
  return {
    list: async ({ status, model }) => {
      using state = openState(file, { readOnly: true });
      const statuses = status === null ? [] : status === "open" ? ["open", "stale"] : [status];
      return listIncidents(state, { statuses, ...(model !== null && { model }), limit: shownAtMost }).map(view);
    },
    get: async (incidentId) => {
      using state = openState(file, { readOnly: true });
      const row = readIncident(state, incidentId);
      if (row === null)
        throw new LeewayError(
          "check_failed",
          `no incident has the id ${JSON.stringify(incidentId)}; leeway incidents lists them`,
        );
      return view(row);
    },
  };
}

function incidentTable(incidents: readonly IncidentView[]): string {
  return formatTable(
    ["incident", "status", "severity", "model", "environment", "title", "since", "ended"].map((name) => ({
      name,
      align: "left",
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
  );
}

function incidentPage(incident: IncidentView): string {
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
  );
  return `${incident.title}\n\n${facts.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n")}\n\n${table}`;
}

/** `2026-11-25 04:05`, in UTC. */
function minute(timestamp: string): string {
  return timestamp.slice(0, 16).replace("T", " ");
}
