import type { Series } from "../../core/baseline.ts";
import { studentTQuantile, studentTTail } from "./student-t-tail.ts";

/** A gap is of no interest until it is twice the longest that the reference had. */
const gapFloor = 2;
const minReferenceGaps = 5;
/** Standard deviation of log gaps never taken as smaller: a job that runs like clockwork may be 5 % late. */
const minLogDeviation = 0.05;
const minGapMs = 1;

/** The series whose signal silence is: the model as a whole. */
export const silenceSeries: Series = { role: "feature", feature: "", version: "", slice: "" };

/** The longest stretch without an event: in this window (from the last event before it, if there is one), and in each window of the reference. */
export interface GapObservation {
  readonly longestGapMs: number;
  readonly referenceGapsMs: readonly number[];
}

/** The longest gap of a window judged against the longest gaps of the reference's windows. */
export interface GapEvidence {
  /** Distance of the log gap from the mean of the reference's. */
  readonly logDistance: number;
  readonly pValue: number;
  /** The gap over the longest of the reference. */
  readonly ratio: number;
  readonly longestReferenceMs: number;
  readonly referenceWindows: number;
  readonly passes: boolean;
  /** The smallest ratio that would have passed both gates. */
  readonly minimumDetectableRatio: number;
}

/**
 * One-sided predictive t test on log gaps, n − 1 degrees of freedom: the new gap against what the reference's n windows
 * predict for one more window, their mean and spread being estimates themselves. Longest gaps are maxima, skewed to the
 * right, which the logarithm takes out. A second gate asks for twice the longest gap of the reference.
 *
 * @returns null if the reference has fewer than 5 windows: no baseline.
 */
export function gapEvidence(gap: GapObservation, threshold: number): GapEvidence | null {
  const n = gap.referenceGapsMs.length;
  if (n < minReferenceGaps) return null;
  const logs = gap.referenceGapsMs.map((value) => Math.log(Math.max(value, minGapMs)));
  const mean = logs.reduce((sum, value) => sum + value, 0) / n;
  const squares = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.max(minLogDeviation, Math.sqrt(squares / (n - 1)));
  const scale = deviation * Math.sqrt(1 + 1 / n);
  const logDistance = Math.log(Math.max(gap.longestGapMs, minGapMs)) - mean;
  const pValue = studentTTail(logDistance / scale, n - 1);
  const longestReferenceMs = Math.max(minGapMs, ...gap.referenceGapsMs);
  const ratio = gap.longestGapMs / longestReferenceMs;
  const significantRatio = Math.exp(mean + studentTQuantile(threshold, n - 1) * scale) / longestReferenceMs;
  return {
    logDistance,
    pValue,
    ratio,
    longestReferenceMs,
    referenceWindows: n,
    passes: pValue <= threshold && ratio >= gapFloor,
    minimumDetectableRatio: Math.max(gapFloor, significantRatio),
  };
}
