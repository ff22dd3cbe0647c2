import { normalTail } from "../decisions/normal-tail.ts";
import { normalQuantile } from "./inverse-tail.ts";
import { type Alternative, defineMethod } from "./method.ts";

/**
 * z of two proportions with the pooled variance, reference less current, of counts [counted, others]; 0 if the pooled
 * share is 0 or 1 (`statsmodels.stats.proportion.proportions_ztest([x1, x2], [n1, n2])`).
 */
export function proportionsZ(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const [before = 0, othersBefore = 0] = [reference[0], reference[1]];
  const [now = 0, othersNow = 0] = [current[0], current[1]];
  const referenceRows = before + othersBefore;
  const rows = now + othersNow;
  const pooled = (before + now) / (referenceRows + rows);
  const variance = pooled * (1 - pooled) * (1 / referenceRows + 1 / rows);
  return variance > 0 ? (before / referenceRows - now / rows) / Math.sqrt(variance) : 0;
}

/** P of a statistic with a symmetric null, from its upper tail. */
export function symmetricPValue(tail: (x: number) => number, statistic: number, alternative: Alternative): number {
  if (alternative === "greater") return tail(statistic);
  if (alternative === "less") return tail(-statistic);
  return Math.min(1, 2 * tail(Math.abs(statistic)));
}

/** The critical value of a statistic with a symmetric null, from the inverse of its upper tail. */
export function symmetricThreshold(quantile: (p: number) => number, alpha: number, alternative: Alternative): number {
  if (alternative === "two-sided") return quantile(alpha / 2);
  return alternative === "greater" ? quantile(alpha) : -quantile(alpha);
}

export const zProportions = defineMethod({
  name: "z_proportions",
  title: "z-test of two proportions",
  meaning: "Evidence that a rate moved: above 0 the reference's rate is the higher one.",
  convention: "(p₁ − p₂)/√(p̄(1 − p̄)(1/n₁ + 1/n₂)), reference first, pooled variance, no continuity correction.",
  source: "Fleiss, Levin & Paik, Statistical Methods for Rates and Proportions, 2003",
  over: "pair",
  null: "normal",
  options: ["alternative"],
  value: proportionsZ,
  significance: (reference, current, { alternative = "two-sided" } = {}) => ({
    pValue: symmetricPValue(normalTail, proportionsZ(reference, current), alternative),
  }),
  threshold: (alpha, _reference, _current, { alternative = "two-sided" } = {}) =>
    symmetricThreshold(normalQuantile, alpha, alternative),
});
