import type { Binning } from "../../core/baseline.ts";
import type { ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import { methods, type MethodName } from "./registry.ts";

const reportedCategories = 30;

/**
 * Every method's number for one series: over the reference's deciles (numeric) or its 30 most frequent categories and
 * one cell for all others (categorical); ordered methods over the numeric bins as they are. Weighted counts become
 * shares of the effective number of rows.
 *
 * @returns Empty if either side has no value: not measured.
 */
export function reportedNumbers(
  reference: Pick<ReferenceProfile, "binning" | "pooled">,
  current: SeriesCounts,
): Partial<Record<MethodName, number>> {
  const { binning, pooled } = reference;
  if (!(pooled.presentWeight > 0) || !(current.presentWeight > 0)) return {};
  const cells = { before: cellsOf(binning, pooled), now: cellsOf(binning, current) };
  const result: Partial<Record<MethodName, number>> = {};
  for (const method of methods) {
    if (method.over === "cells") {
      result[method.name] = method.value(cells.before, cells.now);
    } else if (binning.kind === "numeric") {
      result[method.name] = method.value(effective(pooled.bins, pooled), effective(current.bins, current));
    }
  }
  return result;
}

/** Counts over the deciles, or over the most frequent categories and one cell for all others. */
export function cellsOf(binning: Binning, counts: SeriesCounts): Float64Array {
  if (binning.kind === "categorical") {
    const shown = Math.min(reportedCategories, binning.categories.length);
    const cells = new Float64Array(shown + 1);
    let listed = 0;
    for (let cell = 0; cell < shown; cell += 1) listed += cells[cell] = counts.bins[cell] ?? 0;
    // Rounding of weighted sums must not make a rest where there is none.
    const rest = counts.presentWeight - listed;
    cells[shown] = rest > 1e-9 * counts.presentWeight ? rest : 0;
    return effective(cells, counts);
  }
  const cells = new Float64Array(binning.decileEdges.length + 1);
  let cell = 0;
  for (let bin = 0; bin <= binning.edges.length; bin += 1) {
    cells[cell]! += counts.bins[bin] ?? 0;
    if (bin === binning.decileEdges[cell]) cell += 1;
  }
  return effective(cells, counts);
}

function effective(cells: ArrayLike<number>, counts: SeriesCounts): Float64Array {
  const factor = counts.presentWeight / counts.presentWeightSquares;
  return Float64Array.from(cells, (count) => count * factor);
}
