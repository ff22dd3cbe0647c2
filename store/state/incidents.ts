import type { Harm, Severity } from "../../core/finding.ts";
import type { State } from "./state.ts";

/** One incident as stored: what lists and metrics need as columns, and the whole of alerting's state as JSON. */
export interface IncidentRow {
  readonly incidentId: string;
  readonly environment: string;
  readonly model: string;
  readonly status: string;
  readonly harm: Harm;
  readonly severity: Severity;
  /** Start of the first window that a finding of it opened in. */
  readonly startedMs: number;
  /** End of the latest window that its records speak of. */
  readonly windowEndMs: number;
  readonly endedMs: number | null;
  /** Service clock: when something falls due without new records. */
  readonly nextDueMs: number | null;
  /** Something waits for its group. */
  readonly waiting: boolean;
  /** Something is held back by a silence. */
  readonly held: boolean;
  /** Counts its versions; the mirror's latest sequence wins. */
  readonly sequence: number;
  /** JSON. */
  readonly state: string;
  readonly acknowledgement: { readonly by: string; readonly atMs: number; readonly comment: string | null } | null;
}

/** Everything about an incident but who acknowledged it, which only `acknowledgeIncident` writes. */
export type IncidentContent = Omit<IncidentRow, "sequence" | "acknowledgement"> & {
  /** Wall clock. */
  readonly writtenMs: number;
};

interface Stored {
  incident_id: string;
  environment: string;
  model: string;
  status: string;
  harm: Harm;
  severity: Severity;
  started_ms: number;
  window_end_ms: number;
  ended_ms: number | null;
  next_due_ms: number | null;
  waiting: number;
  held: number;
  sequence: number;
  state: string;
  acknowledged_by: string | null;
  acknowledged_at_ms: number | null;
  acknowledged_comment: string | null;
}

function toRow(stored: Stored): IncidentRow {
  const { acknowledged_by: by, acknowledged_at_ms: atMs, acknowledged_comment: comment } = stored;
  return {
    incidentId: stored.incident_id,
    environment: stored.environment,
    model: stored.model,
    status: stored.status,
    harm: stored.harm,
    severity: stored.severity,
    startedMs: stored.started_ms,
    windowEndMs: stored.window_end_ms,
    endedMs: stored.ended_ms,
    nextDueMs: stored.next_due_ms,
    waiting: stored.waiting !== 0,
    held: stored.held !== 0,
    sequence: stored.sequence,
    state: stored.state,
    acknowledgement: by === null || atMs === null ? null : { by, atMs, comment },
  };
}

export function readIncident(state: State, incidentId: string): IncidentRow | null {
  const stored = state.get<Stored>("SELECT * FROM incidents WHERE incident_id = ?", incidentId);
  return stored === undefined ? null : toRow(stored);
}

export interface IncidentFilter {
  readonly statuses?: readonly string[];
  readonly model?: string;
  readonly environment?: string;
  /** At most this many, those that started last first. */
  readonly limit: number;
  /** Continue after this incident of an earlier list. */
  readonly after?: string;
}

export function listIncidents(state: State, filter: IncidentFilter): readonly IncidentRow[] {
  const { statuses = [], model = null, environment = null, limit, after = null } = filter;
  const stored = state.all<Stored>(
    `SELECT * FROM incidents
     WHERE (?1 = '[]' OR status IN (SELECT value FROM json_each(?1)))
       AND (?2 IS NULL OR model = ?2) AND (?3 IS NULL OR environment = ?3)
       AND (?4 IS NULL OR (started_ms, incident_id) <
         (SELECT started_ms, incident_id FROM incidents WHERE incident_id = ?4))
     ORDER BY started_ms DESC, incident_id DESC LIMIT ?5`,
    JSON.stringify(statuses),
    model,
    environment,
    after,
    limit,
  );
  return stored.map(toRow);
}

/** Incidents with something due at or before `nowMs`; with `waiting`, those whose group is still open as well. */
export function listDueIncidents(state: State, nowMs: number, waiting: boolean): readonly IncidentRow[] {
  const stored = state.all<Stored>(
    "SELECT * FROM incidents WHERE next_due_ms <= ? OR (waiting = 1 AND ? = 1) ORDER BY next_due_ms, incident_id",
    nowMs,
    waiting ? 1 : 0,
  );
  return stored.map(toRow);
}

/** Incidents of which something is held back by a silence. */
export function listHeldIncidents(state: State): readonly IncidentRow[] {
  return state.all<Stored>("SELECT * FROM incidents WHERE held = 1 ORDER BY incident_id").map(toRow);
}

/** Writes what an incident is now. @returns Its sequence. */
export function writeIncident(state: State, content: IncidentContent): number {
  state.run(
    `INSERT INTO incidents (incident_id, environment, model, status, harm, severity, started_ms, window_end_ms,
       ended_ms, next_due_ms, waiting, held, written_ms, sequence, state)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)
     ON CONFLICT (incident_id) DO UPDATE SET status = excluded.status, harm = excluded.harm,
       severity = excluded.severity, started_ms = excluded.started_ms, window_end_ms = excluded.window_end_ms,
       ended_ms = excluded.ended_ms, next_due_ms = excluded.next_due_ms, waiting = excluded.waiting,
       held = excluded.held, written_ms = excluded.written_ms,
       sequence = sequence + 1, state = excluded.state`,
    content.incidentId,
    content.environment,
    content.model,
    content.status,
    content.harm,
    content.severity,
    content.startedMs,
    content.windowEndMs,
    content.endedMs,
    content.nextDueMs,
    content.waiting ? 1 : 0,
    content.held ? 1 : 0,
    content.writtenMs,
    content.state,
  );
  return readIncident(state, content.incidentId)?.sequence ?? 1;
}

/** The first acknowledgement stands. @returns False if there is no such incident. */
export function acknowledgeIncident(
  state: State,
  incidentId: string,
  { by, atMs, comment }: NonNullable<IncidentRow["acknowledgement"]>,
): boolean {
  state.run(
    `UPDATE incidents SET acknowledged_by = ?, acknowledged_at_ms = ?, acknowledged_comment = ?, sequence = sequence + 1
     WHERE incident_id = ? AND acknowledged_by IS NULL`,
    by,
    atMs,
    comment,
    incidentId,
  );
  return readIncident(state, incidentId) !== null;
}

export function countIncidents(
  state: State,
): readonly { readonly model: string; readonly severity: Severity; readonly incidents: number }[] {
  return state.all(
    `SELECT model, severity, count(*) AS incidents FROM incidents
     WHERE status IN ('open', 'stale') GROUP BY model, severity`,
  );
}

/** Why something was, or was not, sent. */
export interface IncidentDecisionRow {
  readonly kind: "notify" | "record";
  readonly reason: string;
  readonly findingIds: readonly string[];
  /** Service clock. */
  readonly decidedAtMs: number;
  /** Which held it back, as they stood; empty unless the reason is `silenced`. */
  readonly silences: readonly { readonly id: string; readonly by: string; readonly untilMs: number }[];
}

export function appendIncidentDecision(state: State, incidentId: string, decision: IncidentDecisionRow): void {
  state.run(
    "INSERT INTO incident_decisions (incident_id, kind, reason, finding_ids, decided_at_ms, silences) VALUES (?, ?, ?, ?, ?, ?)",
    incidentId,
    decision.kind,
    decision.reason,
    JSON.stringify(decision.findingIds),
    decision.decidedAtMs,
    decision.silences.length === 0 ? null : JSON.stringify(decision.silences),
  );
}

export function listIncidentDecisions(state: State, incidentId: string): readonly IncidentDecisionRow[] {
  return state
    .all<{
      kind: "notify" | "record";
      reason: string;
      finding_ids: string;
      decided_at_ms: number;
      silences: string | null;
    }>("SELECT * FROM incident_decisions WHERE incident_id = ? ORDER BY id", incidentId)
    .map((row) => ({
      kind: row.kind,
      reason: row.reason,
      findingIds: JSON.parse(row.finding_ids) as string[],
      decidedAtMs: row.decided_at_ms,
      silences: row.silences === null ? [] : (JSON.parse(row.silences) as IncidentDecisionRow["silences"]),
    }));
}
