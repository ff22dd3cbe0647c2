import { dayMs } from "./calendar.ts";
import type { Warehouse } from "./warehouse.ts";
import { modelName } from "./wire.ts";

/** Which days the detector has decided. */
export interface DecidedDays {
  readonly days: number;
  /** Start of the last one, shifted; null before the first. */
  readonly lastStartMs: number | null;
}

export async function decidedDays(warehouse: Warehouse): Promise<DecidedDays> {
  const [decided] = await warehouse.query<{ days: number; end: number }>(
    `SELECT uniqExact(window_start) AS days, toUnixTimestamp64Milli(max(window_end)) AS end
     FROM decision_states WHERE model = '${modelName}'`,
  );
  return decided === undefined || decided.days === 0
    ? { days: 0, lastStartMs: null }
    : { days: decided.days, lastStartMs: decided.end - dayMs };
}
