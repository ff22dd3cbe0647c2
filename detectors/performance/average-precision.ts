import { z95, type Measured } from "./measured.ts";
import { ascendingOrder } from "./roc-auc.ts";

/**
 * Area under the precision–recall curve as average precision, Σ (Rₙ − Rₙ₋₁)·Pₙ over falling thresholds, tied scores as one.
 * The 95 % interval is the logit one of Boyd, Eng & Page, ECML 2013.
 *
 * @returns null without a positive row.
 */
export function averagePrecision(score: Float64Array, positive: ArrayLike<number>): Measured | null {
  const order = ascendingOrder(score);
  let positives = 0;
  for (let row = 0; row < score.length; row += 1) positives += positive[row] === 1 ? 1 : 0;
  if (positives === 0) return null;
  let [called, found, value] = [0, 0, 0];
  for (let end = score.length; end > 0;) {
    let start = end;
    let tied = 0;
    while (start > 0 && score[order[start - 1]!] === score[order[end - 1]!]) {
      tied += positive[order[start - 1]!] === 1 ? 1 : 0;
      start -= 1;
    }
    called += end - start;
    found += tied;
    value += (tied / positives) * (found / called);
    end = start;
  }
  if (value >= 1) return { value: 1, low: 1, high: 1 };
  const logit = Math.log(value / (1 - value));
  const reach = z95 / Math.sqrt(positives * value * (1 - value));
  const inverse = (x: number) => 1 / (1 + Math.exp(-x));
  return { value, low: inverse(logit - reach), high: inverse(logit + reach) };
}
