import type { Contrast } from "./contrasts.ts";
import type { OmnibusStatistic } from "./omnibus.ts";

/** Standard normal quantile of 0.9: effects carry one-sided 90 % bounds. */
export const boundQuantile = 1.2816;

/** Share of rows moved, e = multiplier·|y − R|, and its standard error under inflation φ. */
export function effectOf(contrast: Contrast, y: number): number {
  return contrast.multiplier * Math.abs(y - contrast.reference);
}

export function effectError(contrast: Contrast, y: number, n: number, inflation: number): number {
  // A share that moved has another variance than the reference's: take the larger.
  const variance = contrast.form === "share" ? Math.max(contrast.variance, y * (1 - y)) : contrast.variance;
  return contrast.multiplier * Math.sqrt(inflation * variance * (1 / n + 1 / contrast.referenceSize));
}

/**
 * What X² vouches for, in share of rows moved: λ = X² − E[φ]·d estimates the noncentrality; its lower 90 % bound becomes
 * ½·√(λ/m), the total variation if every cell moved by the same proportion and more otherwise, so it is capped by the
 * plug-in total variation of the same cells. Already a bound: the gate needs no further error.
 */
export function omnibusEffect(
  statistic: Omit<OmnibusStatistic, "gSquare">,
  referenceSize: number,
  inflation: number,
): number {
  const { xSquare, degreesOfFreedom: d, n, totalVariation } = statistic;
  if (n <= 0) return 0;
  const m = (n * referenceSize) / (n + referenceSize);
  const lambda = xSquare - inflation * d;
  const error = Math.sqrt(2 * inflation ** 2 * d + 4 * inflation * Math.max(lambda, 0));
  return Math.min(totalVariation, 0.5 * Math.sqrt(Math.max(0, lambda - boundQuantile * error) / m));
}
