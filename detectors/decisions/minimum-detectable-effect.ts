import type { Contrast } from "./contrasts.ts";
import { boundQuantile, effectError, effectOf, omnibusEffect } from "./effect.ts";
import { mixtureTail } from "./evidence.ts";
import { scoreZ, shareZ } from "./g-statistic.ts";
import { omnibusTail } from "./omnibus.ts";

const rounds = 30;

/**
 * The smallest *observed* effect of a contrast that would have passed both gates with n rows (a true change of that size
 * would have been found about half the time). In share of rows moved; 1 if nothing short of everything would pass.
 */
export function minimumDetectableEffect(
  contrast: Contrast,
  at: {
    readonly n: number;
    readonly direction: 1 | -1;
    readonly threshold: number;
    readonly floor: number;
    /** E[φ] (omnibus: without g), 1 + (E[φ] − 1)·g, and the contrast's posterior with φ' on the grid. */
    readonly mean: number;
    readonly inflation: number;
    readonly posterior: Float64Array;
    readonly offset: number;
    readonly inflations: Float64Array;
    readonly omnibusDegrees: number;
  },
): number {
  if (!(at.n > 0)) return 1;
  if (contrast.form === "omnibus") {
    const d = at.omnibusDegrees;
    const effect = (xSquare: number) =>
      omnibusEffect({ xSquare, degreesOfFreedom: d, n: at.n, totalVariation: 1 }, contrast.referenceSize, at.mean);
    const passes = (xSquare: number) =>
      omnibusTail({ gSquare: xSquare, degreesOfFreedom: d }, at.posterior, at.offset, at.inflations) <= at.threshold &&
      effect(xSquare) > at.floor;
    const smallest = bisect(passes, 0, 4 * at.n + 100 * d);
    return smallest === null ? 1 : Math.min(1, effect(smallest));
  }
  // Where there is no room on this side the other side is what could have been seen.
  const up =
    at.direction > 0 && !contrast.oneSided ? contrast.reference < 1 : contrast.oneSided || contrast.reference <= 0;
  const room = up ? 1 - contrast.reference : contrast.reference;
  const meanAt = (distance: number) => contrast.reference + (up ? distance : -distance);
  const passes = (distance: number) => {
    const y = meanAt(distance);
    const z =
      contrast.form === "score"
        ? scoreZ(y, at.n, contrast.reference, contrast.referenceSize, contrast.variance)
        : shareZ(y, at.n, contrast.reference, contrast.referenceSize, at.inflation);
    const p = mixtureTail(z, at.posterior, at.offset, at.inflations, contrast.oneSided);
    const bound = effectOf(contrast, y) - boundQuantile * effectError(contrast, y, at.n, at.inflation);
    return p <= at.threshold && bound > at.floor;
  };
  const smallest = bisect(passes, 0, room);
  return smallest === null ? 1 : Math.min(1, effectOf(contrast, meanAt(smallest)));
}

/** The smallest value that passes, if the largest does. */
function bisect(passes: (value: number) => boolean, from: number, to: number): number | null {
  if (!passes(to)) return null;
  let low = from;
  let high = to;
  for (let round = 0; round < rounds; round += 1) {
    const middle = (low + high) / 2;
    if (passes(middle)) high = middle;
    else low = middle;
  }
  return high;
}
