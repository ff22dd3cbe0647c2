import { maxReferenceCategories } from "../../core/baseline.ts";
import type { Binning } from "../../core/baseline.ts";
import type { Facts } from "./client.ts";
import { scopeCondition, scopeParams } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import type { SeriesExpression } from "./series-expressions.ts";

/** i/128 and j/10, ascending; 1/2 is in both. */
const levels = [
  ...new Set([
    ...Array.from({ length: 127 }, (_, index) => (index + 1) / 128),
    ...Array.from({ length: 9 }, (_, index) => (index + 1) / 10),
  ]),
].toSorted((a, b) => a - b);

const decileLevels = new Set(Array.from({ length: 9 }, (_, index) => (index + 1) / 10));

/** Exact quantiles keep all values of their columns in memory: so many columns at a time. */
const columnsPerStatement = 8;

/**
 * The bins of each series, from the reference's rows: distinct type-7 quantiles (`quantilesExactInclusive`; Hyndman & Fan
 * 1996) for numbers, the most frequent categories for text. A number with at most two distinct finite values is counted
 * as categorical, its values as text.
 */
export async function createBinnings(
  facts: Facts,
  scope: RowScope,
  series: readonly SeriesExpression[],
): Promise<Binning[]> {
  const binnings = new Map<SeriesExpression, Binning>();
  const numbers = series.filter((one) => one.type === "number");
  for (let start = 0; start < numbers.length; start += columnsPerStatement) {
    const chunk = numbers.slice(start, start + columnsPerStatement);
    const columns = chunk.map(
      ({ sql }, index) =>
        `quantilesExactInclusive(${levels.join(", ")})(if(isFinite(${sql}), ${sql}, NULL)) AS quantiles${index},
         uniqUpTo(2)(if(isFinite(${sql}), ${sql}, NULL)) AS distinct${index}`,
    );
    const [row] = await facts.query<Record<string, unknown>>(
      `SELECT ${columns.join(", ")} FROM events WHERE ${scopeCondition}`,
      scopeParams(scope),
    );
    for (const [index, one] of chunk.entries()) {
      if (Number(row?.[`distinct${index}`] ?? 0) <= 2) continue;
      binnings.set(one, numericBinning(row?.[`quantiles${index}`] as readonly number[]));
    }
  }
  for (const one of series) {
    if (!binnings.has(one)) binnings.set(one, await categoricalBinning(facts, scope, one));
  }
  return series.map((one) => binnings.get(one) as Binning);
}

/** Ties collapse: an edge stands once, and a decile's index points at it. */
export function numericBinning(quantiles: readonly number[]): Binning {
  const edges: number[] = [];
  const decileEdges: number[] = [];
  for (const [index, quantile] of quantiles.entries()) {
    // −0 and 0 are one edge.
    const edge = quantile === 0 ? 0 : quantile;
    if (edges.at(-1) !== edge) edges.push(edge);
    const last = edges.length - 1;
    if (decileLevels.has(levels[index] as number) && decileEdges.at(-1) !== last) decileEdges.push(last);
  }
  return { kind: "numeric", edges, decileEdges };
}

async function categoricalBinning(facts: Facts, scope: RowScope, series: SeriesExpression): Promise<Binning> {
  const finite = series.type === "number" ? `AND isFinite(${series.sql})` : "";
  const rows = await facts.query<{ category: string; distinct: number; singletons: number }>(
    `SELECT toString(assumeNotNull(${series.sql})) AS category, count() AS frequency,
       count() OVER () AS distinct, sum(frequency = 1) OVER () AS singletons
     FROM events WHERE ${scopeCondition} AND isNotNull(${series.sql}) ${finite}
     GROUP BY category ORDER BY frequency DESC, category LIMIT ${maxReferenceCategories}`,
    scopeParams(scope),
  );
  return {
    kind: "categorical",
    categories: rows.map((row) => row.category),
    distinct: Number(rows[0]?.distinct ?? 0),
    singletons: Number(rows[0]?.singletons ?? 0),
  };
}
