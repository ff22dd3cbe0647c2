import { sumOf, tallyScores, type ScoreTally } from "./score-tally.ts";

/** A rising step curve from score to probability; between its points it is straight, beyond them flat. */
export interface IsotonicCurve {
  /** Ascending. */
  readonly scores: Float64Array;
  /** Not falling. */
  readonly probabilities: Float64Array;
  /** Rows that it was fitted to; a sum of counts. */
  readonly rows: number;
}

/**
 * Isotonic regression by pooling adjacent violators: the non-falling curve with the least squared error. Tied scores are one
 * point with their mean.
 * Source: Ayer et al., Annals of Mathematical Statistics 26, 1955; as calibration: Zadrozny & Elkan, KDD 2002.
 *
 * @param outcome 0 or 1, as long as `score`.
 * @returns null without rows.
 */
export function fitIsotonic(score: Float64Array, outcome: ArrayLike<number>): IsotonicCurve | null {
  return fitIsotonicToTally(tallyScores(score, outcome));
}

/** The same from counts by score; `yes` are the rows with outcome 1. */
export function fitIsotonicToTally({ scores: at, yes, no }: ScoreTally): IsotonicCurve | null {
  const rows = sumOf(yes) + sumOf(no);
  if (!(rows > 0)) return null;
  // Blocks of the pooled curve, as a stack.
  const [first, last] = [new Float64Array(at.length), new Float64Array(at.length)];
  const [sums, weights] = [new Float64Array(at.length), new Float64Array(at.length)];
  let blocks = 0;
  for (const [index, value] of at.entries()) {
    let [sum, weight] = [yes[index]!, yes[index]! + no[index]!];
    if (!(weight > 0)) continue;
    let from = value;
    while (blocks > 0 && sums[blocks - 1]! * weight >= sum * weights[blocks - 1]!) {
      blocks -= 1;
      sum += sums[blocks]!;
      weight += weights[blocks]!;
      from = first[blocks]!;
    }
    first[blocks] = from;
    last[blocks] = value;
    sums[blocks] = sum;
    weights[blocks] = weight;
    blocks += 1;
  }
  const scores: number[] = [];
  const probabilities: number[] = [];
  for (let block = 0; block < blocks; block += 1) {
    const probability = sums[block]! / weights[block]!;
    scores.push(first[block]!);
    probabilities.push(probability);
    if (last[block] === first[block]) continue;
    scores.push(last[block]!);
    probabilities.push(probability);
  }
  return { scores: Float64Array.from(scores), probabilities: Float64Array.from(probabilities), rows };
}

/** The probability that belongs to a score. */
export function calibrated(curve: IsotonicCurve, score: number): number {
  const { scores, probabilities } = curve;
  let [low, high] = [0, scores.length - 1];
  if (score <= scores[low]!) return probabilities[low]!;
  if (score >= scores[high]!) return probabilities[high]!;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (scores[middle]! <= score) low = middle;
    else high = middle;
  }
  const share = (score - scores[low]!) / (scores[high]! - scores[low]!);
  return probabilities[low]! + share * (probabilities[high]! - probabilities[low]!);
}
