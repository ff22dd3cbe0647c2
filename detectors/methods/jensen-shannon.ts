import { defineMethod, logarithmUnit, total, type Setting } from "./method.ts";

/**
 * Jensen–Shannon distance: the square root of the divergence of both samples from their even mixture; with the logarithm
 * to base 2 between 0 and 1 (`scipy.spatial.distance.jensenshannon(p, q, base=2)`).
 *
 * Source: Lin 1991; Endres & Schindelin 2003 (that the root is a metric).
 */
export function jensenShannonDistance(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { base = 2 }: Setting = {},
): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let divergence = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const p = reference[cell]! / referenceRows;
    const q = current[cell]! / rows;
    const mixture = (p + q) / 2;
    if (p > 0) divergence += (p * Math.log2(p / mixture)) / 2;
    if (q > 0) divergence += (q * Math.log2(q / mixture)) / 2;
  }
  // Rounding may leave equal samples a hair below 0.
  return Math.sqrt(Math.min(1, Math.max(0, divergence)) * (logarithmUnit(base) / Math.LOG2E));
}

export const jensenShannon = defineMethod({
  name: "jensen_shannon",
  title: "Jensen–Shannon distance",
  meaning: "How well a row tells which of the two samples it comes from: 0 not at all, 1 (base 2) always.",
  convention: "Square root of the divergence from the even mixture, base 2 (0 … 1); no smoothing is needed.",
  source: "Lin 1991; Endres & Schindelin 2003",
  over: "cells",
  options: ["base"],
  value: jensenShannonDistance,
});
