import type { Binning } from "../../core/baseline.ts";
import { numericBinning } from "./binnings.ts";

/** i/128 and j/10 are both multiples of 1/640. */
const quantileGrid = 640;

/** In 640ths, ascending. */
const gridLevels = [
  ...new Set([
    ...Array.from({ length: 127 }, (_, index) => (index + 1) * 5),
    ...Array.from({ length: 9 }, (_, index) => (index + 1) * 64),
  ]),
].toSorted((a, b) => a - b);

/**
 * The values around each quantile of the grid, and no more of them: at `orderStatisticPlaces` of a sorted array.
 *
 * @param sorted SQL of an ascending array. @param last SQL of its length less one, at least 1.
 */
export function orderStatisticsSql(sorted: string, last: string): string {
  // A multiple of `last` lies in [640·(place − 1), 640·(place + 1)): the place is next to a quantile of the grid.
  return `arrayFilter((x, i) -> (${quantileGrid} * toUInt64(i) - 1) % ${last} < ${2 * quantileGrid}, ${sorted}, arrayEnumerate(${sorted}))`;
}

/** Zero-based places, ascending, that `orderStatisticsSql` picks of an array of `count` values. */
export function orderStatisticPlaces(count: number): number[] {
  const last = count - 1;
  if (last <= 2 * quantileGrid) return Array.from({ length: count }, (_, place) => place);
  const places = new Set<number>();
  for (let level = 0; level <= quantileGrid; level += 1) {
    const place = Math.floor((level * last) / quantileGrid);
    places.add(place);
    if (place < last) places.add(place + 1);
  }
  return [...places].toSorted((a, b) => a - b);
}

/**
 * Bins at the distinct type-7 quantiles i/128 and j/10 (Hyndman & Fan 1996), and how many values lie in each.
 *
 * @param picked The values at `orderStatisticPlaces(count)`. @param count At least 1.
 * @returns `bins` is null if equal values surround an edge: how many there are, the picked ones do not tell.
 */
export function binsFromOrderStatistics(
  picked: readonly number[],
  count: number,
): { readonly binning: Extract<Binning, { kind: "numeric" }>; readonly bins: Float64Array | null } {
  const at = new Map(orderStatisticPlaces(count).map((place, index) => [place, picked[index]!]));
  const last = count - 1;
  let countable = true;
  const below = new Map<number, number>();
  const quantiles = gridLevels.map((level) => {
    const place = Math.floor((level * last) / quantileGrid);
    const fraction = ((level * last) % quantileGrid) / quantileGrid;
    const low = at.get(place)!;
    const high = at.get(Math.min(place + 1, last))!;
    // (1 − f)·low + f·high would leave the range by rounding, f·(high − low) overflows at the ends of what a double holds.
    const between = low + fraction * (high - low);
    const edge = fraction === 0 || low === high ? low : Number.isFinite(between) ? between : low / 2 + high / 2;
    if (place < last && !(high > edge)) countable = false;
    below.set(edge === 0 ? 0 : edge, place + 1);
    return edge;
  });
  const binning = numericBinning(quantiles) as Extract<Binning, { kind: "numeric" }>;
  if (!countable) return { binning, bins: null };
  let before = 0;
  const bins = Float64Array.from([...binning.edges, Number.POSITIVE_INFINITY], (edge) => {
    const upTo = edge === Number.POSITIVE_INFINITY ? count : below.get(edge === 0 ? 0 : edge)!;
    const inBin = upTo - before;
    before = upTo;
    return inBin;
  });
  return { binning, bins };
}

/**
 * Where the marks of the edges stand in an array, from 1; the first of equals: `binsFromMarks` makes counts of it. One node
 * of SQL an edge, since the engine takes longer to understand a statement than to search.
 *
 * @param sorted SQL of an array of Float64 in ascending order that holds the `edgeMarks` as well.
 */
export function markPlacesSql(sorted: string, edges: readonly number[]): string {
  return `[${edgeMarks(edges)
    .map((mark) => `indexOfAssumeSorted(${sorted}, ${mark})`)
    .join(", ")}]`;
}

/** Values in each bin. @param places As `markPlacesSql` gives them. @param count Of all values, without the marks. */
export function binsFromMarks(places: readonly number[], count: number): Float64Array {
  let before = 0;
  return Float64Array.from([...places, count + places.length + 1], (place, index) => {
    const upTo = place - 1 - index;
    const inBin = upTo - before;
    before = upTo;
    return inBin;
  });
}

/** The next double above each edge: what is below it is not above the edge. SQL; the engine reads it back bit for bit. */
export function edgeMarks(edges: readonly number[]): string[] {
  const view = new DataView(new ArrayBuffer(8));
  return edges.map((edge) => {
    view.setFloat64(0, edge);
    const bits = view.getBigUint64(0);
    view.setBigUint64(0, edge === 0 ? 1n : edge > 0 ? bits + 1n : bits - 1n);
    const mark = String(view.getFloat64(0));
    if (mark === "Infinity") return "inf";
    return /[.e]/.test(mark) ? mark : `${mark}.`;
  });
}
