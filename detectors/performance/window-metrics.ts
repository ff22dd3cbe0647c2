import type { Moments, PerformanceCounts, TaskCounts } from "../../store/facts/performance.ts";
import { averagePrecisionOfTally } from "./average-precision.ts";
import { estimateClassMetrics, estimateRocAuc } from "./cbpe.ts";
import { classMetrics } from "./decided-classes.ts";
import type { IsotonicCurve } from "./isotonic.ts";
import { normalInterval, z95, type Measured } from "./measured.ts";
import { calibrationErrorOfBins } from "./probabilities.ts";
import { rocAucOfTally } from "./roc-auc.ts";
import { sumOf, type ScoreTally } from "./score-tally.ts";
import { wilsonInterval } from "./wilson.ts";

/** Null where it was not measured. */
export type Metrics = Readonly<Record<string, Measured | null>>;

/**
 * The metrics of labelled events, from the engine's counts. A weighted row counts for its share of the effective number of
 * rows, (Σw)²/Σw², which is what the intervals rest on. ROC and PR AUC take scores within a thousandth of each other as tied.
 *
 * accuracy, precision, recall, f1: of rows with a decided class; of more than two classes the mean over the classes (macro).
 * log_loss, brier, calibration_error: only if every score lies in 0…1. calibration: mean score − share of positives (above 0:
 * the model says it too often). mae, rmse, bias (estimate − label), mape (a share; labels of 0 left out), r2.
 */
export function windowMetrics({ counts }: PerformanceCounts): Metrics {
  switch (counts.kind) {
    case "binary":
      return binaryMetrics(counts);
    case "multiclass":
      return {
        ...macroMetrics(counts.classes, counts.accuracy),
        accuracy: shareOf(counts.accuracy),
        log_loss: meanOf(counts.log_loss, { from: 0, to: Infinity }),
      };
    case "regression":
      return regressionMetrics(counts);
  }
}

/** Below this many rows an estimate says nothing. */
const fewestEstimated = 30;

/**
 * What accuracy, precision, recall, F1 and ROC AUC should be, by scores that are calibrated on the reference, whether or not
 * labels have come (see `estimatePerformance`). Empty for models that are not binary and without a curve.
 */
export function estimatedMetrics({ counts }: PerformanceCounts, curve: IsotonicCurve | null): Metrics {
  if (counts.kind !== "binary" || curve === null) return {};
  const { histogram, scored } = counts;
  const scale = rowsPerWeight(scored[0], scored[1]);
  const none = histogram[1].map(() => 0);
  const all = byScore(histogram, histogram[1], none, scale);
  const decided = byScore(histogram, histogram[5], histogram[6], scale);
  return {
    ...(sumOf(decided.yes) + sumOf(decided.no) < fewestEstimated ? {} : estimateClassMetrics(decided, curve)),
    ...(sumOf(all.yes) < fewestEstimated ? {} : { roc_auc: estimateRocAuc(all, curve) }),
  };
}

type BinaryCounts = Extract<TaskCounts, { readonly kind: "binary" }>;

function binaryMetrics(counts: BinaryCounts): Metrics {
  const probabilities = counts.outside === 0;
  const outcomes = outcomesByScore(counts);
  const ofProbabilities = probabilities
    ? {
        log_loss: meanOf(counts.log_loss, { from: 0, to: Infinity }),
        brier: meanOf(counts.brier),
        calibration_error: tenthsError(counts),
        calibration: meanOf(counts.calibration, { from: -1, to: 1 }),
      }
    : {};
  return {
    ...decidedMetrics(counts),
    roc_auc: rocAucOfTally(outcomes),
    pr_auc: averagePrecisionOfTally(outcomes),
    ...ofProbabilities,
    positive_share: shareOf(counts.positive),
    mean_score: meanOf(counts.mean_score, { from: -Infinity, to: Infinity }),
  };
}

function decidedMetrics({ confusion: [tp, fp, fn, tn, weightSquares] }: BinaryCounts) {
  const scale = rowsPerWeight(tp + fp + fn + tn, weightSquares);
  return classMetrics({
    truePositives: tp * scale,
    falsePositives: fp * scale,
    falseNegatives: fn * scale,
    trueNegatives: tn * scale,
  });
}

/** Labelled rows by score: `yes` are the positive outcomes. */
export function outcomesByScore({ histogram, log_loss: [weight, weightSquares] }: BinaryCounts): ScoreTally {
  return byScore(histogram, histogram[3], histogram[4], rowsPerWeight(weight, weightSquares));
}

/** A bin stands at the mean score of its rows. */
function byScore(
  [, weight, score]: BinaryCounts["histogram"],
  yes: readonly number[],
  no: readonly number[],
  scale: number,
): ScoreTally {
  const bins = weight
    .map((of, bin) => ({ score: score[bin]! / of, yes: yes[bin]! * scale, no: no[bin]! * scale }))
    .filter((bin) => bin.yes + bin.no > 0)
    .toSorted((a, b) => a.score - b.score);
  return {
    scores: Float64Array.from(bins, (bin) => bin.score),
    yes: Float64Array.from(bins, (bin) => bin.yes),
    no: Float64Array.from(bins, (bin) => bin.no),
  };
}

function tenthsError({ tenths: [, weight, score, positive], log_loss: [sum, squares] }: BinaryCounts): Measured | null {
  const scale = rowsPerWeight(sum, squares);
  return calibrationErrorOfBins(
    weight.map((of, bin) => ({ rows: of * scale, score: score[bin]! * scale, positive: positive[bin]! * scale })),
  );
}

/** Precision, recall and F1 of each class against the rest, averaged over the classes; their errors are taken as independent. */
function macroMetrics(
  [names, right, called, labelled]: Extract<TaskCounts, { readonly kind: "multiclass" }>["classes"],
  [weight, weightSquares]: Moments,
) {
  const scale = rowsPerWeight(weight, weightSquares);
  const classes = names.map((_, at) => {
    const [tp, all, own] = [right[at]!, called[at]!, labelled[at]!];
    return classMetrics({
      truePositives: tp * scale,
      falsePositives: Math.max(0, all - tp) * scale,
      falseNegatives: Math.max(0, own - tp) * scale,
      trueNegatives: Math.max(0, weight - all - own + tp) * scale,
    });
  });
  const mean = (name: "precision" | "recall" | "f1"): Measured | null => {
    const known = classes.flatMap((metrics) => metrics[name] ?? []);
    if (known.length === 0) return null;
    const value = known.reduce((sum, one) => sum + one.value, 0) / known.length;
    const squares = known.reduce((sum, one) => sum + ((one.high - one.low) / 2) ** 2, 0);
    return normalInterval(value, Math.sqrt(squares) / z95 / known.length);
  };
  return { precision: mean("precision"), recall: mean("recall"), f1: mean("f1") };
}

function regressionMetrics(counts: Extract<TaskCounts, { readonly kind: "regression" }>): Metrics {
  const anyPositive = { from: 0, to: Infinity };
  const squared = meanOf(counts.squared, anyPositive);
  return {
    mae: meanOf(counts.absolute, anyPositive),
    rmse:
      squared === null
        ? null
        : { value: Math.sqrt(squared.value), low: Math.sqrt(squared.low), high: Math.sqrt(squared.high) },
    mape: meanOf(counts.relative, anyPositive),
    bias: meanOf(counts.bias, { from: -Infinity, to: Infinity }),
    r2: determination(counts),
  };
}

/** R² = 1 − E/S, with E the mean squared error and S the labels' variance; its interval by the delta method. */
function determination({
  squared: [weight, weightSquares, e2, e4],
  spread: [d1, d2, d3, d4, e2d, e2d2],
}: Extract<TaskCounts, { readonly kind: "regression" }>): Measured | null {
  const rows = effectiveRows(weight, weightSquares);
  if (rows < 2) return null;
  const m = d1 / weight;
  const error = e2 / weight;
  const spread = d2 / weight - m * m;
  // What rounding leaves of labels that are all the same is no spread.
  if (!(spread > 1e-12 * (d2 / weight))) return null;
  // About the mean: Σ(d − m)⁴ and Σe²(d − m)².
  const fourth = d4 - 4 * m * d3 + 6 * m * m * d2 - 4 * m ** 3 * d1 + weight * m ** 4;
  const product = e2d2 - 2 * m * e2d + m * m * e2;
  // The square of what one row adds to the ratio's first-order change, summed.
  const squares = e4 / spread ** 2 - (2 * error * product) / spread ** 3 + (error ** 2 * fourth) / spread ** 4;
  const variance = Math.max(0, squares / weight) / (rows - 1);
  return normalInterval(1 - error / spread, Math.sqrt(variance), { from: -Infinity, to: 1 });
}

function effectiveRows(weight: number, weightSquares: number): number {
  return weightSquares > 0 ? (weight * weight) / weightSquares : 0;
}

function rowsPerWeight(weight: number, weightSquares: number): number {
  return weightSquares > 0 ? weight / weightSquares : 0;
}

/** Of values that are 0 or 1. */
export function shareOf([weight, weightSquares, sum]: Moments): Measured | null {
  const scale = rowsPerWeight(weight, weightSquares);
  return wilsonInterval(sum * scale, weight * scale);
}

function meanOf(
  [weight, weightSquares, sum, squares]: Moments,
  bounds?: { readonly from: number; readonly to: number },
): Measured | null {
  if (!(weight > 0)) return null;
  const rows = effectiveRows(weight, weightSquares);
  const mean = sum / weight;
  const variance = Math.max(0, squares / weight - mean * mean);
  return normalInterval(mean, rows < 2 ? 0 : Math.sqrt(variance / (rows - 1)), bounds);
}
