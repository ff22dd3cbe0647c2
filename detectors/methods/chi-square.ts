import { defineMethod, total } from "./method.ts";

/**
 * Pearson's X² of homogeneity of the 2×k table of both samples, without Yates' correction; its degrees of freedom are
 * the cells that are not empty on both sides, less one. Grows with the number of rows: it is evidence, not effect.
 *
 * Source: Pearson 1900; NIST/SEMATECH e-Handbook 1.3.5.15 for the statistic.
 */
export function chiSquareStatistic(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const together = reference[cell]! + current[cell]!;
    if (together === 0) continue;
    const expectedBefore = (together * referenceRows) / (referenceRows + rows);
    const expectedNow = (together * rows) / (referenceRows + rows);
    sum +=
      (reference[cell]! - expectedBefore) ** 2 / expectedBefore + (current[cell]! - expectedNow) ** 2 / expectedNow;
  }
  return sum;
}

export const chiSquare = defineMethod({
  name: "chi_square",
  title: "Chi-square of homogeneity",
  convention:
    "Pearson's X² of the 2×k table over the reference's deciles or most frequent categories, uncorrected, rows assumed independent.",
  source: "Pearson 1900",
  over: "cells",
  value: chiSquareStatistic,
});
