import { z95, type Measured } from "./measured.ts";
import { sumOf, tallyScores, type ScoreTally } from "./score-tally.ts";
import { wilsonInterval } from "./wilson.ts";

/**
 * Area under the ROC curve (ties count one half) with the 95 % interval of DeLong's standard error on the scale of log odds,
 * which holds its level where the area is near 1 or one class is rare.
 * Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988; by mid-ranks: Sun & Xu, IEEE Signal Processing Letters 21, 2014;
 * the scale: Qin & Hotilovac, Statistical Methods in Medical Research 17, 2008.
 *
 * @param positive 1: the outcome was the positive class. As long as `score`, which holds no NaN.
 * @returns null without rows of both classes.
 */
export function rocAuc(score: Float64Array, positive: ArrayLike<number>): Measured | null {
  return rocAucOfTally(tallyScores(score, positive));
}

/** The same from counts by score; `yes` are the positive outcomes. */
export function rocAucOfTally(tally: ScoreTally): Measured | null {
  const area = rocArea(tally);
  if (area === null) return null;
  const { value, standardError, fewest } = area;
  // Scores that never err show no error of their own: a share of the rarer class's rows that all came out has one.
  if (value <= 0 || value >= 1) return { ...wilsonInterval(value * fewest, fewest)!, value };
  const logOdds = Math.log(value / (1 - value));
  const reach = (z95 * standardError) / (value * (1 - value));
  const inverse = (x: number) => 1 / (1 + Math.exp(-x));
  return {
    value,
    low: Math.min(value, inverse(logOdds - reach)),
    high: Math.max(value, inverse(logOdds + reach)),
  };
}

/**
 * @returns The area, DeLong's standard error of it, and the rows of the rarer class. One row of a class shows no variance; the
 *   largest there can be, A(1 − A)/n (Birnbaum & Klose 1957), stands for it.
 */
export function rocArea({ scores, yes, no }: ScoreTally): {
  readonly value: number;
  readonly standardError: number;
  readonly fewest: number;
} | null {
  const [positives, negatives] = [sumOf(yes), sumOf(no)];
  if (!(positives > 0) || !(negatives > 0)) return null;
  // Of each row: the share of the other class that it stands on the right side of.
  let [below, belowPositive] = [0, 0];
  let [sum, squares, sumNegative, squaresNegative] = [0, 0, 0, 0];
  for (let at = 0; at < scores.length; at += 1) {
    const [tiedPositive, tiedNegative] = [yes[at]!, no[at]!];
    const above = (below + tiedNegative / 2) / negatives;
    sum += tiedPositive * above;
    squares += tiedPositive * above ** 2;
    const under = (positives - belowPositive - tiedPositive / 2) / positives;
    sumNegative += tiedNegative * under;
    squaresNegative += tiedNegative * under ** 2;
    below += tiedNegative;
    belowPositive += tiedPositive;
  }
  // Sums over fractions of rows may pass 1 by a hair.
  const value = Math.min(1, sum / positives);
  const variance = (n: number, total: number, totalSquares: number) =>
    n < 2 ? (value * (1 - value)) / n : Math.max(0, (totalSquares - (total * total) / n) / (n - 1) / n);
  const standardError = Math.sqrt(
    variance(positives, sum, squares) + variance(negatives, sumNegative, squaresNegative),
  );
  return { value, standardError, fewest: Math.min(positives, negatives) };
}
