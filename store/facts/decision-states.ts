import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import { dateTimeText } from "./row-scope.ts";

/** The decision state after one window, as JSON, and how many rows the window had when it was decided. */
export interface StoredDecisionState {
  readonly baselineId: string;
  readonly window: Window;
  readonly revision: number;
  readonly rows: number;
  readonly state: string;
  readonly evaluatedAtMs: number;
}

interface Key {
  readonly environment: string;
  readonly model: string;
}

/** Written last of all that belongs to a window: a window is decided once this row is there. */
export async function insertDecisionState(facts: Facts, key: Key, stored: StoredDecisionState): Promise<void> {
  await facts.insertRows(
    "decision_states",
    [
      {
        environment: key.environment,
        model: key.model,
        baseline_id: stored.baselineId,
        window_start: dateTimeText(stored.window.startMs),
        window_end: dateTimeText(stored.window.endMs),
        revision: stored.revision,
        rows: stored.rows,
        state: stored.state,
        evaluated_at: dateTimeText(stored.evaluatedAtMs),
      },
    ],
    `decision-state/${key.environment}/${key.model}/${stored.baselineId}/${stored.window.startMs}/${stored.revision}`,
  );
}

/** Latest revision of each decided window that ends after `endAfterMs`, in order of time, without the state itself. */
export async function readDecidedWindows(
  facts: Facts,
  key: Key & { readonly baselineId: string; readonly endAfterMs: number },
): Promise<Omit<StoredDecisionState, "state">[]> {
  const rows = await facts.query<Omit<StateRow, "state">>(
    `SELECT ${columns} FROM decision_states
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND window_end > fromUnixTimestamp64Milli({endAfterMs:Int64}, 'UTC')
     ORDER BY window_start, revision DESC, evaluated_at DESC LIMIT 1 BY window_start`,
    { ...key },
  );
  return rows.map(fromRow);
}

/** Baselines that decided windows which end after `endAfterMs`, each with the end of the newest of these; oldest first. */
export async function readDecidingBaselines(
  facts: Facts,
  key: Key & { readonly endAfterMs: number },
): Promise<{ readonly baselineId: string; readonly decidedThroughMs: number }[]> {
  const rows = await facts.query<{ baseline: string; through_ms: number }>(
    `SELECT baseline_id AS baseline, toUnixTimestamp64Milli(max(window_end)) AS through_ms FROM decision_states
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id != ''
       AND window_end > fromUnixTimestamp64Milli({endAfterMs:Int64}, 'UTC')
     GROUP BY baseline ORDER BY through_ms`,
    { ...key },
  );
  return rows.map((row) => ({ baselineId: row.baseline, decidedThroughMs: row.through_ms }));
}

/** The latest state of the newest window that starts before `startBeforeMs`, over one baseline or (null) over all. */
export async function readLatestState(
  facts: Facts,
  key: Key & { readonly baselineId: string | null; readonly startBeforeMs: number },
): Promise<StoredDecisionState | null> {
  const [row] = await facts.query<StateRow>(
    `SELECT ${columns}, state FROM decision_states
     WHERE environment = {environment:String} AND model = {model:String}
       AND ({anyBaseline:Bool} OR baseline_id = {baselineId:String})
       AND window_start < fromUnixTimestamp64Milli({startBeforeMs:Int64}, 'UTC')
     ORDER BY window_start DESC, revision DESC, evaluated_at DESC LIMIT 1`,
    { ...key, baselineId: key.baselineId ?? "", anyBaseline: key.baselineId === null },
  );
  return row === undefined ? null : { ...fromRow(row), state: row.state };
}

const columns = `baseline_id AS baseline, toUnixTimestamp64Milli(window_start) AS start_ms,
  toUnixTimestamp64Milli(window_end) AS end_ms, revision, rows AS row_count,
  toUnixTimestamp64Milli(evaluated_at) AS evaluated_ms`;

interface StateRow {
  readonly baseline: string;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly revision: number;
  readonly row_count: number;
  readonly evaluated_ms: number;
  readonly state: string;
}

function fromRow(row: Omit<StateRow, "state">): Omit<StoredDecisionState, "state"> {
  return {
    baselineId: row.baseline,
    window: { startMs: row.start_ms, endMs: row.end_ms },
    revision: row.revision,
    rows: row.row_count,
    evaluatedAtMs: row.evaluated_ms,
  };
}
