import type { PinnedBaselineSpec } from "../../core/baseline.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";

/** A baseline that was made, and the windows that were held against it. */
export interface BaselineRecord {
  readonly environment: string;
  readonly baselineId: string;
  readonly spec: PinnedBaselineSpec;
  readonly rows: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly windowMs: number;
  readonly createdAtMs: number;
  /** From the first to the last window that it decided; null if it has decided none. */
  readonly decided: (Window & { readonly windows: number }) | null;
  /** It decided the newest window of its environment. */
  readonly inForce: boolean;
}

/** All baselines of a model, those that were made last first. */
export async function readBaselineHistory(facts: Facts, model: string): Promise<readonly BaselineRecord[]> {
  const rows = await facts.query<{
    environment: string;
    baseline_id: string;
    spec: string;
    row_count: number;
    from_ms: number;
    to_ms: number;
    window_ms: number;
    created_ms: number;
    windows: number;
    start_ms: number;
    end_ms: number;
    newest: string;
  }>(
    `SELECT toString(made.environment) AS environment, made.baseline_id AS baseline_id, spec, rows AS row_count,
       toUnixTimestamp64Milli(from_time) AS from_ms, toUnixTimestamp64Milli(to_time) AS to_ms, window_ms,
       toUnixTimestamp64Milli(created_at) AS created_ms, decided.windows AS windows, decided.start_ms AS start_ms,
       decided.end_ms AS end_ms, newest.baseline_id AS newest
     FROM (
       SELECT * FROM baselines WHERE model = {model:String}
       ORDER BY created_at DESC LIMIT 1 BY environment, baseline_id
     ) AS made
     LEFT JOIN (
       SELECT environment, baseline_id, uniqExact(window_start) AS windows,
         toUnixTimestamp64Milli(min(window_start)) AS start_ms, toUnixTimestamp64Milli(max(window_end)) AS end_ms
       FROM decision_states WHERE model = {model:String} GROUP BY environment, baseline_id
     ) AS decided ON decided.environment = made.environment AND decided.baseline_id = made.baseline_id
     LEFT JOIN (
       SELECT environment, argMax(baseline_id, (window_start, evaluated_at)) AS baseline_id
       FROM decision_states WHERE model = {model:String} GROUP BY environment
     ) AS newest ON newest.environment = made.environment
     ORDER BY created_at DESC, baseline_id`,
    { model },
  );
  return rows.map((row) => ({
    environment: row.environment,
    baselineId: row.baseline_id,
    spec: JSON.parse(row.spec) as PinnedBaselineSpec,
    rows: row.row_count,
    fromMs: row.from_ms,
    toMs: row.to_ms,
    windowMs: row.window_ms,
    createdAtMs: row.created_ms,
    decided: row.windows === 0 ? null : { startMs: row.start_ms, endMs: row.end_ms, windows: row.windows },
    inForce: row.newest === row.baseline_id,
  }));
}
