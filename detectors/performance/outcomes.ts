import type { Evaluation } from "../../store/facts/evaluations.ts";
import type { OutcomeCounts } from "../../store/facts/outcomes.ts";
import type { Moments } from "../../store/facts/performance.ts";
import { parseSlice } from "../../core/slice.ts";
import { studentTQuantile } from "../decisions/student-t-tail.ts";
import type { Measured } from "./measured.ts";

/** Fewer rows with a number say nothing of a mean. */
const fewestKnown = 30;
const tail = 0.025;

/** Mean and spread of an outcome over some rows. */
export interface OutcomeMean {
  /** Weighted rows count for their share of (Σw)²/Σw². */
  readonly rows: number;
  readonly mean: number;
  /** Of one row, n − 1. */
  readonly variance: number;
}

/** @returns null below 30 rows. */
export function outcomeMean([weight, weightSquares, sum, squares]: Moments): OutcomeMean | null {
  const rows = weightSquares > 0 ? (weight * weight) / weightSquares : 0;
  if (!(rows >= fewestKnown)) return null;
  const mean = sum / weight;
  return { rows, mean, variance: (Math.max(0, squares / weight - mean * mean) * rows) / (rows - 1) };
}

/** The mean with its 95 % interval, by Student's t. */
export function meanInterval({ rows, mean, variance }: OutcomeMean): Measured {
  const reach = studentTQuantile(tail, rows - 1) * Math.sqrt(variance / rows);
  return { value: mean, low: mean - reach, high: mean + reach };
}

/**
 * Difference of two means with its 95 % interval: neither variance is taken for the other's.
 * Source: Welch, Biometrika 34, 1947; degrees of freedom by Satterthwaite.
 */
export function meanDifference(a: OutcomeMean, b: OutcomeMean): Measured {
  const [va, vb] = [a.variance / a.rows, b.variance / b.rows];
  const value = a.mean - b.mean;
  if (!(va + vb > 0)) return { value, low: value, high: value };
  const degrees = (va + vb) ** 2 / (va ** 2 / (a.rows - 1) + vb ** 2 / (b.rows - 1));
  const reach = studentTQuantile(tail, degrees) * Math.sqrt(va + vb);
  return { value, low: value - reach, high: value + reach };
}

/**
 * Adds to each version's and slice's row what its outcomes came to: `outcome:NAME` with its interval in `outcome_low:NAME` and
 * `outcome_high:NAME`, `outcome_rows:NAME`, and the differences of the means: `outcome_difference:NAME` of a version to the one
 * with the most rows and of an arm to the largest arm of its version, `outcome_baseline_difference:NAME` to the baseline.
 *
 * @param baseline By name; outcomes that the baseline does not have are left out.
 */
export function withOutcomes(
  rows: readonly Evaluation[],
  counts: readonly OutcomeCounts[],
  baseline: Readonly<Record<string, OutcomeMean>>,
): readonly Evaluation[] {
  return rows.map((row) => {
    const { version, slice } = row.series;
    const own = counts.find((one) => one.version === version && one.slice === slice);
    if (own === undefined || Object.keys(own.outcomes).length === 0) return row;
    const methods: Record<string, number> = { ...row.methods };
    const put = (name: string, outcome: string, { value, low, high }: Measured) => {
      methods[`${name}:${outcome}`] = value;
      methods[`${name}_low:${outcome}`] = low;
      methods[`${name}_high:${outcome}`] = high;
    };
    const other = comparedWith(own, counts);
    for (const [name, { known, moments }] of Object.entries(own.outcomes)) {
      methods[`outcome_rows:${name}`] = known;
      const mean = outcomeMean(moments);
      if (mean === null) continue;
      put("outcome", name, meanInterval(mean));
      const others = other?.outcomes[name];
      const otherMean = others === undefined ? null : outcomeMean(others.moments);
      if (otherMean !== null) put("outcome_difference", name, meanDifference(mean, otherMean));
      if (baseline[name] !== undefined && slice === "") {
        put("outcome_baseline_difference", name, meanDifference(mean, baseline[name]));
      }
    }
    return { ...row, methods };
  });
}

/** Of versions the one with the most rows, of arms the largest of the version; null for it itself, and for other slices. */
function comparedWith(own: OutcomeCounts, counts: readonly OutcomeCounts[]): OutcomeCounts | null {
  const isArm = ({ slice }: OutcomeCounts) => Object.keys(parseSlice(slice)).join() === "arm";
  const peers =
    own.slice === ""
      ? counts.filter(({ slice }) => slice === "")
      : isArm(own)
        ? counts.filter((one) => one.version === own.version && isArm(one))
        : [];
  const [largest] = peers.toSorted((a, b) => b.rows - a.rows);
  return largest === undefined || largest === own ? null : largest;
}
