import type { ValueCells } from "./merged-cells.ts";
import { total } from "./method.ts";

/** Fewer rows of the reference a bin say little about its share. */
const rowsPerBin = 5;

/** How many bins so many rows of a reference are cut into, if that many were asked for. */
export function binsFor(rows: number, bins: number): number {
  return Math.min(bins, Math.max(2, Math.floor(rows / rowsPerBin)));
}

/** Whether a reference of so few distinct values gets a cell for each of them. */
export function isDiscrete(distinct: number, rows: number, bins: number): boolean {
  return distinct <= bins && distinct * rowsPerBin <= rows;
}

/**
 * What `compareSamples` makes of numbers in a method over cells, for samples that are counted by value: the reference's few
 * distinct values are the cells, and one for all others; else its quantiles are the edges.
 *
 * @param reference Whole rows by value; the values ascend.
 */
export function cutInBins(
  { reference, current, values }: ValueCells,
  bins: number,
): readonly [reference: Float64Array, current: Float64Array] {
  const rows = total(reference);
  let distinct = 0;
  for (let cell = 0; cell < values.length; cell += 1) if (reference[cell]! > 0) distinct += 1;
  if (isDiscrete(distinct, rows, bins)) {
    const counts = [new Float64Array(distinct + 1), new Float64Array(distinct + 1)] as const;
    for (let cell = 0, to = 0; cell < values.length; cell += 1) {
      const known = reference[cell]! > 0;
      counts[0][known ? to : distinct]! += reference[cell]!;
      counts[1][known ? to : distinct]! += current[cell]!;
      if (known) to += 1;
    }
    return counts;
  }
  const edges = quantileEdges(reference, values, rows, binsFor(rows, bins));
  const counts = [new Float64Array(edges.length + 1), new Float64Array(edges.length + 1)] as const;
  for (let cell = 0, bin = 0; cell < values.length; cell += 1) {
    while (bin < edges.length && values[cell]! > edges[bin]!) bin += 1;
    counts[0][bin]! += reference[cell]!;
    counts[1][bin]! += current[cell]!;
  }
  return counts;
}

/** The distinct quantiles at i/bins, of type 7, as `quantile` finds them in sorted rows. */
function quantileEdges(reference: ArrayLike<number>, values: Float64Array, rows: number, bins: number): number[] {
  const edges: number[] = [];
  let cell = 0;
  let below = reference[0]!;
  for (let i = 1; i < bins; i += 1) {
    const position = (rows - 1) * (i / bins);
    const low = Math.floor(position);
    while (below <= low) below += reference[++cell]!;
    let next = cell;
    if (below <= low + 1)
      do next += 1;
      while (next < values.length && reference[next] === 0);
    const fraction = position - low;
    const value = values[cell]!;
    const edge = fraction === 0 ? value : between(value, values[next]!, fraction);
    if (edge !== edges.at(-1)) edges.push(edge);
  }
  return edges;
}

/** A value between two others, however far apart they are. */
export function between(low: number, high: number, fraction: number): number {
  const gap = high - low;
  return Number.isFinite(gap) ? low + fraction * gap : low * (1 - fraction) + high * fraction;
}

/** Neighbouring values thrown together in at most about `groups` cells of as many rows: bins are cut by rank. */
export function groupedByRank(cells: ValueCells, groups: number): ValueCells {
  const { reference, current, values } = cells;
  if (values.length <= groups) return cells;
  const most = (total(reference) + total(current)) / groups;
  const grouped = { reference: [] as number[], current: [] as number[], values: [] as number[] };
  let [before, now] = [0, 0];
  for (let cell = 0; cell < values.length; cell += 1) {
    before += reference[cell]!;
    now += current[cell]!;
    if (before + now < most && cell + 1 < values.length) continue;
    grouped.reference.push(before);
    grouped.current.push(now);
    grouped.values.push(values[cell]!);
    [before, now] = [0, 0];
  }
  return { reference: grouped.reference, current: grouped.current, values: Float64Array.from(grouped.values) };
}
