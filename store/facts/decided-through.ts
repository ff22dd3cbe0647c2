import type { Facts } from "./client.ts";

/** End of the newest window that was decided of any model, ms; null before the first. */
export async function readDecidedThrough(facts: Facts): Promise<number | null> {
  const [row] = await facts.query<{ end_ms: number; windows: number }>(
    "SELECT toUnixTimestamp64Milli(max(window_end)) AS end_ms, count() AS windows FROM decision_states",
  );
  return row === undefined || row.windows === 0 ? null : row.end_ms;
}
