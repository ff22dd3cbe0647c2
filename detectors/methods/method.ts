/**
 * One statistic between two samples, reported beside every decision. Methods describe, they never decide: what opens a
 * finding is the decision layer.
 */
export interface Method<Name extends string = string> {
  /** Its name in reports, queries and metrics. */
  readonly name: Name;
  readonly title: string;
  /** What the number means and by which convention, in one sentence. */
  readonly convention: string;
  readonly source: string;
  /** `cells`: any cells in the same order. `ordered`: cells in the order of their values, as fine as they come (numeric only). */
  readonly over: "cells" | "ordered";
  /**
   * @param reference Counts per cell of the reference; with weights, shares times the effective number of rows.
   * @param current Counts per cell now, in the same cells. Both sum to more than 0.
   */
  readonly value: (reference: ArrayLike<number>, current: ArrayLike<number>) => number;
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
