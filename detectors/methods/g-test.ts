import { deviance } from "./binomial-probability.ts";
import { chiSquareSignificance, chiSquareThreshold } from "./chi-square.ts";
import { defineMethod, total } from "./method.ts";

/**
 * G = 2·Σ O·ln(O/E) of homogeneity of the 2×k table, without a correction
 * (`scipy.stats.chi2_contingency([reference, current], correction=False, lambda_="log-likelihood")`).
 *
 * Source: Wilks 1938; Sokal & Rohlf, Biometry, 1981.
 */
export function gStatistic(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const referenceRows = total(reference);
  const rows = total(current);
  const all = referenceRows + rows;
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const before = reference[cell]!;
    const now = current[cell]!;
    const together = before + now;
    if (together === 0) continue;
    // O·ln(O/E) + E − O: the added differences sum to 0, and no term is below it, so that nothing cancels.
    sum += deviance(before, together * (referenceRows / all)) + deviance(now, together * (rows / all));
  }
  return 2 * sum;
}

export const gTest = defineMethod({
  name: "g_test",
  title: "G-test of homogeneity",
  meaning: "Evidence that the shares differ, as a likelihood ratio; adds up over independent tables.",
  convention: "2·Σ O·ln(O/E) of the 2×k table, uncorrected, rows assumed independent.",
  source: "Wilks 1938; Sokal & Rohlf, Biometry, 1981",
  over: "cells",
  null: "χ² with one degree of freedom fewer than there are occupied cells",
  value: gStatistic,
  significance: (reference, current) => chiSquareSignificance(gStatistic(reference, current), reference, current),
  threshold: chiSquareThreshold,
});
