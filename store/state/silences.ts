import type { State } from "./state.ts";

/** As in Alertmanager: equal, not equal, and a regular expression that does or does not match the whole value. */
export const matcherOperators = ["=", "!=", "=~", "!~"] as const;
export type MatcherOperator = (typeof matcherOperators)[number];

/**
 * Label names with the values that they may have, or with values by operator. Everything must hold; of the values of one
 * operator one is enough, and of `!=` and `!~` none may hold.
 */
export type Matchers = Readonly<
  Record<string, readonly string[] | Readonly<Partial<Record<MatcherOperator, readonly string[]>>>>
>;

/** Holds back notifications from its making until its end. Times are on the wall clock. */
export interface Silence {
  readonly silenceId: string;
  readonly matchers: Matchers;
  /** The incident it was made on; null if it was made by its labels alone. */
  readonly incidentId: string | null;
  readonly by: string;
  readonly comment: string | null;
  readonly createdMs: number;
  readonly untilMs: number;
  /** Ended by a person before its time. */
  readonly ended: { readonly by: string; readonly atMs: number } | null;
}

interface Stored {
  silence_id: string;
  matchers: string;
  incident_id: string | null;
  created_by: string;
  comment: string | null;
  created_ms: number;
  until_ms: number;
  ended_by: string | null;
  ended_ms: number | null;
}

function toSilence(stored: Stored): Silence {
  const { ended_by: endedBy, ended_ms: endedMs } = stored;
  return {
    silenceId: stored.silence_id,
    matchers: JSON.parse(stored.matchers) as Matchers,
    incidentId: stored.incident_id,
    by: stored.created_by,
    comment: stored.comment,
    createdMs: stored.created_ms,
    untilMs: stored.until_ms,
    ended: endedBy === null || endedMs === null ? null : { by: endedBy, atMs: endedMs },
  };
}

export function insertSilence(state: State, silence: Omit<Silence, "ended">): void {
  state.run(
    `INSERT INTO silences (silence_id, matchers, incident_id, created_by, comment, created_ms, until_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    silence.silenceId,
    JSON.stringify(silence.matchers),
    silence.incidentId,
    silence.by,
    silence.comment,
    silence.createdMs,
    silence.untilMs,
  );
}

/** The first end stands, and one that ran out has ended already. @returns False if nothing was changed. */
export function endSilence(state: State, silenceId: string, by: string, atMs: number): boolean {
  const { changes } = state.run(
    "UPDATE silences SET ended_by = ?, ended_ms = ? WHERE silence_id = ? AND ended_ms IS NULL AND until_ms > ?",
    by,
    atMs,
    silenceId,
    atMs,
  );
  return changes > 0;
}

export function readSilence(state: State, silenceId: string): Silence | null {
  const stored = state.get<Stored>("SELECT * FROM silences WHERE silence_id = ?", silenceId);
  return stored === undefined ? null : toSilence(stored);
}

/** Those that hold now, the ones that end first first. */
export function listActiveSilences(state: State, nowMs: number): readonly Silence[] {
  return state
    .all<Stored>("SELECT * FROM silences WHERE until_ms > ? AND ended_ms IS NULL ORDER BY until_ms, silence_id", nowMs)
    .map(toSilence);
}

/** All there were, the newest first. */
export function listSilences(state: State, limit: number): readonly Silence[] {
  return state.all<Stored>("SELECT * FROM silences ORDER BY created_ms DESC, silence_id LIMIT ?", limit).map(toSilence);
}
