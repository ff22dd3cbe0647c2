import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import { emptyCounts, pooledCounts } from "../baselines/counts.ts";
import { binOf } from "../decisions/binning.ts";
import { createRandom, type Random } from "./random.ts";
import { createModel, type Change, type SimulatedModel, type StreamSpec } from "./streams.ts";

/**
 * How rows are weighted, whatever their values. `lognormal`: weights with σ = 1, the effective size is 0.37 of the rows.
 * `sampled`: nine rows in ten were kept one in one, the tenth stands for twenty; the effective size is 0.21 of the rows.
 */
export type RowWeights = "lognormal" | "sampled";

const draws: Readonly<Record<RowWeights, (random: Random) => number>> = {
  lognormal: (random) => Math.exp(random.normal()),
  sampled: (random) => (random.uniform() < 0.1 ? 20 : 1),
};
/** So that the rows are those of the same model without weights. */
const ofWeights = 2;

/** The model of `createModel`, its rows counted by weight. Whole-model features alone. */
export function createWeightedModel(
  weights: RowWeights,
  stream: StreamSpec,
  change: Change | null,
  ...seeds: readonly number[]
): SimulatedModel {
  const model = createModel(stream, change, ...seeds);
  const random = createRandom(...seeds, ofWeights);
  const counted = (columns: readonly Float64Array[]): SeriesCounts[] => {
    const rows = columns[0]?.length ?? 0;
    const weight = Float64Array.from({ length: rows }, () => draws[weights](random));
    return columns.map((values, column) => weightedCounts(model.reference[column]!.binning, values, weight));
  };
  const subWindows = model.referenceValues.map(counted);
  const reference = model.reference.map((profile, column) => {
    const own = subWindows.map((window) => window[column]!);
    return { ...profile, pooled: pooledCounts(own, profile.binning), subWindows: own };
  });
  return {
    ...model,
    reference,
    live: (w) => {
      const live = model.live(w);
      const counts = counted(live.values);
      return { ...live, profiles: live.profiles.map((profile, column) => ({ ...profile, counts: counts[column]! })) };
    },
  };
}

function weightedCounts(binning: Binning, values: Float64Array, weights: Float64Array): SeriesCounts {
  const slot = slotsOf(binning);
  const bins = new Float64Array(binning.kind === "numeric" ? binning.edges.length + 1 : binning.categories.length);
  const binSquares = new Float64Array(bins.length);
  const unseen = new Map<number, readonly [weight: number, squares: number]>();
  const sums = { weight: 0, weightSquares: 0, presentRows: 0, presentWeight: 0, presentWeightSquares: 0, missing: 0 };
  for (const [row, value] of values.entries()) {
    const weight = weights[row]!;
    sums.weight += weight;
    sums.weightSquares += weight ** 2;
    if (Number.isNaN(value)) {
      sums.missing += weight;
      continue;
    }
    sums.presentRows += 1;
    sums.presentWeight += weight;
    sums.presentWeightSquares += weight ** 2;
    const bin = slot(value);
    if (bin === null) {
      const [before, squares] = unseen.get(value) ?? [0, 0];
      unseen.set(value, [before + weight, squares + weight ** 2]);
    } else {
      bins[bin]! += weight;
      binSquares[bin]! += weight ** 2;
    }
  }
  const news = [...unseen.values()].toSorted(([a], [b]) => b - a);
  return {
    ...emptyCounts(binning),
    ...sums,
    rows: values.length,
    bins,
    unseen: news.reduce((sum, [weight]) => sum + weight, 0),
    unseenTop: news[0]?.[0] ?? 0,
    unseenDistinct: news.length,
    squares: { bins: binSquares, unseenTop: news[0]?.[1] ?? 0 },
  };
}

/** From a value of the stream to its bin; null if the reference never had it. */
function slotsOf(binning: Binning): (value: number) => number | null {
  if (binning.kind === "numeric") {
    const edges = Float64Array.from(binning.edges);
    return (value) => binOf(edges, value);
  }
  // Categories of a stream are named by their number, `c0042`.
  const positions = new Map(binning.categories.map((name, position) => [Number(name.slice(1)), position]));
  return (value) => positions.get(value) ?? null;
}
