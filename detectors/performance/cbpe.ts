import { calibrated, type IsotonicCurve } from "./isotonic.ts";
import { normalInterval, type Measured } from "./measured.ts";
import { sumOf, tallyScores, type ScoreTally } from "./score-tally.ts";

/** Null where nothing can be said: no decided class, or nothing that could be called positive. */
export interface EstimatedPerformance {
  readonly accuracy: Measured | null;
  readonly precision: Measured | null;
  readonly recall: Measured | null;
  readonly f1: Measured | null;
  readonly roc_auc: Measured | null;
}

/**
 * Confidence-based performance estimation: how well a classifier does before any outcome is known. Where a score, calibrated
 * on the reference, says p, the row is positive with probability p: sums of p and 1 − p stand for the cells of the confusion
 * matrix, and for the classes' rows under the ROC curve. It follows a change of the inputs (covariate shift) as far as
 * calibration holds; a change of what the inputs mean (concept drift) it cannot see.
 *
 * Source: NannyML, "Confidence-based Performance Estimation" (nannyml.readthedocs.io, How it works); Humblot-Renaux et al.
 * 2025 compare it with others. The 95 % interval is where the realised number should lie: the outcomes' own chance, given the
 * scores, by first-order propagation, times 1 + rows/reference rows for the calibration having been learnt.
 *
 * @param rows.predicted 1 where the positive class was decided; null: only the AUC is estimated. As long as `score`.
 */
export function estimatePerformance(
  rows: { readonly score: Float64Array; readonly predicted: ArrayLike<number> | null },
  curve: IsotonicCurve,
): EstimatedPerformance {
  const tally = tallyScores(rows.score, rows.predicted ?? []);
  return {
    ...(rows.predicted === null ? undecided : estimateClassMetrics(tally, curve)),
    roc_auc: estimateRocAuc(tally, curve),
  };
}

const undecided = { accuracy: null, precision: null, recall: null, f1: null };

/** What was learnt from few rows is itself uncertain. */
const inflationOf = (rows: number, curve: IsotonicCurve) => 1 + rows / curve.rows;

/** The estimates that need a decision, from counts by score: `yes` were called positive, `no` were not. */
export function estimateClassMetrics(
  { scores, yes, no }: ScoreTally,
  curve: IsotonicCurve,
): Omit<EstimatedPerformance, "roc_auc"> {
  // Expected positives among rows that were called positive (or not), the variance of each, and how many were called so.
  let [called, found, foundVariance, missed, missedVariance] = [0, 0, 0, 0, 0];
  let rows = 0;
  for (const [at, score] of scores.entries()) {
    const p = calibrated(curve, score);
    rows += yes[at]! + no[at]!;
    called += yes[at]!;
    found += yes[at]! * p;
    foundVariance += yes[at]! * p * (1 - p);
    missed += no[at]! * p;
    missedVariance += no[at]! * p * (1 - p);
  }
  const inflation = inflationOf(rows, curve);
  const estimate = (value: number, variance: number) => normalInterval(value, Math.sqrt(variance * inflation));
  const positives = found + missed;
  const recall = found / positives;
  const f1 = (2 * found) / (called + positives);
  return {
    accuracy:
      rows === 0
        ? null
        : estimate((found + (rows - called - missed)) / rows, (foundVariance + missedVariance) / rows ** 2),
    precision: called === 0 ? null : estimate(found / called, foundVariance / called ** 2),
    recall:
      positives === 0
        ? null
        : estimate(recall, ((1 - recall) ** 2 * foundVariance + recall ** 2 * missedVariance) / positives ** 2),
    f1:
      called + positives === 0
        ? null
        : estimate(f1, ((2 - f1) ** 2 * foundVariance + f1 ** 2 * missedVariance) / (called + positives) ** 2),
  };
}

/**
 * The area under the curve of fractional rows: each is p of a positive and 1 − p of a negative one.
 *
 * @param tally Rows by score; their kind does not matter.
 */
export function estimateRocAuc({ scores, yes, no }: ScoreTally, curve: IsotonicCurve): Measured | null {
  const count = yes.map((value, at) => value + no[at]!);
  const probability = scores.map((score) => calibrated(curve, score));
  const rows = sumOf(count);
  const positives = sumOf(count.map((n, at) => n * probability[at]!));
  const negatives = rows - positives;
  if (!(positives > 0) || !(negatives > 0)) return null;
  // A row is not compared with itself: it cannot be of both classes.
  let pairs = positives * negatives;
  for (const [at, p] of probability.entries()) pairs -= count[at]! * p * (1 - p);
  if (!(pairs > 0)) return null;
  const gain = new Float64Array(scores.length);
  let [negativeBelow, positiveBelow, right] = [0, 0, 0];
  for (const [at, p] of probability.entries()) {
    const [tiedPositive, tiedNegative] = [count[at]! * p, count[at]! * (1 - p)];
    const lower = negativeBelow + (tiedNegative - (1 - p)) / 2;
    const higher = positives - positiveBelow - tiedPositive + (tiedPositive - p) / 2;
    right += tiedPositive * lower;
    // What the right pairs gain if a row is positive rather than negative.
    gain[at] = lower - higher;
    negativeBelow += tiedNegative;
    positiveBelow += tiedPositive;
  }
  const auc = right / pairs;
  let variance = 0;
  for (const [at, p] of probability.entries()) {
    const slope = (gain[at]! - auc * (negatives - positives)) / pairs;
    variance += count[at]! * p * (1 - p) * slope * slope;
  }
  return normalInterval(auc, Math.sqrt(variance * inflationOf(rows, curve)));
}
