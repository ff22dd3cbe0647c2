import { defineMethod, total } from "./method.ts";

/** Chebyshev distance max |q − p| of the shares: the largest change of one cell. */
export function largestShareChange(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let largest = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    largest = Math.max(largest, Math.abs(current[cell]! / rows - reference[cell]! / referenceRows));
  }
  return largest;
}

export const lInfinity = defineMethod({
  name: "l_infinity",
  title: "L-infinity distance",
  meaning: "The largest change of one cell, in shares: 0.1 is a category that went from 20 % to 30 % of the rows.",
  convention: "max |q − p| over shares.",
  source: "Chebyshev's distance; for drift: Breck et al., Data Validation for Machine Learning, 2019",
  over: "cells",
  value: largestShareChange,
});
