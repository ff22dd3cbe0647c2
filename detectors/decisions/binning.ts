import { maxReferenceCategories, type Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";

/** A value of one event: null is missing. */
export type Value = number | string | null;

/**
 * The bins that a reference's values define: the same as the ones computed in the store, for tests and simulation.
 * Numeric with at most two distinct values is categorical.
 */
export function binningOf(values: readonly Value[]): Binning {
  const numbers = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  const texts = values.filter((value) => typeof value === "string");
  if (texts.length === 0 && numbers.length > 0 && new Set(numbers).size > 2) {
    return numericBinning(Float64Array.from(numbers).sort());
  }
  const counts = new Map<string, number>();
  for (const text of texts.length > 0 ? texts : numbers.map(String)) counts.set(text, (counts.get(text) ?? 0) + 1);
  const ordered = [...counts].toSorted(
    ([a, countA], [b, countB]) => countB - countA || Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  return {
    kind: "categorical",
    categories: ordered.slice(0, maxReferenceCategories).map(([category]) => category),
    distinct: ordered.length,
    singletons: ordered.filter(([, count]) => count === 1).length,
  };
}

/** Type-7 quantile of ascending values (Hyndman & Fan 1996: linear between order statistics at (n − 1)p). */
export function quantile(sorted: Float64Array, p: number): number {
  const position = (sorted.length - 1) * p;
  const low = Math.floor(position);
  const fraction = position - low;
  const value = sorted[low]!;
  return fraction === 0 ? value : value + fraction * (sorted[low + 1]! - value);
}

/** Distinct quantiles at i/128 and j/10. */
export function numericBinning(sorted: Float64Array): Extract<Binning, { kind: "numeric" }> {
  const deciles = [...new Set(Array.from({ length: 9 }, (_, j) => quantile(sorted, (j + 1) / 10)))];
  const grid = Array.from({ length: 127 }, (_, i) => quantile(sorted, (i + 1) / 128));
  const edges = [...new Set([...grid, ...deciles])].toSorted((a, b) => a - b);
  return { kind: "numeric", edges, decileEdges: deciles.map((value) => edges.indexOf(value)) };
}

/** The bin of a value: `edges[b − 1] < x ≤ edges[b]`; a value equal to an edge falls in the lower bin. */
export function binOf(edges: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= edges[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Counts of values in given bins. `known` are the reference's categories beyond those listed in the binning. */
export function countsOf(
  binning: Binning,
  values: readonly Value[],
  options: { readonly weights?: readonly number[]; readonly known?: ReadonlySet<string> } = {},
): SeriesCounts {
  const numeric = binning.kind === "numeric";
  const bins = new Float64Array(numeric ? binning.edges.length + 1 : binning.categories.length);
  const categories = new Map(numeric ? [] : binning.categories.map((category, index) => [category, index]));
  const unseen = new Map<string, number>();
  const counts = {
    rows: 0,
    weight: 0,
    weightSquares: 0,
    presentRows: 0,
    presentWeight: 0,
    presentWeightSquares: 0,
    missing: 0,
    nonFinite: 0,
    unlisted: 0,
    unseen: 0,
    sum: 0,
    sumSquares: 0,
    min: null as number | null,
    max: null as number | null,
  };
  const binSquares = new Float64Array(bins.length);
  const unseenSquares = new Map<string, number>();
  values.forEach((value, row) => {
    const weight = options.weights?.[row] ?? 1;
    counts.rows += 1;
    counts.weight += weight;
    counts.weightSquares += weight ** 2;
    if (value === null) {
      counts.missing += weight;
      return;
    }
    if (typeof value === "number" && !Number.isFinite(value)) {
      counts.nonFinite += weight;
      return;
    }
    counts.presentRows += 1;
    counts.presentWeight += weight;
    counts.presentWeightSquares += weight ** 2;
    if (numeric) {
      const x = Number(value);
      const bin = binOf(binning.edges, x);
      bins[bin]! += weight;
      binSquares[bin]! += weight ** 2;
      counts.min = counts.min === null ? x : Math.min(counts.min, x);
      counts.max = counts.max === null ? x : Math.max(counts.max, x);
      counts.sum += weight * x;
      counts.sumSquares += weight * x * x;
      return;
    }
    const category = String(value);
    const index = categories.get(category);
    if (index !== undefined) {
      bins[index]! += weight;
      binSquares[index]! += weight ** 2;
    } else if (options.known?.has(category)) counts.unlisted += weight;
    else {
      counts.unseen += weight;
      unseen.set(category, (unseen.get(category) ?? 0) + weight);
      unseenSquares.set(category, (unseenSquares.get(category) ?? 0) + weight ** 2);
    }
  });
  const [top] = [...unseen].toSorted(([a, x], [b, y]) => y - x || Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return {
    ...counts,
    bins,
    unseenTop: top?.[1] ?? 0,
    unseenTopValue: top?.[0] ?? null,
    unseenDistinct: unseen.size,
    ...(options.weights !== undefined && {
      squares: { bins: binSquares, unseenTop: top === undefined ? 0 : unseenSquares.get(top[0])! },
    }),
  };
}
