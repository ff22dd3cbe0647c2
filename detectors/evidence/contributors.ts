import type { Share } from "../../core/finding.ts";
import type { PooledReference, SeriesCounts } from "../../core/profile.ts";

export const maxContributors = 8;

interface Group {
  readonly name: string;
  readonly reference: number;
  readonly current: number;
}

/**
 * The categories, or stretches of the number line, whose share of the rows changed the most, largest first. Bins of a
 * number are joined to the stretches between the reference's deciles, so that a reader gets ten places and not a hundred.
 */
export function contributors(reference: PooledReference, current: SeriesCounts, unit: string | null): Share[] {
  const { binning, pooled } = reference;
  if (!(pooled.presentWeight > 0) || !(current.presentWeight > 0)) return [];
  const groups = binning.kind === "numeric" ? stretches(reference, current, unit) : categories(reference, current);
  return groups
    .filter((group) => group.reference !== group.current)
    .toSorted((a, b) => Math.abs(b.current - b.reference) - Math.abs(a.current - a.reference))
    .slice(0, maxContributors);
}

function stretches({ binning, pooled }: PooledReference, current: SeriesCounts, unit: string | null): Group[] {
  if (binning.kind !== "numeric") return [];
  const { edges, decileEdges } = binning;
  const lasts = [...new Set([...decileEdges, edges.length])];
  let first = 0;
  return lasts.map((last) => {
    const bins = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    const name = rangeName(edges[first - 1] ?? null, edges[last] ?? null, unit);
    first = last + 1;
    return {
      name,
      reference: sum(bins, pooled.bins) / pooled.presentWeight,
      current: sum(bins, current.bins) / current.presentWeight,
    };
  });
}

/** `350 to 412 miles` (350 itself lies below), `up to 350`, `over 2,475`. */
export function rangeName(low: number | null, high: number | null, unit: string | null): string {
  const suffix = unit === null ? "" : ` ${unit}`;
  if (low === null) return high === null ? "any value" : `up to ${shortNumber(high)}${suffix}`;
  if (high === null) return `over ${shortNumber(low)}${suffix}`;
  return `${shortNumber(low)} to ${shortNumber(high)}${suffix}`;
}

/** Four significant digits: enough to recognise a value by. */
export function shortNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 4 });
}

function categories({ binning, pooled }: PooledReference, current: SeriesCounts): Group[] {
  if (binning.kind !== "categorical") return [];
  const share = (counts: SeriesCounts, weight: number) => weight / counts.presentWeight;
  const groups: Group[] = binning.categories.map((name, index) => ({
    name,
    reference: share(pooled, pooled.bins[index] ?? 0),
    current: share(current, current.bins[index] ?? 0),
  }));
  if (current.unseen > 0) {
    const top = current.unseenTopValue;
    if (top !== null) groups.push({ name: top, reference: 0, current: share(current, current.unseenTop) });
    if (current.unseenDistinct > 1) {
      groups.push({
        name: `${current.unseenDistinct - 1} other new values`,
        reference: 0,
        current: share(current, current.unseen - current.unseenTop),
      });
    }
  }
  return groups;
}

function sum(indices: readonly number[], values: ArrayLike<number>): number {
  return indices.reduce((total, index) => total + (values[index] ?? 0), 0);
}

/**
 * Mean, and median by linear interpolation within its bin (so off by less than one bin of 1/128 of the reference). Empty if
 * the series is no number.
 */
export function summary(reference: PooledReference, current: SeriesCounts): Record<string, number> {
  const { binning, pooled } = reference;
  if (binning.kind !== "numeric" || !(pooled.presentWeight > 0) || !(current.presentWeight > 0)) return {};
  const numbers = {
    reference_mean: pooled.sum / pooled.presentWeight,
    current_mean: current.sum / current.presentWeight,
    reference_median: median(pooled, binning.edges),
    current_median: median(current, binning.edges),
  };
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => Number.isFinite(value)));
}

function median(counts: SeriesCounts, edges: readonly number[]): number {
  const half = counts.presentWeight / 2;
  let below = 0;
  for (let bin = 0; bin <= edges.length; bin++) {
    const weight = counts.bins[bin] ?? 0;
    if (below + weight >= half && weight > 0) {
      const low = Math.max(edges[bin - 1] ?? counts.min ?? Number.NaN, counts.min ?? Number.NEGATIVE_INFINITY);
      const high = Math.min(edges[bin] ?? counts.max ?? Number.NaN, counts.max ?? Number.POSITIVE_INFINITY);
      return low + ((high - low) * (half - below)) / weight;
    }
    below += weight;
  }
  return Number.NaN;
}

/** Bins whose share grew: their gain is the share of rows moved between the binned distributions. */
export function grownBins({ pooled }: PooledReference, current: SeriesCounts): number[] {
  const bins: number[] = [];
  for (let bin = 0; bin < pooled.bins.length; bin++) {
    const before = (pooled.bins[bin] ?? 0) / pooled.presentWeight;
    if ((current.bins[bin] ?? 0) / current.presentWeight > before) bins.push(bin);
  }
  return bins;
}

/** The categories that the change is about: the one that moved most, and those that moved the same way at least a quarter as far. */
export function movedCategories(shares: readonly Share[]): string[] {
  const [top] = shares;
  if (top === undefined) return [];
  const change = top.current - top.reference;
  return shares
    .filter((share) => (share.current - share.reference) * Math.sign(change) >= Math.abs(change) / 4)
    .map((share) => share.name);
}
