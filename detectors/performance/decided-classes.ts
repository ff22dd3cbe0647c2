import { normalInterval, type Measured } from "./measured.ts";
import { wilsonInterval } from "./wilson.ts";

/** Of rows with a decided class and a known outcome. */
export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

/** @param predicted 1: the positive class was decided. @param positive 1: it was the outcome. Of equal length. */
export function confusion(predicted: ArrayLike<number>, positive: ArrayLike<number>): Confusion {
  let [truePositives, falsePositives, falseNegatives, trueNegatives] = [0, 0, 0, 0];
  for (let row = 0; row < positive.length; row += 1) {
    if (predicted[row] === 1) {
      if (positive[row] === 1) truePositives += 1;
      else falsePositives += 1;
    } else if (positive[row] === 1) falseNegatives += 1;
    else trueNegatives += 1;
  }
  return { truePositives, falsePositives, falseNegatives, trueNegatives };
}

/**
 * Accuracy, precision and recall with Wilson's intervals, F1 (the Dice coefficient) with a delta-method one. Null where the
 * denominator is 0: precision where nothing was called positive, recall where nothing was.
 */
export function classMetrics(counts: Confusion): {
  readonly accuracy: Measured | null;
  readonly precision: Measured | null;
  readonly recall: Measured | null;
  readonly f1: Measured | null;
} {
  const { truePositives: tp, falsePositives: fp, falseNegatives: fn, trueNegatives: tn } = counts;
  return {
    accuracy: wilsonInterval(tp + tn, tp + fp + fn + tn),
    precision: wilsonInterval(tp, tp + fp),
    recall: wilsonInterval(tp, tp + fn),
    f1: f1Score(tp, fp, fn),
  };
}

/**
 * F1 = 2·TP / (2·TP + FP + FN). With s = TP / (TP + FP + FN), F1 = 2s / (1 + s), a share's variance is carried over by the
 * derivative 2 / (1 + s)². (Takahashi et al., Applied Intelligence 52, 2022.)
 */
function f1Score(tp: number, fp: number, fn: number): Measured | null {
  const rows = tp + fp + fn;
  if (rows === 0) return null;
  const share = wilsonInterval(tp, rows)!;
  const f = (s: number) => (2 * s) / (1 + s);
  const slope = 2 / (1 + share.value) ** 2;
  const standardError = slope * Math.sqrt((share.value * (1 - share.value)) / rows);
  // At the ends the delta method has no width: the share's own interval, carried over, has.
  if (tp === 0 || tp === rows) return { value: f(share.value), low: f(share.low), high: f(share.high) };
  return normalInterval(f(share.value), standardError);
}
