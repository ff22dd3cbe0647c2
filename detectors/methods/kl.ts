import { defineMethod, logarithmUnit, type Setting } from "./method.ts";
import { smoothedShares } from "./smoothed-shares.ts";

/**
 * Kullback–Leibler divergence Σ p·ln(p/q) of the current sample q from the reference p, in the order of
 * `scipy.stats.entropy(reference, current)`; the smoothed shares are normalized, so it is never negative. Infinite with
 * `smoothing: "none"` if a cell of the reference is empty now.
 *
 * Source: Kullback & Leibler 1951.
 */
export function kullbackLeiblerDivergence(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { base = "e", smoothing = "half_row" }: Setting = {},
): number {
  const shares = smoothedShares(reference, current, smoothing);
  let referenceMass = 0;
  let mass = 0;
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const [p, q] = shares(cell);
    referenceMass += p;
    mass += q;
    if (p > 0 && p !== q) sum += p * Math.log(p / q);
  }
  // Smoothing adds a little mass on each side; this is the sum over p/referenceMass and q/mass.
  const divergence = sum / referenceMass + Math.log(mass / referenceMass);
  return Math.max(0, divergence) * logarithmUnit(base);
}

export const kl = defineMethod({
  name: "kl",
  title: "Kullback–Leibler divergence",
  meaning:
    "How badly the current shares describe rows of the reference; not symmetric, weighs categories that went away.",
  convention:
    "Σ p·ln(p/q) of the reference p against the current q, natural logarithm; an empty cell counts as half a row.",
  source: "Kullback & Leibler 1951",
  over: "cells",
  options: ["base", "smoothing"],
  value: kullbackLeiblerDivergence,
});
