import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import { binCount } from "../../store/facts/slots.ts";

/** Counts of no rows at all. */
export function emptyCounts(binning: Binning): SeriesCounts {
  return {
    rows: 0,
    weight: 0,
    weightSquares: 0,
    presentRows: 0,
    presentWeight: 0,
    presentWeightSquares: 0,
    missing: 0,
    nonFinite: 0,
    bins: new Float64Array(binCount(binning)),
    unlisted: 0,
    unseen: 0,
    unseenTop: 0,
    unseenTopValue: null,
    unseenDistinct: 0,
    min: null,
    max: null,
    sum: 0,
    sumSquares: 0,
  };
}

/**
 * Counts of many sets of rows, in the bins of one binning, together. New categories of several are not known to be the same
 * ones: `unseenTop` is the largest of theirs, `unseenDistinct` their sum.
 */
export function pooledCounts(counts: readonly SeriesCounts[], binning: Binning): SeriesCounts {
  const bins = new Float64Array(binCount(binning));
  const sum = { ...emptyCounts(binning), bins };
  const squares = counts.some((one) => one.squares !== undefined)
    ? { bins: new Float64Array(bins.length), unseenTop: 0 }
    : undefined;
  for (const one of counts) {
    for (let bin = 0; bin < bins.length; bin++) bins[bin]! += one.bins[bin] ?? 0;
    if (squares !== undefined) {
      // Without squares of its own every row weighs 1, or is taken to weigh as all of its window do.
      const typical = one.presentWeight > 0 ? one.presentWeightSquares / one.presentWeight : 0;
      const own = one.squares;
      for (let bin = 0; bin < bins.length; bin++) {
        squares.bins[bin]! += own === undefined ? (one.bins[bin] ?? 0) * typical : (own.bins[bin] ?? 0);
      }
      if (one.unseenTop > sum.unseenTop) squares.unseenTop = own?.unseenTop ?? one.unseenTop * typical;
    }
    sum.rows += one.rows;
    sum.weight += one.weight;
    sum.weightSquares += one.weightSquares;
    sum.presentRows += one.presentRows;
    sum.presentWeight += one.presentWeight;
    sum.presentWeightSquares += one.presentWeightSquares;
    sum.missing += one.missing;
    sum.nonFinite += one.nonFinite;
    sum.unlisted += one.unlisted;
    sum.unseen += one.unseen;
    if (one.unseenTop > sum.unseenTop) {
      sum.unseenTop = one.unseenTop;
      sum.unseenTopValue = one.unseenTopValue;
    }
    sum.unseenDistinct += one.unseenDistinct;
    if (one.min !== null) sum.min = sum.min === null ? one.min : Math.min(sum.min, one.min);
    if (one.max !== null) sum.max = sum.max === null ? one.max : Math.max(sum.max, one.max);
    sum.sum += one.sum;
    sum.sumSquares += one.sumSquares;
  }
  return squares === undefined ? sum : { ...sum, squares };
}
