import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams, windowStartExpression } from "./row-scope.ts";

/**
 * The longest stretch without an event of each window, in ms: one that ends in the window, or is still running at its
 * end, measured from its own start even if that lies before the window. Before the first event there is no gap, unless
 * `previousEventMs` says when an earlier event was.
 *
 * Event times are reduced to the first and last of each second, so gaps longer than a second are exact; if there is none,
 * the answer is the longest one between seconds.
 *
 * @param windows ascending and without holes.
 */
export async function longestGaps(
  facts: Facts,
  key: { readonly environment: string; readonly model: string },
  windows: readonly Window[],
  previousEventMs: number | null,
): Promise<number[]> {
  const first = windows[0];
  const last = windows.at(-1);
  if (first === undefined || last === undefined) return [];
  const rows = await facts.query<{ start: number; first_ms: number; last_ms: number; inner_gap: number }>(
    `SELECT start, min(first_in_second) AS first_ms, max(last_in_second) AS last_ms,
       max(if(before = 0, 0, first_in_second - before)) AS inner_gap
     FROM (
       SELECT start, first_in_second, last_in_second,
         lagInFrame(last_in_second, 1, toInt64(0)) OVER (PARTITION BY start ORDER BY first_in_second ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
       FROM (
         SELECT ${windowStartExpression(windows)} AS start, toUnixTimestamp64Milli(min(event_time)) AS first_in_second,
           toUnixTimestamp64Milli(max(event_time)) AS last_in_second
         FROM events WHERE ${scopeCondition}
         GROUP BY start, toUnixTimestamp(event_time)
       )
     )
     GROUP BY start ORDER BY start`,
    scopeParams({ ...key, fromMs: first.startMs, toMs: last.endMs }),
  );
  const byStart = new Map(rows.map((row) => [row.start, row]));
  let previousMs = previousEventMs;
  return windows.map((window) => {
    const row = byStart.get(window.startMs);
    const gaps: number[] = [];
    if (row !== undefined) {
      if (previousMs !== null) gaps.push(row.first_ms - previousMs);
      gaps.push(row.inner_gap);
      previousMs = row.last_ms;
    }
    if (previousMs !== null) gaps.push(window.endMs - previousMs);
    return Math.max(0, ...gaps);
  });
}

/** Time of the last event before an instant; looks back in growing steps, so that the usual case reads little. */
export async function lastEventBefore(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly beforeMs: number; readonly stepMs: number },
): Promise<number | null> {
  const { environment, model, beforeMs, stepMs } = key;
  for (const fromMs of [beforeMs - stepMs, beforeMs - 30 * stepMs, 0]) {
    const [row] = await facts.query<{ row_count: number; last_ms: number }>(
      `SELECT count() AS row_count, toUnixTimestamp64Milli(max(event_time)) AS last_ms FROM events WHERE ${scopeCondition}`,
      scopeParams({ environment, model, fromMs: Math.max(0, fromMs), toMs: beforeMs }),
    );
    if (row !== undefined && row.row_count > 0) return row.last_ms;
  }
  return null;
}
