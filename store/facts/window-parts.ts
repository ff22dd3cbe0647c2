import { formatSlice } from "../../core/slice.ts";
import type { Facts } from "./client.ts";
import type { CohortExpression } from "./cohort-expressions.ts";
import { sqlText } from "./row-scope.ts";

/** A watched attribute and those of its values that are measured on their own. */
export interface MeasuredAttribute extends CohortExpression {
  readonly values: readonly string[];
}

/** One part of a window's events, and what was measured of it. */
export interface WindowPart {
  readonly version: string;
  /** `formatSlice`: a watched slice, or `arm=…`; empty for the version as a whole. */
  readonly slice: string;
  readonly rows: number;
  /** By name. */
  readonly measured: Readonly<Record<string, unknown>>;
}

/** Versions, and values of one attribute over all versions, that are measured; those with the most rows. */
const mostParts = 200;

/**
 * Measures the events of a window by version, by version and arm (where there are several), and by version and watched slice, in
 * one pass; ordered by version and slice.
 *
 * @param rows A SELECT of the events with `version` and the columns that `measures` speak of. It wants `join_use_nulls = 0`.
 * @param rows.columns More of it: SQL over a row of `events`, with their names.
 * @param measures `… AS name` each: aggregates over those rows.
 */
export async function measureParts(
  facts: Facts,
  attributes: readonly MeasuredAttribute[],
  rows: (
    columns: readonly string[],
  ) => Promise<{ readonly sql: string; readonly params: Readonly<Record<string, unknown>> }>,
  measures: readonly string[],
): Promise<WindowPart[]> {
  const names = ["arm", ...attributes.map(({ attribute }) => attribute)];
  const { sql, params } = await rows([
    "toString(arm) AS part0",
    ...attributes.map(
      ({ sql: value, values }, index) =>
        `if(${value} IN (${values.map(sqlText).join(", ") || "''"}), toString(${value}), '') AS part${index + 1}`,
    ),
  ]);
  const chosen = (text: (index: number) => string) =>
    `multiIf(${names.map((_, index) => `grouping(part${index}) = 0, ${text(index)}`).join(", ")}, '')`;
  const sets = ["(version)", ...names.map((_, index) => `(version, part${index})`)];
  const found = await facts.query<
    { version: string; attribute: string; value: string; row_count: number } & Record<string, unknown>
  >(
    `SELECT version, ${chosen((index) => sqlText(names[index]!))} AS attribute, ${chosen((index) => `part${index}`)} AS value,
       count() AS row_count, ${measures.join(", ")}
     FROM (${sql})
     GROUP BY GROUPING SETS (${sets.join(", ")})
     HAVING attribute = '' OR value != ''
     ORDER BY row_count DESC, version, value LIMIT ${mostParts} BY attribute`,
    params,
    { settings: { join_use_nulls: 0 } },
  );
  const arms = new Set(found.filter(({ attribute }) => attribute === "arm").map(({ value }) => value));
  return found
    .filter(({ attribute }) => attribute !== "arm" || arms.size > 1)
    .map(({ version, attribute, value, row_count: count, ...measured }) => ({
      version,
      slice: attribute === "" ? "" : formatSlice({ [attribute]: value }),
      rows: count,
      measured,
    }))
    .toSorted((a, b) => (a.version === b.version ? compareText(a.slice, b.slice) : compareText(a.version, b.version)));
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
