/**
 * Which way two samples may differ, in SciPy's words with the reference first: `less` is a reference that lies below the
 * current sample, and for `ks`, as there, one whose distribution function does: it lies above.
 */
export type Alternative = "two-sided" | "less" | "greater";

/** How a method is computed, beyond the two samples; every option has a default that the method documents. */
export interface Setting {
  /** Base of the logarithm. */
  readonly base?: 2 | "e" | undefined;
  /** `half_row`: an empty cell counts as half a row (`smoothedShares`); `none`: the bare formula. */
  readonly smoothing?: "half_row" | "none" | undefined;
  /** `reference_sd`: values are divided by the standard deviation of the reference first. */
  readonly scale?: "raw" | "reference_sd" | undefined;
  readonly alternative?: Alternative | undefined;
  /** Value of each cell, strictly increasing; without it the cells' numbers 0, 1, 2, … */
  readonly values?: ArrayLike<number> | undefined;
}

/** What a method says about chance: the probability of such a score or a more extreme one if nothing changed. */
export interface Significance {
  readonly pValue: number;
  /** What the method found on its way, e.g. `degreesOfFreedom`; finite numbers. */
  readonly numbers?: Readonly<Record<string, number>>;
}

/**
 * One statistic between two samples. Methods describe, they never decide: what opens a finding is the decision layer.
 */
export interface Method<Name extends string = string> {
  /** Its name in reports, queries and metrics. */
  readonly name: Name;
  readonly title: string;
  /** What a reader learns from the number, in one sentence. */
  readonly meaning: string;
  /** How the number is defined and by which convention, in one sentence. */
  readonly convention: string;
  readonly source: string;
  /**
   * What the counts are over. `cells`: any cells in the same order. `pair`: two cells, the first of which is counted.
   * `ordered`: cells in the order of their values, as fine as they come. `values`: the same, and distances between the
   * values matter (`setting.values`).
   */
  readonly over: "cells" | "pair" | "ordered" | "values";
  /** Distribution of the score if nothing changed, in words; with `significance` only. */
  readonly null?: string;
  /** Its null has no ties: where most rows share a value, a threshold is drawn anew instead. */
  readonly nullWithoutTies?: true;
  /** Which settings it heeds. */
  readonly options?: readonly ("base" | "smoothing" | "scale" | "alternative")[];
  /**
   * @param reference Counts per cell of the reference; with weights, shares times the effective number of rows.
   * @param current Counts per cell now, in the same cells. Both sum to more than 0.
   */
  readonly value: (reference: ArrayLike<number>, current: ArrayLike<number>, setting?: Setting) => number;
  /** The test that belongs to the statistic; absent for distances without one. */
  readonly significance?: (reference: ArrayLike<number>, current: ArrayLike<number>, setting?: Setting) => Significance;
  /**
   * The score that chance exceeds with probability `alpha` if nothing changed, for these sizes. For a signed statistic
   * it is the upper critical value (the lower one for the alternative `less`). Without it, the null is found by drawing
   * the samples' rows anew (`resampled-null.ts`).
   */
  readonly threshold?: (
    alpha: number,
    reference: ArrayLike<number>,
    current: ArrayLike<number>,
    setting?: Setting,
  ) => number;
}

export function defineMethod<const Name extends string>(method: Method<Name>): Method<Name> {
  return method;
}

/** Sum of counts. */
export function total(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let cell = 0; cell < counts.length; cell += 1) sum += counts[cell]!;
  return sum;
}

/** Cells in which some sample has rows. */
export function occupiedCells(...samples: readonly [ArrayLike<number>, ...ArrayLike<number>[]]): number {
  let occupied = 0;
  for (let cell = 0; cell < samples[0].length; cell += 1) {
    if (samples.some((counts) => counts[cell]! > 0)) occupied += 1;
  }
  return occupied;
}

/** Factor that turns natural logarithms into those of the base. */
export function logarithmUnit(base: 2 | "e"): number {
  return base === 2 ? Math.LOG2E : 1;
}

/** Counts are rows, of which exact tests know the distribution, if all are whole; weighted ones are not. */
export function areWhole(...samples: readonly ArrayLike<number>[]): boolean {
  return samples.every((counts) => {
    for (let cell = 0; cell < counts.length; cell += 1) if (!Number.isInteger(counts[cell]!)) return false;
    return true;
  });
}
