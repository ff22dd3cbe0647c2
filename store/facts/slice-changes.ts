import type { Binning } from "../../core/baseline.ts";
import type { Slice } from "../../core/slice.ts";
import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams, sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import type { SeriesExpression } from "./series-expressions.ts";

/** The values that a change is about: the bins or categories that gained (or lost) rows, missing or new values. */
export type Focus =
  | { readonly kind: "bins"; readonly bins: readonly number[] }
  | { readonly kind: "categories"; readonly categories: readonly string[] }
  | { readonly kind: "missing" }
  | { readonly kind: "unseen" };

export interface SliceCount {
  readonly attribute: string;
  readonly value: string;
  readonly rows: number;
  /** Σw of the slice's rows, and of those in focus. */
  readonly weight: number;
  readonly focus: number;
}

/**
 * Rows of every cohort value, and how many of them are in focus, in one pass. The totals over all rows come as attribute
 * and value ''.
 *
 * @param version only rows of this version; null for all.
 */
export async function countSlices(
  facts: Facts,
  scope: RowScope,
  options: {
    readonly series: SeriesExpression;
    readonly binning: Binning;
    readonly focus: Focus;
    readonly attributes: readonly string[];
    readonly version: string | null;
    /** Only rows of this slice. */
    readonly within: Slice;
    readonly limit: number;
  },
): Promise<SliceCount[]> {
  const { series, binning, focus, version } = options;
  return facts.query<SliceCount>(
    `SELECT attribute, value, rows, weight, focus FROM (
       SELECT pair.1 AS attribute, pair.2 AS value, count() AS rows, sum(w) AS weight, sumIf(w, in_focus) AS focus
       FROM (
         SELECT weight AS w, ${series.sql} AS v, ifNull(${focusSql(series, binning, focus)}, false) AS in_focus,
           arrayConcat([('', '')], arrayFilter(p -> p.2 != '' AND has({attributes:Array(String)}, p.1),
             arrayMap((k, x) -> (toString(k), toString(x)), mapKeys(cohorts), mapValues(cohorts)))) AS pairs
         FROM events WHERE ${[scopeCondition, ...(version === null ? [] : ["version = {version:String}"]), ...Object.entries(options.within).map(([attribute, value]) => `cohorts[${sqlText(attribute)}] = ${sqlText(value)}`)].join(" AND ")}
       )
       ARRAY JOIN pairs AS pair
       GROUP BY attribute, value
     )
     ORDER BY rows DESC, attribute, value LIMIT {limit:UInt32} BY attribute`,
    { ...scopeParams(scope), attributes: options.attributes, version: version ?? "", limit: options.limit },
  );
}

function focusSql(series: SeriesExpression, binning: Binning, focus: Focus): string {
  const present = series.type === "number" ? "isNotNull(v) AND isFinite(assumeNotNull(v))" : "isNotNull(v)";
  const text = "toString(assumeNotNull(v))";
  switch (focus.kind) {
    case "missing":
      return `NOT (${present})`;
    case "categories":
      return focus.categories.length === 0
        ? "false"
        : `(${present}) AND ${text} IN (${focus.categories.map(sqlText).join(", ")})`;
    case "unseen":
      return binning.kind === "numeric" || binning.categories.length === 0
        ? present
        : `(${present}) AND ${text} NOT IN (${binning.categories.map(sqlText).join(", ")})`;
    case "bins": {
      if (binning.kind === "categorical") return "false";
      const ranges = binRanges(focus.bins, binning.edges).map(
        ([low, high]) =>
          [low === null ? "" : `v > ${low}`, high === null ? "" : `v <= ${high}`].filter(Boolean).join(" AND ") ||
          "true",
      );
      return ranges.length === 0 ? "false" : `(${present}) AND (${ranges.map((range) => `(${range})`).join(" OR ")})`;
    }
  }
}

/** Neighbouring bins as one range: low < x ≤ high, null for an open end. */
export function binRanges(
  bins: readonly number[],
  edges: readonly number[],
): (readonly [low: number | null, high: number | null])[] {
  const ranges: [first: number, last: number][] = [];
  for (const bin of bins.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === bin - 1) range[1] = bin;
    else ranges.push([bin, bin]);
  }
  return ranges.map(([first, last]) => [edges[first - 1] ?? null, edges[last] ?? null]);
}
