import { boundQuantile } from "../decisions/effect.ts";
import { studentTQuantile, studentTTail } from "../decisions/student-t-tail.ts";

/** Windows of the baseline with a value, below which nothing is judged. */
export const minReferenceValues = 5;
/** Standard deviation never taken as smaller than this share of the mean: a value that never moved may move a little. */
const minRelativeDeviation = 0.01;

/** What the baseline's windows say of a value: all that a predictive t test needs. */
export interface ValueReference {
  /** Identifies the statement: another one has another reference. */
  readonly statement: string;
  /** Windows that gave a value. */
  readonly windows: number;
  readonly mean: number;
  /** Standard deviation, n − 1; 0 below two windows. */
  readonly deviation: number;
}

/** One monitor in the window at hand. */
export interface ValueObservation {
  readonly name: string;
  /** `joint`: how well a classifier tells the window's rows from the baseline's, 2·AUC − 1. */
  readonly signal: "custom" | "joint";
  /** What the value is, or what made it what it is: told of a finding. */
  readonly contrast: string;
  /** Null: the window gave none. */
  readonly value: number | null;
  /** Null: it is not known, as when the statement failed. */
  readonly reference: ValueReference | null;
  /** As in `MonitorSpec`. */
  readonly minChange: number;
  /** Standard deviation that the value has even if nothing differs; 0 if that is not known. */
  readonly nullDeviation: number;
}

/** A value judged against those of the baseline's windows. */
export interface ValueEvidence {
  readonly value: number;
  /** Value − mean. */
  readonly distance: number;
  readonly pValue: number;
  /** |value − mean| as a share of |mean|, with its one-sided 90 % bounds; against a mean of 0, 1 stands for any change. Joint: value − mean. */
  readonly change: number;
  readonly changeLow: number;
  readonly changeHigh: number;
  readonly passes: boolean;
  /** The smallest change that would have passed both gates. */
  readonly minimumDetectableChange: number;
}

/** The mean and spread of what the baseline's windows gave; windows without a value are left out. */
export function valueReference(statement: string, values: readonly (number | null)[]): ValueReference {
  const known = values.filter((value) => value !== null);
  const windows = known.length;
  const mean = windows === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / windows;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { statement, windows, mean, deviation: windows < 2 ? 0 : Math.sqrt(squares / (windows - 1)) };
}

/** What is reported beside a decision. */
export function valueNumbers({ value, reference }: ValueObservation): Record<string, number> {
  return {
    ...(value !== null && { value }),
    ...(reference !== null &&
      reference.windows > 0 && { reference_mean: reference.mean, reference_deviation: reference.deviation }),
  };
}

/**
 * Two-sided predictive t test, n − 1 degrees of freedom: the new value against what the baseline's n windows predict for
 * one more window, their mean and spread being estimates themselves. The second gate asks that the lower 90 % bound of
 * the relative change exceeds `minChange`. Windows are taken as independent of one another: a season within the baseline
 * widens the spread and costs power, no false findings.
 *
 * Joint: one-sided, since rows that are harder to tell apart than the baseline's own windows are no change, and on the
 * value itself, which has a scale already.
 *
 * @returns null if fewer than 5 windows of the baseline have a value: no baseline.
 */
export function valueEvidence(
  value: number,
  reference: ValueReference,
  gates: { readonly threshold: number } & Pick<ValueObservation, "signal" | "minChange" | "nullDeviation">,
): ValueEvidence | null {
  const { windows: n, mean } = reference;
  if (n < minReferenceValues) return null;
  const joint = gates.signal === "joint";
  const smallest = joint ? 0 : minRelativeDeviation * Math.abs(mean);
  const deviation = Math.max(reference.deviation, smallest, gates.nullDeviation);
  const scale = deviation * Math.sqrt(1 + 1 / n);
  const distance = value - mean;
  const size = joint ? Math.max(0, distance) : Math.abs(distance);
  const sides = joint ? 1 : 2;
  const pValue = scale > 0 ? Math.min(1, sides * studentTTail(size / scale, n - 1)) : size > 0 ? 0 : 1;
  // Nothing is a share of zero: any change of a mean of 0 is all of it.
  const unit = joint ? 1 : Math.abs(mean) > 0 ? Math.abs(mean) : size > 0 ? size : 1;
  const error = (boundQuantile * scale) / unit;
  const change = size / unit;
  return {
    value,
    distance,
    pValue,
    change,
    changeLow: change - error,
    changeHigh: change + error,
    passes: pValue <= gates.threshold && change - error > gates.minChange,
    minimumDetectableChange: Math.max(
      (studentTQuantile(gates.threshold / sides, n - 1) * scale) / unit,
      gates.minChange + error,
    ),
  };
}
