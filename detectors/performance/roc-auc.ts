import { normalInterval, type Measured } from "./measured.ts";

/** Indices of the scores in ascending order. */
export function ascendingOrder(score: Float64Array): Uint32Array {
  return Uint32Array.from({ length: score.length }, (_, row) => row).sort((a, b) => score[a]! - score[b]!);
}

/**
 * Area under the ROC curve (ties count one half) with DeLong's 95 % interval.
 * Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988; by mid-ranks: Sun & Xu, IEEE Signal Processing Letters 21, 2014.
 *
 * @param positive 1: the outcome was the positive class. As long as `score`, which holds no NaN.
 * @returns null without rows of both classes.
 */
export function rocAuc(score: Float64Array, positive: ArrayLike<number>): Measured | null {
  const rows = score.length;
  const order = ascendingOrder(score);
  let positives = 0;
  for (let row = 0; row < rows; row += 1) positives += positive[row] === 1 ? 1 : 0;
  const negatives = rows - positives;
  if (positives === 0 || negatives === 0) return null;
  // Of each row: the share of the other class that it stands on the right side of.
  let [below, belowPositive] = [0, 0];
  let [sum, squares, sumNegative, squaresNegative] = [0, 0, 0, 0];
  for (let start = 0; start < rows;) {
    let end = start;
    let tiedPositive = 0;
    while (end < rows && score[order[end]!] === score[order[start]!]) {
      tiedPositive += positive[order[end]!] === 1 ? 1 : 0;
      end += 1;
    }
    const tiedNegative = end - start - tiedPositive;
    const above = (below + tiedNegative / 2) / negatives;
    sum += tiedPositive * above;
    squares += tiedPositive * above ** 2;
    const under = (positives - belowPositive - tiedPositive / 2) / positives;
    sumNegative += tiedNegative * under;
    squaresNegative += tiedNegative * under ** 2;
    below += tiedNegative;
    belowPositive += tiedPositive;
    start = end;
  }
  const auc = sum / positives;
  const variance = (n: number, total: number, totalSquares: number) =>
    n < 2 ? 0 : Math.max(0, (totalSquares - (total * total) / n) / (n - 1) / n);
  const standardError = Math.sqrt(
    variance(positives, sum, squares) + variance(negatives, sumNegative, squaresNegative),
  );
  return normalInterval(auc, standardError);
}
