import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import { dateTimeText } from "./row-scope.ts";

/** What deciding on performance remembers after one window whose labels were due, as JSON. */
export interface StoredPerformanceState {
  readonly window: Window;
  /** Counts rewrites of the state after the same window: labels that came still later. */
  readonly revision: number;
  readonly state: string;
}

interface Key {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
}

/** Written last of all that belongs to a window: its performance is decided once this row is there. */
export async function insertPerformanceState(
  facts: Facts,
  key: Key,
  { window, revision, state }: StoredPerformanceState,
  evaluatedAtMs: number,
): Promise<void> {
  await facts.insertRows(
    "performance_states",
    [
      {
        environment: key.environment,
        model: key.model,
        baseline_id: key.baselineId,
        window_start: dateTimeText(window.startMs),
        window_end: dateTimeText(window.endMs),
        revision,
        state,
        evaluated_at: dateTimeText(evaluatedAtMs),
      },
    ],
    null,
  );
}

/** The latest state of the newest window, against one baseline; null if none was decided. */
export async function readPerformanceState(facts: Facts, key: Key): Promise<StoredPerformanceState | null> {
  const [row] = await facts.query<{ start_ms: number; end_ms: number; revision: number; state: string }>(
    `SELECT toUnixTimestamp64Milli(window_start) AS start_ms, toUnixTimestamp64Milli(window_end) AS end_ms, revision, state
     FROM performance_states
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
     ORDER BY window_start DESC, revision DESC, evaluated_at DESC LIMIT 1`,
    { ...key },
  );
  if (row === undefined) return null;
  return { window: { startMs: row.start_ms, endMs: row.end_ms }, revision: row.revision, state: row.state };
}
