import { defineMethod, total } from "./method.ts";

/**
 * Total variation distance ½·Σ |q − p|: the share of rows that would have to move to make the samples alike. Plug-in:
 * two samples of one population are apart by chance, by about √(k/n)/2 over k cells.
 */
export function totalVariationDistance(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    sum += Math.abs(current[cell]! / rows - reference[cell]! / referenceRows);
  }
  // Rounding must not make two disjoint samples more than wholly different.
  return Math.min(1, sum / 2);
}

export const totalVariation = defineMethod({
  name: "total_variation",
  title: "Total variation distance",
  meaning: "The share of rows that would have to move to make the samples alike, sampling noise included.",
  convention: "½·Σ |q − p| over shares.",
  source: "Levin, Peres & Wilmer, Markov Chains and Mixing Times, 2009, 4.1",
  over: "cells",
  value: totalVariationDistance,
});
