import type { Binning } from "../../core/baseline.ts";
import type { ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import { chiSquare } from "./chi-square.ts";
import { jensenShannon } from "./jensen-shannon.ts";
import { ks } from "./ks.ts";
import { psi } from "./psi.ts";
import { totalVariation } from "./total-variation.ts";
import { binnedWassersteinDistance } from "./wasserstein.ts";

const reportedCategories = 30;

/** The methods whose numbers stand beside every decision: two effects, two kinds of evidence, and a distance that is a metric. */
const reportedMethods = [psi, ks, chiSquare, totalVariation, jensenShannon] as const;

/** `wasserstein_sd` is the Wasserstein distance in standard deviations of the reference. */
type ReportedName = (typeof reportedMethods)[number]["name"] | "wasserstein" | "wasserstein_sd";

/**
 * The reported methods' numbers for one series: over the reference's deciles (numeric) or its 30 most frequent
 * categories and one cell for all others (categorical); ordered methods over the numeric bins as they are, and the
 * Wasserstein distance over them with rows spread evenly within each bin. Weighted counts become shares of the effective
 * number of rows.
 *
 * @returns Empty if either side has no value: not measured.
 */
export function reportedNumbers(
  reference: Pick<ReferenceProfile, "binning" | "pooled">,
  current: SeriesCounts,
): Partial<Record<ReportedName, number>> {
  const { binning, pooled } = reference;
  if (!(pooled.presentWeight > 0) || !(current.presentWeight > 0)) return {};
  const cells = { before: cellsOf(binning, pooled), now: cellsOf(binning, current) };
  const result: Partial<Record<ReportedName, number>> = {};
  for (const method of reportedMethods) {
    if (method.over === "cells") {
      result[method.name] = method.value(cells.before, cells.now);
    } else if (binning.kind === "numeric") {
      result[method.name] = method.value(effective(pooled.bins, pooled), effective(current.bins, current));
    }
  }
  if (binning.kind === "numeric") Object.assign(result, wassersteinOf(binning, pooled, current));
  return result;
}

/**
 * Rows beyond the reference's range count at its ends; how far beyond is in the difference of the means, which no
 * Wasserstein distance is less than. In standard deviations only if the reference varies.
 */
function wassersteinOf(
  { edges }: Extract<Binning, { kind: "numeric" }>,
  pooled: SeriesCounts,
  current: SeriesCounts,
): { wasserstein?: number; wasserstein_sd?: number } {
  const { min, max } = pooled;
  if (min === null || max === null) return {};
  const mean = pooled.sum / pooled.presentWeight;
  const distance = Math.max(
    binnedWassersteinDistance(pooled.bins, current.bins, { edges, min, max }),
    Math.abs(current.sum / current.presentWeight - mean),
  );
  const variance = pooled.sumSquares / pooled.presentWeight - mean * mean;
  // Less than rounding leaves of the squares is no variance.
  const sd = variance > 1e-12 * mean * mean ? Math.sqrt(variance) : 0;
  return { wasserstein: distance, ...(sd > 0 && { wasserstein_sd: distance / sd }) };
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
