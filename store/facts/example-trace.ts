import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { binningsOf, slotColumns, slotParams, slotSettings } from "./slots.ts";
import type { BinnedExpression } from "./slots.ts";

export interface ExampleTrace {
  /** Of the span that stored the event's batch; it is recorded somewhere. */
  readonly batchTraceparent: string;
  /** The event's own, as its producer named it; empty if it did not. */
  readonly traceId: string;
}

/** @returns one event of the scope that came in a recorded trace, with its value in the wanted slots; null if there is none. */
export async function exampleTrace(
  facts: Facts,
  scope: RowScope,
  options: {
    /** Only rows of this version; null for all. */
    readonly version: string | null;
    /** Only rows for which these hold. */
    readonly within: readonly string[];
    /** Null: whatever the value. */
    readonly value: {
      readonly series: BinnedExpression;
      /** As `slotColumns` numbers them. */
      readonly slots: readonly number[];
      readonly baselineId: string;
      readonly reference: RowScope;
    } | null;
  },
): Promise<ExampleTrace | null> {
  const { version, within, value } = options;
  const { sql: binnings, position } = binningsOf(value === null ? [] : [value.series]);
  const conditions = [
    scopeCondition,
    "endsWith(batch_traceparent, '-01')",
    ...(version === null ? [] : ["version = {version:String}"]),
    ...within,
    ...(value === null ? [] : [`slot0 IN (${value.slots.join(", ")})`]),
  ];
  const columns = value === null ? [] : slotColumns(value.series, 0, { kind: "live", position });
  const [row] = await facts.query<ExampleTrace>(
    `${value === null ? "" : `WITH ${binnings} AS binnings `}
     SELECT ${["batch_traceparent AS batchTraceparent", "trace_id AS traceId", ...columns].join(", ")}
     FROM events WHERE ${conditions.join(" AND ")} LIMIT 1`,
    {
      ...scopeParams(scope),
      ...(value !== null && slotParams(value.baselineId, value.reference)),
      version: version ?? "",
    },
    { settings: slotSettings },
  );
  return row === undefined ? null : { batchTraceparent: row.batchTraceparent, traceId: row.traceId };
}
