import { chiSquareSignificance, chiSquareStatistic, chiSquareThreshold } from "./chi-square.ts";
import { defineMethod, occupiedCells, total } from "./method.ts";

/** V of a 2×k table with n rows and that X². */
function correctedV(chiSquare: number, cells: number, n: number): number {
  if (n <= 1 || cells < 2) return 0;
  const association = Math.max(0, chiSquare / n - (cells - 1) / (n - 1));
  const columns = cells - (cells - 1) ** 2 / (n - 1);
  const samples = 2 - 1 / (n - 1);
  const most = Math.min(columns - 1, samples - 1);
  return most <= 0 ? 0 : Math.min(1, Math.sqrt(association / most));
}

/**
 * Bias-corrected Cramér's V between the row's sample and its cell, 0 … 1: what chance alone gives is taken off, and what
 * is left is 0 if nothing is.
 *
 * Source: Bergsma 2013.
 */
export function cramersVStatistic(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  return correctedV(
    chiSquareStatistic(reference, current),
    occupiedCells(reference, current),
    total(reference) + total(current),
  );
}

export const cramersV = defineMethod({
  name: "cramers_v",
  title: "Cramér's V, bias-corrected",
  meaning:
    "Strength of the change between 0 and 1; exactly 0 when chance explains it. Depends on the ratio of the sizes.",
  convention: "√(φ̃²/min(k̃ − 1, r̃ − 1)) with Bergsma's corrections, of the 2×k table.",
  source: "Cramér 1946; Bergsma 2013",
  over: "cells",
  null: "that of chi_square, whose p-value it gives",
  value: cramersVStatistic,
  significance: (reference, current) =>
    chiSquareSignificance(chiSquareStatistic(reference, current), reference, current),
  threshold: (alpha, reference, current) =>
    correctedV(
      chiSquareThreshold(alpha, reference, current),
      occupiedCells(reference, current),
      total(reference) + total(current),
    ),
});
