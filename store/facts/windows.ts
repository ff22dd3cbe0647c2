import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams, windowStartExpression } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";

export interface RowsSummary {
  readonly rows: number;
  /** True if some row's weight is not 1. */
  readonly weighted: boolean;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Feature schemas that the rows were written under. */
  readonly schemaIds: readonly string[];
  /** Model versions of the rows. */
  readonly versions: readonly string[];
}

/** @returns null if there are no rows. */
export async function summarizeRows(facts: Facts, scope: RowScope): Promise<RowsSummary | null> {
  const [row] = await facts.query<{
    row_count: number;
    weighted: number;
    first_ms: number;
    last_ms: number;
    schema_ids: readonly string[];
    versions: readonly string[];
  }>(
    `SELECT count() AS row_count, countIf(weight != 1) > 0 AS weighted,
       toUnixTimestamp64Milli(min(event_time)) AS first_ms, toUnixTimestamp64Milli(max(event_time)) AS last_ms,
       arraySort(groupUniqArray(toString(schema_id))) AS schema_ids,
       arraySort(groupUniqArray(toString(version))) AS versions
     FROM events WHERE ${scopeCondition}`,
    scopeParams(scope),
  );
  if (row === undefined || row.row_count === 0) return null;
  return {
    rows: row.row_count,
    weighted: Boolean(row.weighted),
    firstMs: row.first_ms,
    lastMs: row.last_ms,
    schemaIds: row.schema_ids,
    versions: row.versions,
  };
}

/** Event time of the first row at or after `fromMs`; null if there is none. */
export async function firstEventMs(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly fromMs: number },
): Promise<number | null> {
  const [row] = await facts.query<{ row_count: number; first_ms: number }>(
    `SELECT count() AS row_count, toUnixTimestamp64Milli(min(event_time)) AS first_ms FROM events
     WHERE environment = {environment:String} AND model = {model:String}
       AND event_time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')`,
    { ...key },
  );
  return row === undefined || row.row_count === 0 ? null : row.first_ms;
}

/** Stored rows of each window, in the windows' order; those of one version alone, if one is named. */
export async function countRows(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly version?: string },
  windows: readonly Window[],
): Promise<number[]> {
  const first = windows[0];
  const last = windows.at(-1);
  if (first === undefined || last === undefined) return [];
  const rows = await facts.query<{ start: number; row_count: number }>(
    `SELECT ${windowStartExpression(windows)} AS start, count() AS row_count FROM events WHERE ${scopeCondition} GROUP BY start`,
    scopeParams({ ...key, fromMs: first.startMs, toMs: last.endMs }),
  );
  const counts = new Map(rows.map((row) => [row.start, row.row_count]));
  return windows.map((window) => counts.get(window.startMs) ?? 0);
}

/** Rows of the median hour among the hours that have any, for the rule that chooses a window's length. */
export async function medianHourRows(facts: Facts, scope: RowScope): Promise<number> {
  const [row] = await facts.query<{ median_rows: number }>(
    `SELECT quantileExactInclusive(0.5)(hour_rows) AS median_rows
     FROM (SELECT count() AS hour_rows FROM events WHERE ${scopeCondition} GROUP BY toStartOfHour(event_time))`,
    scopeParams(scope),
  );
  return Number(row?.median_rows ?? 0);
}
