import { LeewayError } from "../../core/errors.ts";
import { studentTTail } from "../decisions/student-t-tail.ts";
import { inverseTail } from "./inverse-tail.ts";
import { defineMethod, total, type Setting } from "./method.ts";
import { symmetricPValue, symmetricThreshold } from "./z-proportions.ts";

interface MeanError {
  /** The mean is `origin + offset`: the digits of a large common origin cancel before they are rounded away. */
  readonly origin: number;
  readonly offset: number;
  /** Standard error of the mean. */
  readonly error: number;
  readonly rows: number;
}

function meanError(counts: ArrayLike<number>, values: ArrayLike<number> | undefined): MeanError {
  const rows = total(counts);
  if (!(rows > 1)) {
    throw new LeewayError("insufficient_data", "welch_t: each sample needs at least 2 values, one has 1; collect more");
  }
  const of = (cell: number) => values?.[cell] ?? cell;
  let first = 0;
  while (counts[first] === 0) first += 1;
  let last = counts.length - 1;
  while (counts[last] === 0) last -= 1;
  const origin = of(first);
  const range = of(last) - origin;
  // A constant has no variance, rounding of its mean neither.
  if (range === 0) return { origin, offset: 0, error: 0, rows };
  // In the sample's own range: squares of very large or small values would be no numbers.
  let sum = 0;
  for (let cell = first; cell <= last; cell += 1) sum += counts[cell]! * ((of(cell) - origin) / range);
  let squares = 0;
  for (let cell = first; cell <= last; cell += 1) {
    squares += counts[cell]! * ((of(cell) - origin) / range - sum / rows) ** 2;
  }
  return { origin, offset: range * (sum / rows), error: range * Math.sqrt(squares / (rows - 1) / rows), rows };
}

function welch(reference: ArrayLike<number>, current: ArrayLike<number>, values: ArrayLike<number> | undefined) {
  const before = meanError(reference, values);
  const now = meanError(current, values);
  const error = Math.hypot(before.error, now.error);
  const difference = before.origin - now.origin + (before.offset - now.offset);
  if (error === 0) {
    if (difference !== 0) {
      throw new LeewayError(
        "insufficient_data",
        "welch_t: both samples are constant, at different values, so there is no standard error; compare them by ks or wasserstein",
      );
    }
    return { t: 0, degreesOfFreedom: before.rows + now.rows - 2 };
  }
  const [a, b] = [(before.error / error) ** 2, (now.error / error) ** 2];
  return {
    t: difference / error,
    degreesOfFreedom: 1 / (a ** 2 / (before.rows - 1) + b ** 2 / (now.rows - 1)),
  };
}

/**
 * Welch's t of the means, reference less current, each sample with its own variance
 * (`scipy.stats.ttest_ind(reference, current, equal_var=False)`); 0 if both are constant at one value.
 *
 * @throws LeewayError `insufficient_data` with fewer than two rows a side, or constants that differ.
 */
export function welchStatistic(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { values }: Setting = {},
): number {
  return welch(reference, current, values).t;
}

export const welchT = defineMethod({
  name: "welch_t",
  title: "Welch's t-test",
  meaning: "Evidence that the mean moved, whatever the variances: above 0 the reference's mean is the higher one.",
  convention: "(x̄₁ − x̄₂)/√(s₁²/n₁ + s₂²/n₂), reference first, degrees of freedom by Welch–Satterthwaite.",
  source: "Welch 1947; Satterthwaite 1946",
  over: "values",
  null: "Student's t with Welch and Satterthwaite's degrees of freedom",
  options: ["alternative"],
  value: welchStatistic,
  significance: (reference, current, { values, alternative = "two-sided" } = {}) => {
    const { t, degreesOfFreedom } = welch(reference, current, values);
    return {
      pValue: symmetricPValue((x) => studentTTail(x, degreesOfFreedom), t, alternative),
      numbers: { degreesOfFreedom },
    };
  },
  threshold: (alpha, reference, current, { values, alternative = "two-sided" } = {}) => {
    const { degreesOfFreedom } = welch(reference, current, values);
    const quantile = (p: number): number =>
      p > 0.5 ? -quantile(1 - p) : inverseTail((x) => studentTTail(x, degreesOfFreedom), p);
    return symmetricThreshold(quantile, alpha, alternative);
  },
});
