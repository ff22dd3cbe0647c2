import type { FeatureSchema } from "../../core/feature-schema.ts";
import { featurePositions } from "../../core/feature-schema.ts";
import type { FeatureType } from "../../core/feature-schema.ts";
import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams, sqlText } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import type { SeriesExpression } from "./series-expressions.ts";
import { slotSettings } from "./slots.ts";

/** SQL that is true in a row which counts; for `all_equal` a whole stretch counts or nothing of it. */
export type FastCondition =
  | { readonly kind: "rows"; readonly sql: string }
  | { readonly kind: "all_equal"; readonly sql: string };

export function missingCondition({ sql, type }: SeriesExpression): FastCondition {
  const empty = type === "number" ? `NOT isFinite(assumeNotNull(${sql}))` : "0";
  return { kind: "rows", sql: `if(isNull(${sql}), 1, ${empty})` };
}

/** @param range inclusive; null bounds leave that side open */
export function outOfRangeCondition({ sql }: SeriesExpression, range: { min: number; max: number }): FastCondition {
  // Doubles are read back exactly from their shortest digits.
  return { kind: "rows", sql: `ifNull(${sql} < ${range.min} OR ${sql} > ${range.max}, 0)` };
}

/** @param categories every category that the reference has */
export function unseenCondition({ sql, type }: SeriesExpression, categories: readonly string[]): FastCondition {
  const text = type === "number" ? `toString(assumeNotNull(${sql}))` : `assumeNotNull(${sql})`;
  return { kind: "rows", sql: `isNotNull(${sql}) AND ${text} NOT IN (${categories.map(sqlText).join(", ") || "''"})` };
}

/** A value under a schema that holds the feature as something else; never, if no schema does. */
export function typeMismatchCondition(
  feature: { readonly name: string; readonly type: FeatureType },
  schemas: readonly FeatureSchema[],
): FastCondition {
  const array = feature.type === "numeric" ? "num" : "cat";
  const places = schemas.flatMap((schema) => {
    const position = featurePositions(schema).get(feature.name);
    if (position === undefined || position.array === array) return [];
    return [`(schema_id = ${sqlText(schema.schemaId)} AND isNotNull(${position.array}[${position.index}]))`];
  });
  return { kind: "rows", sql: places.length === 0 ? "0" : places.join(" OR ") };
}

export function noPredictionCondition(): FastCondition {
  return { kind: "rows", sql: "isNull(prediction_class) AND isNull(prediction_num) AND empty(scores)" };
}

export function slowerCondition(latencyMs: number): FastCondition {
  return { kind: "rows", sql: `ifNull(latency_ms > ${latencyMs}, 0)` };
}

export function atMostCondition({ sql }: SeriesExpression, value: number): FastCondition {
  return { kind: "rows", sql: `ifNull(${sql} <= ${value}, 0)` };
}

export function equalsCondition({ sql }: SeriesExpression, value: string): FastCondition {
  return { kind: "rows", sql: `ifNull(toString(${sql}) = ${sqlText(value)}, 0)` };
}

export function allEqualCondition({ sql }: SeriesExpression): FastCondition {
  return { kind: "all_equal", sql };
}

export interface FastCounts {
  readonly startMs: number;
  readonly rows: number;
  /** Event time of the newest row. */
  readonly newestMs: number;
  /** Rows that count, in the order of the conditions. */
  readonly counts: readonly number[];
}

/** Counts the rows of each stretch of `stretchMs` (aligned to the epoch) of the scope that has any, in order of time. */
export async function countFast(
  facts: Facts,
  scope: RowScope,
  conditions: readonly FastCondition[],
  stretchMs: number,
): Promise<FastCounts[]> {
  const counts = conditions.map(({ kind, sql }) =>
    kind === "rows" ? `countIf(${sql})` : `if(min(${sql}) = max(${sql}) AND count(${sql}) = count(), count(), 0)`,
  );
  const rows = await facts.query<{ start_ms: number; row_count: number; newest_ms: number; counts: readonly number[] }>(
    `SELECT intDiv(toUnixTimestamp64Milli(event_time), {stretch:Int64}) * {stretch:Int64} AS start_ms, count() AS row_count,
       toUnixTimestamp64Milli(max(event_time)) AS newest_ms, [${counts.map((sql) => `toUInt64(ifNull(${sql}, 0))`).join(", ")}] AS counts
     FROM events WHERE ${scopeCondition} GROUP BY start_ms ORDER BY start_ms`,
    { ...scopeParams(scope), stretch: stretchMs },
    { settings: slotSettings },
  );
  return rows.map((row) => ({
    startMs: row.start_ms,
    rows: row.row_count,
    newestMs: row.newest_ms,
    counts: row.counts,
  }));
}

/** Rows with a latency and the 99 % quantile of them; null if there are none. */
export async function latencyOf(facts: Facts, scope: RowScope): Promise<{ rows: number; p99: number } | null> {
  const [row] = await facts.query<{ row_count: number; p99: number }>(
    `SELECT count(latency_ms) AS row_count, quantileExact(0.99)(latency_ms) AS p99 FROM events WHERE ${scopeCondition}`,
    scopeParams(scope),
  );
  return row === undefined || row.row_count === 0 ? null : { rows: row.row_count, p99: row.p99 };
}
