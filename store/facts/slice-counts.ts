import type { Slice } from "../../core/slice.ts";
import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams, sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { binCount, binningsOf, extraSlots, slotColumns, slotParams, slotSettings } from "./slots.ts";
import type { BinnedExpression } from "./slots.ts";

/** One series within one cohort value. Weights are Σw. */
export interface SliceCount {
  readonly attribute: string;
  readonly value: string;
  readonly rows: number;
  readonly weight: number;
  /** Missing and non-finite values, and values that the reference does not have. */
  readonly missing: number;
  readonly unseen: number;
  /** Bins with weight only. */
  readonly binIndex: readonly number[];
  readonly binWeight: readonly number[];
}

/**
 * Counts of one series for the most frequent values of each attribute, in one pass over the rows. The totals over all rows
 * come as attribute and value ''.
 */
export async function countSlices(
  facts: Facts,
  scope: RowScope,
  options: {
    readonly series: BinnedExpression;
    readonly kind: "reference" | "live";
    readonly baselineId: string;
    readonly reference: RowScope;
    /** At least one. */
    readonly attributes: readonly string[];
    /** Only rows of this version; null for all. */
    readonly version: string | null;
    /** Only rows of this slice. */
    readonly within: Slice;
    /** Values per attribute. */
    readonly limit: number;
  },
): Promise<SliceCount[]> {
  const { attributes, kind, series, version } = options;
  const bins = binCount(series.binning);
  const slots = bins + extraSlots.length;
  const { sql: binnings, position } = binningsOf([series]);
  const columns = attributes.map((attribute, index) => `cohorts[${sqlText(attribute)}] AS a${index}`);
  const sets = ["()", ...attributes.map((_, index) => `(a${index})`)];
  // GROUPING SETS leave the columns of other attributes empty; rows without a value for an attribute are dropped below.
  const attributeName = attributes.map((name, index) => `grouping(a${index}) = 0, ${sqlText(name)}`);
  const attributeValue = attributes.map((_, index) => `grouping(a${index}) = 0, toString(a${index})`);
  const conditions = [
    scopeCondition,
    ...(version === null ? [] : ["version = {version:String}"]),
    ...Object.entries(options.within).map(([name, value]) => `cohorts[${sqlText(name)}] = ${sqlText(value)}`),
  ];
  const slot = (name: (typeof extraSlots)[number]) => `slots[${bins + extraSlots.indexOf(name) + 1}]`;
  return facts.query<SliceCount>(
    `WITH ${binnings} AS binnings
     SELECT attribute, value, rows, arraySum(slots) AS weight, ${slot("missing")} + ${slot("non_finite")} AS missing,
       ${slot("unseen")} AS unseen, arraySlice(slots, 1, ${bins}) AS dense,
       arrayFilter((i, b) -> b > 0, range(toUInt32(${bins})), dense) AS binIndex, arrayFilter(b -> b > 0, dense) AS binWeight
     FROM (
       SELECT multiIf(${attributeName.join(", ")}, '') AS attribute, multiIf(${attributeValue.join(", ")}, '') AS value,
         count() AS rows, sumResample(0, ${slots}, 1)(w, slot0) AS slots
       FROM (
         SELECT weight AS w, ${[...slotColumns(series, 0, { kind, position }), ...columns].join(", ")}
         FROM events WHERE ${conditions.join(" AND ")}
       )
       GROUP BY GROUPING SETS (${sets.join(", ")})
     )
     WHERE attribute = '' OR value != ''
     ORDER BY rows DESC, attribute, value LIMIT {limit:UInt32} BY attribute`,
    {
      ...scopeParams(scope),
      ...slotParams(options.baselineId, options.reference),
      version: version ?? "",
      limit: options.limit,
    },
    { settings: slotSettings },
  );
}
