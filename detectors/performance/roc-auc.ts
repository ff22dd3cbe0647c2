import { normalInterval, type Measured } from "./measured.ts";
import { sumOf, tallyScores, type ScoreTally } from "./score-tally.ts";

/**
 * Area under the ROC curve (ties count one half) with DeLong's 95 % interval.
 * Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988; by mid-ranks: Sun & Xu, IEEE Signal Processing Letters 21, 2014.
 *
 * @param positive 1: the outcome was the positive class. As long as `score`, which holds no NaN.
 * @returns null without rows of both classes.
 */
export function rocAuc(score: Float64Array, positive: ArrayLike<number>): Measured | null {
  return rocAucOfTally(tallyScores(score, positive));
}

/** The same from counts by score; `yes` are the positive outcomes. */
export function rocAucOfTally({ scores, yes, no }: ScoreTally): Measured | null {
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
  const auc = sum / positives;
  const variance = (n: number, total: number, totalSquares: number) =>
    n < 2 ? 0 : Math.max(0, (totalSquares - (total * total) / n) / (n - 1) / n);
  const standardError = Math.sqrt(
    variance(positives, sum, squares) + variance(negatives, sumNegative, squaresNegative),
  );
  return normalInterval(auc, standardError);
}
