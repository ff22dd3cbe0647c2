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
    /** At least one. */
    readonly attributes: readonly string[];
    readonly version: string | null;
    /** Only rows of this slice. */
    readonly within: Slice;
    readonly limit: number;
  },
): Promise<SliceCount[]> {
  const { series, binning, focus, version } = options;
  const { attributes } = options;
  const columns = attributes.map((attribute, index) => `toString(cohorts[${sqlText(attribute)}]) AS a${index}`);
  const sets = ["()", ...attributes.map((_, index) => `(a${index})`)];
  // GROUPING SETS leave the columns of other attributes empty; rows without a value for an attribute are dropped below.
  const attributeName = attributes.map((name, index) => `grouping(a${index}) = 0, ${sqlText(name)}`);
  const attributeValue = attributes.map((_, index) => `grouping(a${index}) = 0, a${index}`);
  const conditions = [
    scopeCondition,
    ...(version === null ? [] : ["version = {version:String}"]),
    ...Object.entries(options.within).map(([name, value]) => `cohorts[${sqlText(name)}] = ${sqlText(value)}`),
  ];
  return facts.query<SliceCount>(
    `SELECT attribute, value, rows, weight, focus FROM (
       SELECT multiIf(${attributeName.join(", ")}, '') AS attribute, multiIf(${attributeValue.join(", ")}, '') AS value,
         count() AS rows, sum(w) AS weight, sumIf(w, in_focus) AS focus
       FROM (
         SELECT weight AS w, ${series.sql} AS v, ifNull(${focusSql(series, binning, focus)}, false) AS in_focus,
           ${columns.join(", ")}
         FROM events WHERE ${conditions.join(" AND ")}
       )
       GROUP BY GROUPING SETS (${sets.join(", ")})
     )
     WHERE attribute = '' OR value != ''
     ORDER BY rows DESC, attribute, value LIMIT {limit:UInt32} BY attribute`,
    { ...scopeParams(scope), version: version ?? "", limit: options.limit },
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
