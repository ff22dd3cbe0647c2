import { chiSquareTail } from "../decisions/chi-square-tail.ts";
import { chiSquareQuantile } from "./inverse-tail.ts";
import { defineMethod, occupiedCells, total, type Significance } from "./method.ts";

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

/**
 * The chance of a χ² statistic of a 2×k table, and its degrees of freedom: the cells that are not empty on both sides,
 * less one. The approximation wants about five expected rows a cell; `smallestExpected` says how many there are.
 */
export function chiSquareSignificance(
  statistic: number,
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
): Significance {
  const degreesOfFreedom = occupiedCells(reference, current) - 1;
  const referenceRows = total(reference);
  const rows = total(current);
  let smallest = Infinity;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const together = reference[cell]! + current[cell]!;
    if (together > 0) smallest = Math.min(smallest, together);
  }
  return {
    pValue: degreesOfFreedom === 0 ? 1 : chiSquareTail(statistic, degreesOfFreedom),
    numbers: {
      degreesOfFreedom,
      smallestExpected: (smallest * Math.min(referenceRows, rows)) / (referenceRows + rows),
    },
  };
}

/** The critical value of a χ² statistic of a 2×k table. */
export function chiSquareThreshold(alpha: number, reference: ArrayLike<number>, current: ArrayLike<number>): number {
  return chiSquareQuantile(alpha, occupiedCells(reference, current) - 1);
}

export const chiSquare = defineMethod({
  name: "chi_square",
  title: "Chi-square of homogeneity",
  meaning:
    "Evidence that the shares differ, the reference's own noise counted; grows with the rows, so it is no effect.",
  convention: "Pearson's X² of the 2×k table, without Yates' correction, rows assumed independent.",
  source: "Pearson 1900",
  over: "cells",
  null: "χ² with one degree of freedom fewer than there are occupied cells",
  value: chiSquareStatistic,
  significance: (reference, current) =>
    chiSquareSignificance(chiSquareStatistic(reference, current), reference, current),
  threshold: chiSquareThreshold,
});
