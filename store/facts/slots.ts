import type { Binning } from "../../core/baseline.ts";
import { sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import type { SeriesExpression } from "./series-expressions.ts";

/** A series of a baseline with the SQL that gives its value in a row. */
export interface BinnedExpression extends SeriesExpression {
  readonly binning: Binning;
  /** Version of the series in `baseline_series` that holds the bins. */
  readonly binningVersion: string;
}

/** Slots behind the bins of a series, in this order. */
export const extraSlots = ["missing", "non_finite", "unlisted", "unseen"] as const;

export function binCount(binning: Binning): number {
  return binning.kind === "numeric" ? binning.edges.length + 1 : binning.categories.length;
}

const binningParts = ["negated", "edge_indices", "categories", "category_indices"] as const;
type BinningPart = (typeof binningParts)[number];

/**
 * One scalar subquery for the bins of all series (each costs milliseconds of its own), and the place of each series in it.
 * `negated`: −edge in ascending order, after a sentinel below them all; `edge_indices`: the bin that each stands for.
 */
export function binningsOf(series: readonly BinnedExpression[]): {
  readonly sql: string;
  readonly position: (series: BinnedExpression) => number;
} {
  const key = ({ role, feature, binningVersion }: BinnedExpression) => [role, feature, binningVersion] as const;
  const ordered = series.toSorted((a, b) => {
    const [left, right] = [key(a), key(b)];
    for (const [part, text] of left.entries()) {
      const order = Buffer.compare(Buffer.from(text), Buffer.from(right[part] ?? ""));
      if (order !== 0) return order;
    }
    return 0;
  });
  const wanted = ordered.map((one) => `(${key(one).map(sqlText).join(", ")})`).join(", ");
  const sql = `(
  SELECT groupArray((
    arrayConcat([-1.7976931348623157e308], arrayReverse(arrayMap(e -> -e, edges))),
    arrayMap(i -> toUInt16(i), reverse(range(toUInt64(length(edges) + 1)))),
    categories,
    arrayMap(i -> toUInt16(i), range(toUInt64(length(categories))))))
  FROM (
    SELECT toString(role) AS r, toString(feature) AS f, toString(version) AS v, edges, categories FROM baseline_series
    WHERE baseline_id = {baselineId:String} AND slice = '' AND (r, f, v) IN (${wanted})
    ORDER BY r, f, v, created_at DESC LIMIT 1 BY r, f, v
  ))`;
  return { sql, position: (one) => ordered.indexOf(one) + 1 };
}

/** Where the bins are stored, and where the reference's rows lie (a binning need not list every category). */
export function slotParams(baselineId: string, reference: RowScope): Record<string, unknown> {
  return {
    baselineId,
    referenceEnvironment: reference.environment,
    referenceModel: reference.model,
    referenceFrom: reference.fromMs,
    referenceTo: reference.toMs,
    referenceVersion: reference.version ?? "",
  };
}

/** A statement over many series is longer than the engine's default limits allow. */
export const slotSettings = {
  max_query_size: 16 * 1024 * 1024,
  max_ast_elements: 1_000_000,
  max_expanded_ast_elements: 1_000_000,
};

/** Whether categories that the binning does not list are looked for among the reference's rows. */
function asksReference({ binning }: BinnedExpression, kind: "reference" | "live"): boolean {
  return kind === "live" && binning.kind === "categorical" && binning.distinct > binning.categories.length;
}

/**
 * Settings of a statement over the columns of these series. By default a branch of `if` is computed for the rows that take
 * it, and those are picked out first; all but a look-up among the reference's rows cost less than the picking. None throws.
 */
export function settingsOf(series: readonly BinnedExpression[], kind: "reference" | "live") {
  const eager = !series.some((one) => asksReference(one, kind));
  return { ...slotSettings, ...(eager && { short_circuit_function_evaluation: "disable" }) };
}

/**
 * Columns over a row of `events`: `slotN`, the slot of the series' value, and the value itself where moments (`finiteN`) or
 * new categories (`textN`) need it. The statement has `binningsOf` as `binnings` and the parameters of `slotParams`.
 */
export function slotColumns(
  series: BinnedExpression,
  index: number,
  request: {
    readonly kind: "reference" | "live";
    /** Of `binningsOf`. */
    readonly position: (series: BinnedExpression) => number;
  },
): string[] {
  const { binning } = series;
  const bins = binCount(binning);
  const slot = (name: (typeof extraSlots)[number]) => `toUInt16(${bins + extraSlots.indexOf(name)})`;
  const constant = (part: BinningPart) => `binnings[${request.position(series)}].${binningParts.indexOf(part) + 1}`;
  const value = `v${index}`;

  if (binning.kind === "numeric") {
    // The upper edge of a bin is the smallest edge that is not below x: on negated values that is what roundDown finds, so
    // a value equal to an edge falls in the lower bin. What lies above the last edge meets the sentinel.
    const negated = constant("negated");
    const indices = constant("edge_indices");
    const lookUp = `transform(roundDown(-assumeNotNull(${value}), ${negated}), ${negated}, ${indices}, toUInt16(0))`;
    return [
      `${series.sql} AS ${value}`,
      // Of NULL isFinite is NULL, which `if` takes as false.
      `if(isFinite(${value}), ${lookUp}, if(isNull(${value}), ${slot("missing")}, ${slot("non_finite")})) AS slot${index}`,
      // Not by the slot: the engine would analyse the look-up once more, about two milliseconds a series.
      `if(isFinite(${value}), ${value}, NULL) AS finite${index}`,
    ];
  }

  const text = series.type === "number" ? `toString(assumeNotNull(${value}))` : `assumeNotNull(${value})`;
  const other =
    request.kind === "reference"
      ? slot("unlisted")
      : asksReference(series, request.kind)
        ? `if(${text} IN (SELECT ${text.replaceAll(value, `(${series.sql})`)} FROM events WHERE ${referenceCondition}), ${slot("unlisted")}, ${slot("unseen")})`
        : slot("unseen");
  const found =
    bins === 0 ? other : `transform(${text}, ${constant("categories")}, ${constant("category_indices")}, ${other})`;
  const finite = series.type === "number" ? `NOT isFinite(assumeNotNull(${value})), ${slot("non_finite")}, ` : "";
  return [
    `${series.sql} AS ${value}`,
    `multiIf(isNull(${value}), ${slot("missing")}, ${finite}${found}) AS slot${index}`,
    `${text} AS text${index}`,
  ];
}

const referenceCondition =
  "environment = {referenceEnvironment:String} AND model = {referenceModel:String}" +
  " AND event_time >= fromUnixTimestamp64Milli({referenceFrom:Int64}, 'UTC')" +
  " AND event_time < fromUnixTimestamp64Milli({referenceTo:Int64}, 'UTC')" +
  " AND ({referenceVersion:String} = '' OR version = {referenceVersion:String})";
