import { existsSync } from "node:fs";
import { incidentDetail, type IncidentDetail, type IncidentView, incidentView } from "../../alerting/incident-view.ts";
import { forgottenText } from "../../alerting/forgetting.ts";
import { LeewayError } from "../../core/errors.ts";
import { readForgottenIncident } from "../../store/state/forgotten-incidents.ts";
import { listIncidents } from "../../store/state/incidents.ts";
import { openState } from "../../store/state/state.ts";
import { type LoadedConfig, requireConfig } from "../config/load.ts";
import { stateFile } from "../lifecycle/state-file.ts";
import { apiAddress, getJson } from "./api-client.ts";
import type { CommandContext } from "./command.ts";
import { configRequest } from "./config-options.ts";

const shownAtMost = 1000;

/** Incidents as the API shows them. */
export interface IncidentSource {
  readonly list: (filter: {
    readonly status: string | null;
    readonly model: string | null;
  }) => Promise<readonly IncidentView[]>;
  /** @throws check_failed if no incident has this id. */
  readonly get: (incidentId: string) => Promise<IncidentDetail>;
}

/**
 * The running service if `LEEWAY_URL` names one, else the state file of the data directory.
 * @throws config_invalid; state_unreadable if there is no state file.
 */
export function incidentSource(
  options: { readonly config?: string; readonly data?: string },
  context: CommandContext,
): IncidentSource {
  const address = apiAddress(context.environment);
  if (address === null) return readStateFile(requireConfig(configRequest(options, context)));
  return {
    list: async (filter) => {
      const query = new URLSearchParams({ limit: String(shownAtMost) });
      for (const [name, value] of Object.entries(filter)) if (value !== null) query.set(name, value);
      return (await getJson<{ incidents: readonly IncidentView[] }>(address, `/api/v1/incidents?${query}`)).incidents;
    },
    get: (incidentId) => getJson(address, `/api/v1/incidents/${encodeURIComponent(incidentId)}`),
  };
}

/** Reads beside the process that owns the file, without its leave. */
function readStateFile({ service, models }: LoadedConfig): IncidentSource {
  const file = stateFile(service.dataDir);
  if (!existsSync(file)) {
    const message = `${file} does not exist; start leeway serve there, name another directory with --data, or set LEEWAY_URL`;
    throw new LeewayError("state_unreadable", message);
  }
  const externalUrl = service.http.externalUrl ?? `http://${service.http.host}:${service.http.port}`;
  const modelNamed = (name: string) => models.find((model) => model.name === name) ?? null;
  const view = (row: Parameters<typeof incidentView>[0]) =>
    incidentView(row, { model: modelNamed(row.model), externalUrl });
  return {
    list: async ({ status, model }) => {
      using state = openState(file, { readOnly: true });
      const statuses = status === null ? [] : status === "open" ? ["open", "stale"] : [status];
      return listIncidents(state, { statuses, ...(model !== null && { model }), limit: shownAtMost }).map(view);
    },
    get: async (incidentId) => {
      using state = openState(file, { readOnly: true });
      const detail = incidentDetail(state, incidentId, { modelNamed, externalUrl, nowMs: Date.now() });
      if (detail !== null) return detail;
      const forgotten = readForgottenIncident(state, incidentId);
      const message =
        forgotten === null
          ? `no incident has the id ${JSON.stringify(incidentId)}; leeway incidents lists them`
          : forgottenText(forgotten);
      throw new LeewayError("check_failed", message);
    },
  };
}
