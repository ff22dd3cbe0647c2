import { defineMethod, total, type Setting } from "./method.ts";
import { referenceDeviation } from "./reference-deviation.ts";

/**
 * Wasserstein-1 (earth mover's) distance ∫ |F − G| dx: the mean way that rows must move, in the unit of the values
 * (`scipy.stats.wasserstein_distance(values, values, reference, current)`), or in standard deviations of the reference.
 *
 * Source: Kantorovich 1942; Vallender 1974 (that it is the integral).
 */
export function wassersteinDistance(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { values, scale = "raw" }: Setting = {},
): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let before = 0;
  let now = 0;
  let distance = 0;
  for (let cell = 0; cell + 1 < reference.length; cell += 1) {
    before += reference[cell]!;
    now += current[cell]!;
    const width = (values?.[cell + 1] ?? cell + 1) - (values?.[cell] ?? cell);
    distance += Math.abs(before / referenceRows - now / rows) * width;
  }
  return scale === "raw" ? distance : distance / referenceDeviation("wasserstein", reference, values);
}

/**
 * The same from counts in bins, rows spread evenly within each: F and G are known at the edges and run straight between.
 *
 * @param bins Edges ascending: bin b holds edges[b−1] < x ≤ edges[b], the first from `min` and the last up to `max`; rows
 *   beyond them count there.
 */
export function binnedWassersteinDistance(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  bins: { readonly edges: readonly number[]; readonly min: number; readonly max: number },
): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let before = 0;
  let now = 0;
  let distance = 0;
  let gap = 0;
  let from = bins.min;
  for (let bin = 0; bin < reference.length; bin += 1) {
    before += reference[bin]!;
    now += current[bin]!;
    const to = Math.min(Math.max(bins.edges[bin] ?? bins.max, from), bins.max);
    const next = before / referenceRows - now / rows;
    distance += meanHeight(gap, next) * (to - from);
    gap = next;
    from = to;
  }
  return distance;
}

/** Mean of |y| along the straight line from a to b. */
function meanHeight(a: number, b: number): number {
  if (a * b >= 0) return (Math.abs(a) + Math.abs(b)) / 2;
  return (a * a + b * b) / (2 * (Math.abs(a) + Math.abs(b)));
}

export const wasserstein = defineMethod({
  name: "wasserstein",
  title: "Wasserstein-1 distance",
  meaning: "How far values moved on average, in their own unit, or in standard deviations of the reference.",
  convention: "∫ |F − G| dx; scale `reference_sd` divides by the reference's population standard deviation.",
  source: "Kantorovich 1942; Vallender 1974",
  over: "values",
  options: ["scale"],
  value: wassersteinDistance,
});
