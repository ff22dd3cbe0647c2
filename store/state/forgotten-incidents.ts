import type { State } from "./state.ts";

/** An incident that was removed from the state file. Its id stays, so that its findings are known when they are seen again. */
export interface ForgottenIncident {
  readonly incidentId: string;
  readonly environment: string;
  readonly model: string;
  /** End of the window that ended it. */
  readonly endedMs: number;
  /** Wall clock. */
  readonly forgottenMs: number;
}

interface Stored {
  incident_id: string;
  environment: string;
  model: string;
  ended_ms: number;
  forgotten_ms: number;
}

/**
 * Incidents that are over and were not written since `beforeMs`, all of whose notifications were delivered before it: whatever
 * still waits, is held back, could not be delivered or was given up stays. Oldest first, each with its state as JSON.
 *
 * @param beforeMs Wall clock.
 */
export function listSettledIncidents(
  state: State,
  beforeMs: number,
): readonly { readonly incidentId: string; readonly writtenMs: number; readonly state: string }[] {
  return state
    .all<{ incident_id: string; written_ms: number; state: string }>(
      `SELECT incident_id, written_ms, state FROM incidents
       WHERE status IN ('ended', 'withdrawn') AND waiting = 0 AND held = 0 AND written_ms <= ?1
         AND NOT EXISTS (
           SELECT 1 FROM outbox WHERE outbox.incident_id = incidents.incident_id AND (status != 'delivered' OR settled_ms > ?1)
         )
       ORDER BY written_ms, incident_id`,
      beforeMs,
    )
    .map((row) => ({ incidentId: row.incident_id, writtenMs: row.written_ms, state: row.state }));
}

/** Removes all of an incident but its id; people's verdicts stay. Within a transaction of the caller. */
export function forgetIncident(state: State, incidentId: string, nowMs: number): void {
  state.run(
    `INSERT INTO forgotten_incidents (incident_id, environment, model, ended_ms, forgotten_ms)
     SELECT incident_id, environment, model, coalesce(ended_ms, window_end_ms), ? FROM incidents WHERE incident_id = ?`,
    nowMs,
    incidentId,
  );
  state.run("DELETE FROM incident_decisions WHERE incident_id = ?", incidentId);
  state.run("DELETE FROM outbox WHERE incident_id = ?", incidentId);
  state.run("DELETE FROM receiver_memory WHERE incident_id = ?", incidentId);
  state.run("DELETE FROM incidents WHERE incident_id = ?", incidentId);
}

/** Null: it was not forgotten. */
export function readForgottenIncident(state: State, incidentId: string): ForgottenIncident | null {
  const stored = state.get<Stored>("SELECT * FROM forgotten_incidents WHERE incident_id = ?", incidentId);
  if (stored === undefined) return null;
  const { environment, model, ended_ms: endedMs, forgotten_ms: forgottenMs } = stored;
  return { incidentId, environment, model, endedMs, forgottenMs };
}

/** Every incident that ended later is still known; null if none was forgotten. */
export function forgottenThroughMs(state: State): number | null {
  return state.get<{ ended: number | null }>("SELECT max(ended_ms) AS ended FROM forgotten_incidents")?.ended ?? null;
}

/** Removes silences that were over before. @returns How many. */
export function forgetSilences(state: State, beforeMs: number): number {
  return state.run("DELETE FROM silences WHERE min(until_ms, coalesce(ended_ms, until_ms)) <= ?", beforeMs).changes;
}
