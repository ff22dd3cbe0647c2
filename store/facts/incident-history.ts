import type { MirrorBatch } from "../state/mirror-queue.ts";
import type { Facts } from "./client.ts";
import { dateTimeText } from "./row-scope.ts";

/** A row of `incident_history`: an incident as it stood, for Grafana, detectors and analysts. */
export function incidentHistoryRow(incident: {
  readonly environment: string;
  readonly model: string;
  readonly incidentId: string;
  readonly sequence: number;
  readonly status: string;
  readonly harm: string;
  readonly severity: string;
  /** JSON. */
  readonly incident: string;
  readonly recordedAtMs: number;
}): object {
  const { environment, model, incidentId, sequence, status, harm, severity, recordedAtMs } = incident;
  return {
    environment,
    model,
    incident_id: incidentId,
    sequence,
    state: status,
    harm,
    severity,
    incident: incident.incident,
    recorded_at: dateTimeText(recordedAtMs),
  };
}

/** A row of `state_history`: the latest sequence of a kind and key is what the state file says. */
export function stateHistoryRow(change: {
  readonly kind: "acknowledgement" | "notification" | "silence" | "feedback" | "accepted_baseline";
  readonly key: string;
  readonly sequence: number;
  readonly value: object;
  readonly recordedAtMs: number;
}): object {
  const { kind, key, sequence, value, recordedAtMs } = change;
  return { kind, key, sequence, value: JSON.stringify(value), recorded_at: dateTimeText(recordedAtMs) };
}

/** Repeating a batch stores it once. */
export async function insertMirrorBatch(facts: Facts, batch: MirrorBatch): Promise<void> {
  await facts.insertRows(batch.destination, batch.rows, batch.token);
}
