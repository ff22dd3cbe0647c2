import type { Binning } from "../../core/baseline.ts";
import { numericBinning } from "./binnings.ts";

/** i/128 and j/10 are both multiples of 1/640. */
export const quantileGrid = 640;

const gridLevels = [
  ...new Set([
    ...Array.from({ length: 127 }, (_, index) => (index + 1) * 5),
    ...Array.from({ length: 9 }, (_, index) => (index + 1) * 64),
  ]),
].toSorted((a, b) => a - b);

/**
 * Zero-based places, ascending, that `orderStatisticsSql` picks of a sorted array of `count` values: the two around each
 * quantile of the grid.
 */
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

/** The values at `orderStatisticPlaces` of a sorted array. @param last SQL of its length less one, at least 1. */
export function orderStatisticsSql(sorted: string, last: string): string {
  // A multiple of `last` lies in [640·(place − 1), 640·(place + 1)): the place is next to a quantile of the grid.
  return `arrayFilter((x, i) -> (${quantileGrid} * toUInt64(i) - 1) % ${last} < ${2 * quantileGrid}, ${sorted}, arrayEnumerate(${sorted}))`;
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
    if (place < last && high > edge) below.set(edge === 0 ? 0 : edge, place + 1);
    else if (place < last) countable = false;
    else below.set(edge, count);
    return edge;
  });
  const binning = numericBinning(quantiles) as Extract<Binning, { kind: "numeric" }>;
  if (!countable) return { binning, bins: null };
  let before = 0;
  const bins = Float64Array.from([...binning.edges, Number.POSITIVE_INFINITY], (edge) => {
    const upTo = edge === Number.POSITIVE_INFINITY ? count : below.get(edge)!;
    const inBin = upTo - before;
    before = upTo;
    return inBin;
  });
  return { binning, bins };
}
