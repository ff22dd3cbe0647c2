import { defineMethod, total } from "./method.ts";

/**
 * Jensen–Shannon distance: the square root of the divergence of both samples from their even mixture, logarithm to base
 * 2, so between 0 and 1 (`scipy.spatial.distance.jensenshannon(p, q, base=2)`).
 *
 * Source: Lin 1991; Endres & Schindelin 2003 (that the root is a metric).
 */
export function jensenShannonDistance(reference: ArrayLike<number>, current: ArrayLike<number>): number {
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
  return Math.sqrt(Math.min(1, Math.max(0, divergence)));
}

export const jensenShannon = defineMethod({
  name: "jensen_shannon",
  title: "Jensen–Shannon distance",
  convention:
    "Square root of the divergence, base 2 (0 … 1), over the reference's deciles or most frequent categories.",
  source: "Lin 1991; Endres & Schindelin 2003",
  over: "cells",
  value: jensenShannonDistance,
});
