import { measuredMean, z95, type Measured } from "./measured.ts";

/** Probabilities are kept this far from 0 and 1, so that one certain mistake does not make the loss infinite. */
const clip = 1e-15;
const calibrationBins = 10;

/**
 * How good probabilities are as probabilities. `score` lies in 0…1; `positive` is 1 where the outcome was the positive class.
 *
 * log_loss: mean of −ln(probability of what happened). brier: mean of (probability − outcome)². calibration_error: over ten
 * bins of equal width, Σ (rows of the bin / rows)·|mean probability − share of positives| (Guo et al., ICML 2017).
 */
export function probabilityMetrics(
  score: Float64Array,
  positive: ArrayLike<number>,
): {
  readonly log_loss: Measured | null;
  readonly brier: Measured | null;
  readonly calibration_error: Measured | null;
} {
  const losses = score.map((p, row) => {
    const clipped = Math.min(1 - clip, Math.max(clip, p));
    return -Math.log(positive[row] === 1 ? clipped : 1 - clipped);
  });
  const squares = score.map((p, row) => (p - (positive[row] ?? 0)) ** 2);
  return {
    log_loss: measuredMean(losses, { from: 0, to: Infinity }),
    brier: measuredMean(squares),
    calibration_error: calibrationError(score, positive),
  };
}

function calibrationError(score: Float64Array, positive: ArrayLike<number>): Measured | null {
  const bins = Array.from({ length: calibrationBins }, () => ({ rows: 0, score: 0, positive: 0 }));
  for (const [row, p] of score.entries()) {
    // Bins are open below and closed above; 0 itself falls into the first.
    const bin = bins[Math.min(calibrationBins - 1, Math.max(0, Math.ceil(p * calibrationBins) - 1))]!;
    bin.rows += 1;
    bin.score += p;
    bin.positive += positive[row] ?? 0;
  }
  return calibrationErrorOfBins(bins);
}

/**
 * The same from sums over the rows of each bin: their number, their scores, their positive outcomes.
 *
 * Chance makes differences where there are none, so the error is too large on average and a symmetric interval would leave out
 * the true one nearly always where a model is calibrated. With bins off by chance ε_b of standard deviation σ_b it is at most
 * Σ|ε_b| above the true one, and Σ±ε_b below it: the interval reaches as far as those do, and so holds it in 95 % or more.
 */
export function calibrationErrorOfBins(
  bins: readonly { readonly rows: number; readonly score: number; readonly positive: number }[],
): Measured | null {
  const all = bins.reduce((sum, { rows }) => sum + rows, 0);
  if (!(all > 0)) return null;
  let [error, variance, deviations] = [0, 0, 0];
  for (const { rows, score: sum, positive: found } of bins) {
    if (rows === 0) continue;
    error += Math.abs(sum - found) / all;
    // As if there were half a row more of either outcome (Jeffreys): a bin of one outcome has chance too.
    const share = (found + 0.5) / (rows + 1);
    const square = (rows * share * (1 - share)) / all ** 2;
    variance += square;
    deviations += Math.sqrt(square);
  }
  // Of Σ|ε_b| of normal ε_b: √(2/π)·Σσ_b and (1 − 2/π)·Σσ_b².
  const above = Math.sqrt(2 / Math.PI) * deviations + z95 * Math.sqrt((1 - 2 / Math.PI) * variance);
  return { value: error, low: Math.max(0, error - above), high: Math.min(1, error + z95 * Math.sqrt(variance)) };
}
