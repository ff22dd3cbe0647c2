import { z95, type Measured } from "./measured.ts";
import { sumOf, tallyScores, type ScoreTally } from "./score-tally.ts";

/**
 * Area under the precision–recall curve as average precision, Σ (Rₙ − Rₙ₋₁)·Pₙ over falling thresholds, tied scores as one.
 * The 95 % interval is the logit one of Boyd, Eng & Page, ECML 2013.
 *
 * @returns null without a positive row.
 */
export function averagePrecision(score: Float64Array, positive: ArrayLike<number>): Measured | null {
  return averagePrecisionOfTally(tallyScores(score, positive));
}

/** The same from counts by score; `yes` are the positive outcomes. */
export function averagePrecisionOfTally({ scores, yes, no }: ScoreTally): Measured | null {
  const positives = sumOf(yes);
  if (!(positives > 0)) return null;
  let [called, found, value] = [0, 0, 0];
  for (let at = scores.length - 1; at >= 0; at -= 1) {
    called += yes[at]! + no[at]!;
    found += yes[at]!;
    if (yes[at]! > 0) value += (yes[at]! / positives) * (found / called);
  }
  if (value >= 1) return { value: 1, low: 1, high: 1 };
  const logit = Math.log(value / (1 - value));
  const reach = z95 / Math.sqrt(positives * value * (1 - value));
  const inverse = (x: number) => 1 / (1 + Math.exp(-x));
  return { value, low: inverse(logit - reach), high: inverse(logit + reach) };
}
