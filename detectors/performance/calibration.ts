import { fitIsotonicToTally, type IsotonicCurve } from "./isotonic.ts";
import { sumOf, type ScoreTally } from "./score-tally.ts";

/** Scores are calibrated on at least so many labelled rows of the reference, of both classes. */
const fewestCalibrationRows = 100;

/**
 * What a score meant in the reference: a curve from score to probability of the positive class.
 *
 * @param outcomes The reference's rows with a label by score; `yes` are the positive ones.
 * @returns null (not measured) where there are too few, or of one class only.
 */
export function calibrationCurve(outcomes: ScoreTally): IsotonicCurve | null {
  const [positives, negatives] = [sumOf(outcomes.yes), sumOf(outcomes.no)];
  if (positives + negatives < fewestCalibrationRows || positives === 0 || negatives === 0) return null;
  return fitIsotonicToTally(outcomes);
}
