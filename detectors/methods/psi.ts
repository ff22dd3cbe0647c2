import { defineMethod, logarithmUnit, type Setting } from "./method.ts";
import { smoothedShares } from "./smoothed-shares.ts";

/**
 * Population stability index Σ (q − p)·ln(q/p): the symmetrized Kullback–Leibler divergence (Jeffreys 1946; Lewis, "An
 * Introduction to Credit Scoring", 1994). Cells that are empty on one side count as half a row there, shares are not
 * normalized again; cells that are empty on both sides are left out. Infinite with `smoothing: "none"` if a cell is
 * empty on one side only.
 *
 * @example psi([50, 50], [80, 20]) = 0.3·ln 1.6 − 0.3·ln 0.4 = 0.416
 */
export function populationStabilityIndex(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { base = "e", smoothing = "half_row" }: Setting = {},
): number {
  const shares = smoothedShares(reference, current, smoothing);
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const [p, q] = shares(cell);
    if (p !== q) sum += (q - p) * Math.log(q / p);
  }
  return sum * logarithmUnit(base);
}

export const psi = defineMethod({
  name: "psi",
  title: "Population stability index",
  meaning:
    "How far the shares of the cells moved, small cells included; the rule of thumb 0.1 and 0.25 knows no sample size, the threshold does.",
  convention: "Σ (q − p)·ln(q/p), natural logarithm; an empty cell counts as half a row.",
  source: "Jeffreys 1946; Lewis, An Introduction to Credit Scoring, 1994; its null: Yurdakul & Naranjo 2020",
  over: "cells",
  options: ["base", "smoothing"],
  value: populationStabilityIndex,
});
