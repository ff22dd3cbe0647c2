import { calibrated, type IsotonicCurve } from "./isotonic.ts";
import { normalInterval, type Measured } from "./measured.ts";
import { ascendingOrder } from "./roc-auc.ts";

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
  const probability = rows.score.map((score) => calibrated(curve, score));
  const inflation = 1 + rows.score.length / curve.rows;
  const classes = rows.predicted === null ? null : classEstimates(probability, rows.predicted, inflation);
  return {
    accuracy: classes?.accuracy ?? null,
    precision: classes?.precision ?? null,
    recall: classes?.recall ?? null,
    f1: classes?.f1 ?? null,
    roc_auc: aucEstimate(rows.score, probability, inflation),
  };
}

function classEstimates(probability: Float64Array, predicted: ArrayLike<number>, inflation: number) {
  const rows = probability.length;
  // Expected positives among rows that were called positive (or not), the variance of each, and how many were called so.
  let [called, found, foundVariance, missed, missedVariance] = [0, 0, 0, 0, 0];
  for (let row = 0; row < rows; row += 1) {
    const p = probability[row]!;
    if (predicted[row] === 1) {
      called += 1;
      found += p;
      foundVariance += p * (1 - p);
    } else {
      missed += p;
      missedVariance += p * (1 - p);
    }
  }
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

/** The area under the curve of fractional rows: each is p of a positive and 1 − p of a negative one. */
function aucEstimate(score: Float64Array, probability: Float64Array, inflation: number): Measured | null {
  const rows = score.length;
  const order = ascendingOrder(score);
  const positives = probability.reduce((sum, p) => sum + p, 0);
  const negatives = rows - positives;
  if (!(positives > 0) || !(negatives > 0)) return null;
  // A row is not compared with itself: it cannot be of both classes.
  let pairs = positives * negatives;
  for (const p of probability) pairs -= p * (1 - p);
  if (!(pairs > 0)) return null;
  const gain = new Float64Array(rows);
  let [negativeBelow, positiveBelow, right] = [0, 0, 0];
  for (let start = 0; start < rows;) {
    let end = start;
    let [tiedPositive, tiedNegative] = [0, 0];
    while (end < rows && score[order[end]!] === score[order[start]!]) {
      tiedPositive += probability[order[end]!]!;
      tiedNegative += 1 - probability[order[end]!]!;
      end += 1;
    }
    for (let at = start; at < end; at += 1) {
      const p = probability[order[at]!]!;
      const lower = negativeBelow + (tiedNegative - (1 - p)) / 2;
      const higher = positives - positiveBelow - tiedPositive + (tiedPositive - p) / 2;
      right += p * lower;
      // What the right pairs gain if this row is positive rather than negative.
      gain[order[at]!] = lower - higher;
    }
    negativeBelow += tiedNegative;
    positiveBelow += tiedPositive;
    start = end;
  }
  const auc = right / pairs;
  let variance = 0;
  for (const [row, p] of probability.entries()) {
    const slope = (gain[row]! - auc * (negatives - positives)) / pairs;
    variance += p * (1 - p) * slope * slope;
  }
  return normalInterval(auc, Math.sqrt(variance * inflation));
}
