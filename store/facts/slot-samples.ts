import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { binningsOf, slotColumns, slotParams, slotSettings } from "./slots.ts";
import type { BinnedExpression } from "./slots.ts";

/**
 * Slots (as `slotColumns` numbers them) of a sample of rows: one array a row, in the order of `series`. The sample is chosen
 * by a hash of the event's id, so that it is the same whenever it is asked for, and its first rows are a sample too.
 */
export async function sampleSlots(
  facts: Facts,
  scope: RowScope,
  options: {
    readonly series: readonly BinnedExpression[];
    readonly kind: "reference" | "live";
    readonly baselineId: string;
    readonly reference: RowScope;
    readonly limit: number;
  },
): Promise<readonly (readonly number[])[]> {
  const { series, kind } = options;
  const { sql: binnings, position } = binningsOf(series);
  const columns = series.flatMap((one, index) => slotColumns(one, index, { kind, position }));
  const rows = await facts.query<{ slots: readonly number[] }>(
    `WITH ${binnings} AS binnings
     SELECT [${series.map((_, index) => `slot${index}`).join(", ")}] AS slots
     FROM (
       SELECT ${columns.join(", ")} FROM (
         SELECT * FROM events WHERE ${scopeCondition} ORDER BY sipHash64(event_id), event_id LIMIT {limit:UInt32}
       )
     )`,
    { ...scopeParams(scope), ...slotParams(options.baselineId, options.reference), limit: options.limit },
    { settings: slotSettings },
  );
  return rows.map((row) => row.slots);
}
