import type { Binning, Series } from "../../core/baseline.ts";
import type { Signal } from "../../core/finding.ts";
import type { PooledReference, SeriesCounts } from "../../core/profile.ts";
import { designEffect, scoreRowWeights, shareRowWeights, type RowWeights } from "./design-effect.ts";
import type { Season, WeekdayWeights } from "./season.ts";

/**
 * A contrast is the mean of a score between 0 and 1 over a window, held against its mean in the reference: a category's
 * share, the share below a decile, the mean rank, the missing rate. Every contrast is a lower bound of the share of rows
 * that moved (times its multiplier), so that one floor fits all.
 */
export interface Contrast {
  readonly name: string;
  readonly signal: ContrastSignal;
  /** `omnibus` has no score of its own: it compares several shares at once. */
  readonly form: "score" | "share" | "omnibus";
  /** What it is a mean over: rows with a value, all rows, or (distinct values) rows with a value, unweighted. */
  readonly over: "present" | "all" | "present_rows";
  /** R, and V = variance per row in the reference. */
  readonly reference: number;
  readonly variance: number;
  /** N, effective. */
  readonly referenceSize: number;
  readonly multiplier: number;
  /** Its share of its signal's α, both horizons together. */
  readonly share: number;
  /** One-sided contrasts are judged in one window only, never pooled. */
  readonly oneSided: boolean;
  /** The long horizon's part of `share`; by the kind of series if it is absent. */
  readonly longShare?: number;
  /** Its part of the floor on effects; 1 unless a control version is compared: see `heldAgainst`. */
  readonly floorShare?: number;
  /** What a weighted reference says of its rows' weights. */
  readonly rowWeights?: RowWeights;
}

export type ContrastSignal = Extract<Signal, "distribution" | "missing" | "unseen">;
/** What windows decide; the other signals are the fast cadence's. */
export type WindowSignal = ContrastSignal | "silence" | "custom" | "joint";

/** The sums a window leaves behind: enough for every contrast, and windows pool by adding them up. */
export interface WindowSums {
  readonly rows: number;
  readonly weight: number;
  readonly weightSquares: number;
  readonly presentRows: number;
  readonly presentWeight: number;
  readonly presentWeightSquares: number;
  /** Σ w·score per contrast; 0 for the omnibus. */
  readonly sums: readonly number[];
  /**
   * Of weighted rows, per contrast: Σw² of the rows that a share counts, Σw²·(score − mean)² of scores, 0 for the others.
   * Absent where every row weighs 1, or the squares were not kept: then they are taken as spread like the weights.
   */
  readonly squares?: readonly number[];
  /** The control version's rows of the same window, brought to the same weight: what this window is held against. */
  readonly control?: ControlSums;
  /** Of a series with a season: Σw of all rows and of those with a value, by weekday. */
  readonly weekdays?: WeekdayWeights;
}

/** A control version's sums. */
export interface ControlSums extends Omit<WindowSums, "control" | "weekdays"> {
  /** Σ w·(score − mean)² of each score; 0 for shares, whose variance their mean says. */
  readonly scatter: readonly number[];
}

/** A reference series made ready to be compared with. */
export interface SeriesContrasts {
  readonly series: Series;
  readonly kind: Binning["kind"];
  readonly contrasts: readonly Contrast[];
  /** Index of the omnibus in `contrasts`, or −1. */
  readonly omnibus: number;
  /** Indices in `contrasts` of the kept categories' shares, most frequent first (for the omnibus' cells). */
  readonly keptShares: readonly number[];
  /** True if rows have values but no category is frequent enough to be followed. */
  readonly nothingKept: boolean;
  readonly referenceRows: number;
  readonly referencePresentRows: number;
  /** Its windows are held against the control version's rows of the same window: see `concurrentSums`. */
  readonly concurrent: boolean;
  /** Weekdays differ in the reference; null if they do not, or it cannot say. */
  readonly season: Season | null;
  project(counts: SeriesCounts): WindowSums;
  /** Σ w·(score − mean)² of each score; 0 for the other contrasts. */
  scatter(counts: SeriesCounts): readonly number[];
}

const maxKeptCategories = 30;
const minKeptCount = 25;
/** Rows that a reference needs before anything is held against it. */
export const minReferenceRows = 100;
/** Small windows of a canary say most together: half of a comparison's α is for the long horizon. */
const concurrentLongShare = 0.5;
/** Turns a shift of the mean rank into the share of rows moved, for a normal shape: 0.1σ = 0.028 rank = 0.040 of the rows. */
const rankMultiplier = Math.SQRT2;

/**
 * A number for each contrast. No typed array: a window has tens of thousands of these, each with a dozen numbers, and memory
 * of its own beside the heap costs a typed array more than all that is computed in it.
 */
export function zeros(count: number): number[] {
  while (noughts.length < count) noughts.push(...noughts);
  return noughts.slice(0, count);
}

/**
 * Copied, these are an array of doubles from the start. V8 makes an array that begins with whole numbers twice: again when
 * the first fraction comes.
 */
const noughts = Array.from({ length: 64 }, () => 0.5);
noughts.fill(0);

/** (Σw)²/Σw²: the number of equally weighted rows that carry as much information. */
export function effectiveSize(weight: number, weightSquares: number): number {
  return weightSquares > 0 ? (weight * weight) / weightSquares : 0;
}

/**
 * Whether weights add up to something that shares can be made of. A weight near the ends of what a double holds (a
 * producer's 1e300) leaves sums that are infinite or 0: such counts measure nothing, and must not pass for quiet ones.
 */
export function isMeasurable(
  counts: Pick<
    SeriesCounts,
    "weight" | "weightSquares" | "presentRows" | "presentWeight" | "presentWeightSquares" | "missing" | "nonFinite"
  >,
): boolean {
  const sound = (weight: number, weightSquares: number): boolean => {
    const size = effectiveSize(weight, weightSquares);
    return size > 0 && Number.isFinite(size);
  };
  return (
    sound(counts.weight, counts.weightSquares) &&
    (counts.presentRows === 0 || sound(counts.presentWeight, counts.presentWeightSquares)) &&
    Number.isFinite(counts.missing + counts.nonFinite)
  );
}

/** The mean of a contrast's score in a window (or in pooled windows), and n. */
export function meanOf(contrast: Contrast, index: number, window: WindowSums): { y: number; n: number } {
  const sum = window.sums[index]!;
  if (contrast.over === "present_rows") return { y: sum / window.presentRows, n: window.presentRows };
  const { weight, weightSquares } = weightsOver(contrast, window);
  const y = sum / weight;
  const n = effectiveSize(weight, weightSquares);
  if (window.squares === undefined) return { y, n };
  const now = rowWeightsIn(contrast, { sum, weight, squares: window.squares[index]!, weightSquares });
  return { y, n: n / designEffect(y, now, contrast.rowWeights) };
}

/** Σw and Σw² of the rows that a weighted contrast is a mean over. */
export function weightsOver(
  contrast: Contrast,
  sums: Pick<WindowSums, "weight" | "weightSquares" | "presentWeight" | "presentWeightSquares">,
): { weight: number; weightSquares: number } {
  return contrast.over === "all"
    ? { weight: sums.weight, weightSquares: sums.weightSquares }
    : { weight: sums.presentWeight, weightSquares: sums.presentWeightSquares };
}

function rowWeightsIn(contrast: Contrast, sums: Parameters<typeof shareRowWeights>[0]): RowWeights {
  return contrast.form === "score"
    ? scoreRowWeights(sums, contrast.variance)
    : shareRowWeights(sums, contrast.rowWeights);
}

/** What weights leave of `size`, n of a window as (Σw)²/Σw², for a contrast whose mean is the reference's. */
export function sizeFor({ reference, rowWeights }: Pick<Contrast, "reference" | "rowWeights">, size: number): number {
  return rowWeights === undefined ? size : size / designEffect(reference, rowWeights, rowWeights);
}

/** Raw rows that a contrast of this signal speaks of; the minima of 30 and 100 are on these. */
export function rowsOf(signal: Signal, window: { readonly rows: number; readonly presentRows: number }): number {
  return signal === "missing" ? window.rows : window.presentRows;
}

/**
 * The contrasts of one series. A contrast whose score is constant in the reference (V = 0) is left out, except the
 * quality signals' shares, for which G is defined at 0 and 1 as well.
 *
 * @param options.omnibus Whether a categorical series gets the joint X² contrast: the whole model only, since χ² tails
 *   with cells of 5 are not to be trusted at the α of a slice.
 * @param options.concurrent Whether windows are held against a control version's; not by default.
 */
export function contrastsOf(
  profile: PooledReference,
  options: { readonly omnibus: boolean; readonly concurrent?: boolean },
): SeriesContrasts {
  const { binning, pooled, series } = profile;
  // A reference that measures nothing is none, whatever its number of rows.
  const measured = pooled.rows > 0 && isMeasurable(pooled);
  const rows = measured ? pooled.rows : 0;
  const presentRows = measured ? pooled.presentRows : 0;
  const contrasts: Contrast[] = [];
  /** How each contrast's sum comes from counts, in the same order. */
  const projections: ((counts: SeriesCounts, cumulative: Float64Array) => number)[] = [];
  const scoresByContrast = new Map<number, Float64Array>();
  const { concurrent = false } = options;
  const presentSize = effectiveSize(pooled.presentWeight, pooled.presentWeightSquares);
  const add = (contrast: Contrast, projection: (typeof projections)[number]): number => {
    contrasts.push(madeAlike(contrast));
    projections.push(projection);
    return contrasts.length - 1;
  };
  const distribution = {
    signal: "distribution",
    over: "present",
    referenceSize: presentSize,
    multiplier: 1,
    oneSided: false,
    ...(concurrent && { longShare: concurrentLongShare }),
  } as const;

  const keptShares: number[] = [];
  let omnibus = -1;
  let nothingKept = false;
  if (presentRows >= minReferenceRows) {
    if (binning.kind === "numeric") {
      for (const { contrast, scores } of rankContrasts(binning, pooled)) {
        const c = add({ ...distribution, ...contrast }, (counts) => weightedSum(counts.bins, scores));
        scoresByContrast.set(c, scores);
      }
      const deciles = binning.decileEdges
        .map((edge) => ({ edge, reference: cumulativeShare(pooled, edge) }))
        .filter(({ reference }) => reference > 0 && reference < 1);
      for (const { edge, reference } of deciles) {
        add(
          {
            ...distribution,
            name: `share of values up to ${formatNumber(binning.edges[edge]!)}`,
            form: "share",
            reference,
            variance: reference * (1 - reference),
            share: 0.3 / deciles.length,
          },
          (_, cumulative) => cumulative[edge]!,
        );
      }
    } else {
      const kept = keptCategories(binning.categories, pooled);
      nothingKept = kept.length === 0;
      const keptReference = kept.reduce((sum, { share }) => sum + share, 0);
      const rare = Math.max(0, 1 - keptReference);
      // Less than half a row is the rounding of weighted sums, not a rare category.
      const rareExists = rare * presentSize >= 0.5;
      const categories = kept.length === 0 ? 0 : kept.length + (rareExists ? 1 : 0);
      const jointly = options.omnibus && categories > 2;
      const share = jointly ? 0.75 / categories : 1 / categories;
      if (categories >= 2) {
        for (const { category, index, share: reference } of categories === 2 ? kept.slice(0, 1) : kept) {
          keptShares.push(
            add(
              {
                ...distribution,
                name: `share of ${category}`,
                form: "share",
                reference,
                variance: reference * (1 - reference),
                share: categories === 2 ? 1 : share,
              },
              (counts) => counts.bins[index] ?? 0,
            ),
          );
        }
      }
      if (categories > 2) {
        if (rareExists) {
          const indices = kept.map(({ index }) => index);
          add(
            {
              ...distribution,
              name: "share of rare categories",
              form: "share",
              reference: rare,
              variance: rare * (1 - rare),
              share,
            },
            (counts) => {
              let keptWeight = 0;
              for (const index of indices) keptWeight += counts.bins[index] ?? 0;
              return Math.max(0, counts.presentWeight - keptWeight);
            },
          );
        }
        if (jointly) {
          omnibus = add(
            { ...distribution, name: "omnibus", form: "omnibus", reference: 0, variance: 0, share: 0.25 },
            () => 0,
          );
        }
      }
    }
  }

  if (rows >= minReferenceRows) {
    const reference = pooled.weight > 0 ? (pooled.missing + pooled.nonFinite) / pooled.weight : 0;
    add(
      {
        name: "missing share",
        signal: "missing",
        form: "share",
        over: "all",
        reference,
        variance: reference * (1 - reference),
        referenceSize: effectiveSize(pooled.weight, pooled.weightSquares),
        multiplier: 1,
        share: 0.2,
        oneSided: false,
      },
      (counts) => counts.missing + counts.nonFinite,
    );
  }

  if (binning.kind === "categorical" && presentRows >= minReferenceRows) {
    const unseen = { signal: "unseen", form: "share", multiplier: 1, oneSided: true } as const;
    // Which category will be the new one is not known before: about as many could be as are known.
    add(
      {
        ...unseen,
        name: "most frequent new category",
        over: "present",
        reference: 0,
        variance: 0,
        referenceSize: presentSize,
        share: 0.7 / Math.max(1, binning.distinct),
      },
      (counts) => counts.unseenTop,
    );
    // Good–Turing: the chance that the next row is of a new category is about (categories seen once)/N.
    const expected = Math.min(1, binning.singletons / pooled.presentRows);
    add(
      {
        ...unseen,
        name: "number of new categories",
        over: "present_rows",
        reference: expected,
        variance: expected * (1 - expected),
        referenceSize: pooled.presentRows,
        share: 0.1,
      },
      (counts) => counts.unseenDistinct,
    );
  }

  const edges = binning.kind === "numeric" ? binning.edges.length : 0;
  // Filled and read within one call each time: an array a call is what most of projecting would cost.
  const cumulative = new Float64Array(edges);
  const projected = (counts: SeriesCounts): number[] => {
    let running = 0;
    for (let bin = 0; bin < edges; bin += 1) cumulative[bin] = running += counts.bins[bin] ?? 0;
    const sums = zeros(contrasts.length);
    for (let c = 0; c < sums.length; c += 1) sums[c] = projections[c]!(counts, cumulative);
    return sums;
  };
  const scatterOf = (counts: SeriesCounts, rows: ArrayLike<number>): number[] => {
    const scatter = zeros(contrasts.length);
    if (!(counts.presentWeight > 0)) return scatter;
    for (const [c, scores] of scoresByContrast) {
      const mean = weightedSum(counts.bins, scores) / counts.presentWeight;
      for (let bin = 0; bin < scores.length; bin += 1) scatter[c]! += (rows[bin] ?? 0) * (scores[bin]! - mean) ** 2;
    }
    return scatter;
  };
  const squaresOf = (counts: SeriesCounts, squares: NonNullable<SeriesCounts["squares"]>): number[] => {
    const scatter = scatterOf(counts, squares.bins);
    const squared = projected({
      ...counts,
      ...squares,
      presentWeight: counts.presentWeightSquares,
      missing: Math.max(0, counts.weightSquares - counts.presentWeightSquares),
      nonFinite: 0,
    });
    return contrasts.map(({ form, over }, c) =>
      over === "present_rows" ? 0 : form === "score" ? scatter[c]! : squared[c]!,
    );
  };
  const project = (counts: SeriesCounts): WindowSums => {
    const { weight, weightSquares, presentWeight, presentWeightSquares } = counts;
    const of = { rows: counts.rows, presentRows: counts.presentRows };
    const sums = projected(counts);
    const squares = counts.squares === undefined ? {} : { squares: squaresOf(counts, counts.squares) };
    return { ...of, weight, weightSquares, presentWeight, presentWeightSquares, sums, ...squares };
  };
  if (pooled.squares !== undefined) learnRowWeights(contrasts, project(pooled));
  return {
    series,
    kind: binning.kind,
    contrasts,
    omnibus,
    keptShares,
    nothingKept,
    referenceRows: rows,
    referencePresentRows: presentRows,
    concurrent,
    season: null,
    scatter: (counts) => scatterOf(counts, counts.bins),
    project,
  };
}

/**
 * Each window goes through tens of thousands of contrasts, several times: V8 finds a property many times faster where all
 * objects have the same ones in the same order.
 */
function madeAlike(contrast: Contrast): Contrast {
  const { name, signal, form, over, reference, variance, referenceSize, multiplier, share, oneSided } = contrast;
  const alike = { name, signal, form, over, reference, variance, referenceSize, multiplier, share, oneSided };
  return contrast.longShare === undefined ? alike : { ...alike, longShare: contrast.longShare };
}

/** Completes the contrasts of a weighted reference: how heavy its rows are, and so N. */
function learnRowWeights(contrasts: Contrast[], sums: WindowSums): void {
  contrasts.forEach((contrast, c) => {
    if (contrast.form === "omnibus" || contrast.over === "present_rows") return;
    const { weight, weightSquares } = weightsOver(contrast, sums);
    const of = { sum: sums.sums[c]!, weight, squares: sums.squares![c]!, weightSquares };
    const rowWeights = rowWeightsIn(contrast, of);
    const weighted = { ...contrast, rowWeights };
    contrasts[c] = { ...weighted, referenceSize: sizeFor(weighted, contrast.referenceSize) };
  });
}

/** Location (mean mid-rank) and spread (mean distance of the mid-rank from the middle, scaled to 0 … 1). */
function rankContrasts(binning: Extract<Binning, { kind: "numeric" }>, pooled: SeriesCounts) {
  const bins = binning.edges.length + 1;
  const ranks = new Float64Array(bins);
  const spreads = new Float64Array(bins);
  const shares = new Float64Array(bins);
  let below = 0;
  for (let bin = 0; bin < bins; bin += 1) {
    const share = (pooled.bins[bin] ?? 0) / pooled.presentWeight;
    shares[bin] = share;
    ranks[bin] = below + share / 2;
    spreads[bin] = Math.abs(2 * ranks[bin]! - 1);
    below += share;
  }
  return (
    [
      { name: "location", scores: ranks, share: 0.5 },
      { name: "spread", scores: spreads, share: 0.2 },
    ]
      .map(({ name, scores, share }) => {
        let mean = 0;
        let square = 0;
        for (let bin = 0; bin < bins; bin += 1) {
          mean += shares[bin]! * scores[bin]!;
          square += shares[bin]! * scores[bin]! ** 2;
        }
        const variance = square - mean ** 2;
        return {
          scores,
          contrast: { name, form: "score", reference: mean, variance, multiplier: rankMultiplier, share } as const,
        };
      })
      // Rounding leaves about 1e-17 where the score is constant.
      .filter(({ contrast }) => contrast.variance > 1e-12)
  );
}

/**
 * At most 30 categories, each with a reference count ≥ 25 (of weighted rows (Σw)²/Σw²); ties by the category's bytes. All others, unseen ones
 * included, are `rare`.
 */
function keptCategories(categories: readonly string[], pooled: SeriesCounts) {
  const size = effectiveSize(pooled.presentWeight, pooled.presentWeightSquares);
  const rows = (index: number, share: number): number =>
    pooled.squares === undefined
      ? share * size
      : effectiveSize(pooled.bins[index] ?? 0, pooled.squares.bins[index] ?? 0);
  return categories
    .map((category, index) => ({ category, index, share: (pooled.bins[index] ?? 0) / pooled.presentWeight }))
    .filter(({ index, share }) => rows(index, share) >= minKeptCount - 1e-6)
    .toSorted((a, b) => b.share - a.share || Buffer.compare(Buffer.from(a.category), Buffer.from(b.category)))
    .slice(0, maxKeptCategories);
}

function cumulativeShare(counts: SeriesCounts, edge: number): number {
  let sum = 0;
  for (let bin = 0; bin <= edge; bin += 1) sum += counts.bins[bin] ?? 0;
  // Sums of weights may miss the total by rounding; "all of it" must be exactly 1.
  return sum > counts.presentWeight * (1 - 1e-12) ? 1 : sum / counts.presentWeight;
}

function weightedSum(bins: ArrayLike<number>, scores: Float64Array): number {
  let sum = 0;
  for (let bin = 0; bin < scores.length; bin += 1) sum += (bins[bin] ?? 0) * scores[bin]!;
  return sum;
}

function formatNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}
