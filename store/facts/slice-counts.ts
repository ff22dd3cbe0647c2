import type { Facts } from "./client.ts";
import type { CohortExpression } from "./cohort-expressions.ts";
import { scopeCondition, scopeParams, sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { binCount, binningsOf, extraSlots, slotColumns, slotParams, slotSettings } from "./slots.ts";
import type { BinnedExpression } from "./slots.ts";

/** One series within one cohort value, or one pair of them. Weights are Σw. */
export interface SliceCount {
  readonly attribute: string;
  readonly value: string;
  /** The second of a pair; empty for a single value. */
  readonly attribute2: string;
  readonly value2: string;
  readonly rows: number;
  readonly weight: number;
  /** Missing and non-finite values, and values that the reference does not have. */
  readonly missing: number;
  readonly unseen: number;
  /** Bins with weight only. */
  readonly binIndex: readonly number[];
  readonly binWeight: readonly number[];
}

/** Attributes whose pairs are counted as well: pairs grow with the square. */
const pairedAttributes = 6;

/**
 * Counts of one series for the most frequent values of each attribute, and of each two of the first six, in one pass over the rows. The totals over all rows
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
    readonly cohorts: readonly CohortExpression[];
    /** Only rows of this version; null for all. */
    readonly version: string | null;
    /** Only rows for which these hold. */
    readonly within: readonly string[];
    /** Values per attribute, and pairs per two attributes. */
    readonly limit: number;
  },
): Promise<SliceCount[]> {
  const { cohorts, kind, series, version } = options;
  const bins = binCount(series.binning);
  const slots = bins + extraSlots.length;
  const { sql: binnings, position } = binningsOf([series]);
  const columns = cohorts.map(({ sql }, index) => `${sql} AS a${index}`);
  const paired = cohorts.slice(0, pairedAttributes).map((_, index) => index);
  const pairs = paired.flatMap((first) => paired.filter((second) => second > first).map((second) => [first, second]));
  const sets = ["()", ...cohorts.map((_, index) => `(a${index})`), ...pairs.map(([a, b]) => `(a${a}, a${b})`)];
  // GROUPING SETS leave the columns of other attributes empty; rows without a value for an attribute are dropped below.
  const grouped = (index: number) => `grouping(a${index}) = 0`;
  const firstOf = (text: (index: number) => string) =>
    cohorts.length === 0
      ? "''"
      : `multiIf(${cohorts.map((_, index) => `${grouped(index)}, ${text(index)}`).join(", ")}, '')`;
  const secondOf = (text: (index: number) => string) =>
    pairs.length === 0
      ? "''"
      : `multiIf(${pairs.map(([first, second]) => `${grouped(first!)} AND ${grouped(second!)}, ${text(second!)}`).join(", ")}, '')`;
  const nameOf = (index: number) => sqlText(cohorts[index]!.attribute);
  const valueOf = (index: number) => `a${index}`;
  const conditions = [scopeCondition, ...(version === null ? [] : ["version = {version:String}"]), ...options.within];
  const slot = (name: (typeof extraSlots)[number]) => `slots[${bins + extraSlots.indexOf(name) + 1}]`;
  return facts.query<SliceCount>(
    `WITH ${binnings} AS binnings
     SELECT attribute, value, attribute2, value2, rows, arraySum(slots) AS weight, ${slot("missing")} + ${slot("non_finite")} AS missing,
       ${slot("unseen")} AS unseen, arraySlice(slots, 1, ${bins}) AS dense,
       arrayFilter((i, b) -> b > 0, range(toUInt32(${bins})), dense) AS binIndex, arrayFilter(b -> b > 0, dense) AS binWeight
     FROM (
       SELECT ${firstOf(nameOf)} AS attribute, ${firstOf(valueOf)} AS value,
         ${secondOf(nameOf)} AS attribute2, ${secondOf(valueOf)} AS value2,
         count() AS rows, sumResample(0, ${slots}, 1)(w, slot0) AS slots
       FROM (
         SELECT weight AS w, ${[...slotColumns(series, 0, { kind, position }), ...columns].join(", ")}
         FROM events WHERE ${conditions.join(" AND ")}
       )
       GROUP BY GROUPING SETS (${sets.join(", ")})
     )
     WHERE (attribute = '' OR value != '') AND (attribute2 = '' OR value2 != '')
     ORDER BY rows DESC, attribute, value, attribute2, value2 LIMIT {limit:UInt32} BY attribute, attribute2`,
    {
      ...scopeParams(scope),
      ...slotParams(options.baselineId, options.reference),
      version: version ?? "",
      limit: options.limit,
    },
    { settings: slotSettings },
  );
}
