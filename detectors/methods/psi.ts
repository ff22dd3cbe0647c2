import { defineMethod, total } from "./method.ts";

/** An empty cell counts as this many rows, or one new category would make the index infinite. */
const emptyCell = 0.5;

/**
 * Population stability index Σ (q − p)·ln(q/p), natural logarithm: the symmetrized Kullback–Leibler divergence
 * (Jeffreys 1946; Lewis, "An Introduction to Credit Scoring", 1994). Cells that are empty on one side count as half a
 * row there, shares are not normalized again; cells that are empty on both sides are left out.
 *
 * @example psi([50, 50], [80, 20]) = 0.3·ln 1.6 − 0.3·ln 0.4 = 0.416
 */
export function populationStabilityIndex(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const before = reference[cell]!;
    const now = current[cell]!;
    if (before === 0 && now === 0) continue;
    const p = (before === 0 ? emptyCell : before) / referenceRows;
    const q = (now === 0 ? emptyCell : now) / rows;
    sum += (q - p) * Math.log(q / p);
  }
  return sum;
}

export const psi = defineMethod({
  name: "psi",
  title: "Population stability index",
  convention:
    "Σ (q − p)·ln(q/p) over the reference's deciles or most frequent categories; an empty cell counts as half a row.",
  source: "Jeffreys 1946; Lewis, An Introduction to Credit Scoring, 1994",
  over: "cells",
  value: populationStabilityIndex,
});
