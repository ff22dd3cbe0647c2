import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import type { SparseCounts } from "../../store/facts/profiles.ts";
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

export function denseCounts(sparse: SparseCounts, binning: Binning): SeriesCounts {
  const { binIndex, binWeight, ...counts } = sparse;
  const bins = new Float64Array(binCount(binning));
  for (const [position, index] of binIndex.entries()) bins[index] = binWeight[position] ?? 0;
  return { ...counts, bins };
}

/**
 * Counts of two sets of rows together. New categories of both are not known to be the same ones: `unseenTop` is the larger
 * of the two, `unseenDistinct` their sum.
 */
export function addCounts(a: SeriesCounts, b: SeriesCounts): SeriesCounts {
  const bins = Float64Array.from(a.bins);
  for (let bin = 0; bin < bins.length; bin++) bins[bin] = (bins[bin] ?? 0) + (b.bins[bin] ?? 0);
  const top = b.unseenTop > a.unseenTop ? b : a;
  return {
    rows: a.rows + b.rows,
    weight: a.weight + b.weight,
    weightSquares: a.weightSquares + b.weightSquares,
    presentRows: a.presentRows + b.presentRows,
    presentWeight: a.presentWeight + b.presentWeight,
    presentWeightSquares: a.presentWeightSquares + b.presentWeightSquares,
    missing: a.missing + b.missing,
    nonFinite: a.nonFinite + b.nonFinite,
    bins,
    unlisted: a.unlisted + b.unlisted,
    unseen: a.unseen + b.unseen,
    unseenTop: top.unseenTop,
    unseenTopValue: top.unseenTopValue,
    unseenDistinct: a.unseenDistinct + b.unseenDistinct,
    min: a.min === null ? b.min : b.min === null ? a.min : Math.min(a.min, b.min),
    max: a.max === null ? b.max : b.max === null ? a.max : Math.max(a.max, b.max),
    sum: a.sum + b.sum,
    sumSquares: a.sumSquares + b.sumSquares,
  };
}
