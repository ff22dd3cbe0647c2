import { boundQuantile } from "../decisions/effect.ts";
import { shareZ } from "../decisions/g-statistic.ts";
import { normalTail } from "../decisions/normal-tail.ts";
import { phiGrid } from "../decisions/variance-inflation.ts";
import { pooledSample, type JudgedMetricKind, type MetricSample } from "./judged-metrics.ts";

/** Windows of the baseline with a value, below which nothing is judged. */
export const fewestReferenceWindows = 5;

/** What the baseline's windows say of one metric. */
export interface MetricReference {
  readonly windows: number;
  /** Labelled rows of them all, and Σ n². */
  readonly rows: number;
  readonly rowSquares: number;
  /** Over all rows, and the variance of one row within its window. */
  readonly value: number;
  readonly variance: number;
  /**
   * What healthy windows differ by beyond their rows' own chance: belief over `phiGrid`, in which φ is the variance of a
   * window of `typicalRows` over that of as many independent rows.
   */
  readonly typicalRows: number;
  readonly posterior: readonly number[];
  /** Share of the difference between windows that consecutive ones have in common, 0 … 1. */
  readonly dependence: number;
}

/**
 * Belief in φ before the baseline was seen: any is possible, large ones less so, independent rows the most. A single metric
 * has no others to learn from.
 */
const prior: readonly number[] = phiGrid.map((phi) => (phi === 1 ? 3 : phi ** -0.5));

/** @param samples Of the baseline's windows in order of time; null where one gave no value. */
export function metricReference(samples: readonly (MetricSample | null)[]): MetricReference | null {
  const known = samples.filter((sample) => sample !== null);
  const pooled = pooledSample(known);
  if (pooled === null || known.length < fewestReferenceWindows) return null;
  const { rows, value, variance } = pooled;
  const typicalRows = rows / known.length;
  const between = (phi: number) => ((phi - 1) * variance) / typicalRows;
  // The likelihood of a random-effects model, its mean integrated out (restricted likelihood).
  const logs = phiGrid.map((phi) => {
    let [weights, weighted, logDeterminant] = [0, 0, 0];
    for (const sample of known) {
      const of = variance / sample.rows + between(phi);
      weights += 1 / of;
      weighted += sample.value / of;
      logDeterminant += Math.log(of);
    }
    const mean = weighted / weights;
    const squares = known.reduce(
      (sum, sample) => sum + (sample.value - mean) ** 2 / (variance / sample.rows + between(phi)),
      0,
    );
    return -0.5 * (logDeterminant + Math.log(weights) + squares);
  });
  const belief = variance > 0 ? normalized(logs) : phiGrid.map((_, index) => (index === 0 ? 1 : 0));
  return {
    windows: known.length,
    rows,
    rowSquares: known.reduce((sum, sample) => sum + sample.rows ** 2, 0),
    value,
    variance,
    typicalRows,
    posterior: belief,
    dependence: variance > 0 ? serialDependence(samples, { value, variance }) : 0,
  };
}

function normalized(logs: readonly number[]): number[] {
  const best = Math.max(...logs);
  const weights = logs.map((log, index) => Math.exp(log - best) * prior[index]!);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/**
 * The first autocovariance of the windows over what they differ by beyond chance, drawn towards one half where that is little:
 * a few windows say hardly anything of it.
 */
function serialDependence(
  samples: readonly (MetricSample | null)[],
  { value, variance }: Pick<MetricReference, "value" | "variance">,
): number {
  const residuals = samples.map((sample) =>
    sample === null ? null : (sample.value - value) / Math.sqrt(variance / sample.rows),
  );
  const known = residuals.filter((residual) => residual !== null);
  const degrees = known.length - 1;
  const excess = Math.max(0, known.reduce((sum, residual) => sum + residual ** 2, 0) / degrees - 1);
  let covariance = 0;
  for (let index = 1; index < residuals.length; index += 1) {
    covariance += (residuals[index] ?? 0) * (residuals[index - 1] ?? 0);
  }
  return Math.min(1, Math.max(0, (covariance / degrees + 0.1) / (excess + 0.2)));
}

/** A window's metric held against the baseline. */
export interface MetricEvidence {
  readonly rows: number;
  readonly value: number;
  /** How much worse, in the metric's unit (`ratio`: as a share of the baseline's value), with its one-sided 90 % bounds; below 0: better. */
  readonly effect: number;
  readonly effectLow: number;
  readonly effectHigh: number;
  /** Two-sided. */
  readonly pValue: number;
  readonly threshold: number;
  /** Significantly worse, and by more than is of no interest. */
  readonly passes: boolean;
  /** The smallest change for the worse that would have passed; computed when it is asked for, since findings alone tell it. */
  readonly minimumDetectableEffect: () => number;
  /** E[φ] of a window of so many rows. */
  readonly varianceInflation: number;
}

/**
 * Two-sided test of a window (or several, pooled) against the baseline. The variance is that of the window's own rows, plus
 * what healthy windows differ by, plus that of the baseline's mean; the p-value is averaged over what the second can still
 * be. A share has the signed root of G, so that few errors are no trouble; losses and areas are tested on the scale on which
 * they are nearly normal.
 *
 * @param pool Windows in the sample: what they differ by averages out only as far as they vary on their own.
 */
export function metricEvidence(
  sample: MetricSample,
  reference: MetricReference,
  kind: JudgedMetricKind,
  gates: { readonly threshold: number; readonly minChange: number; readonly windows?: number },
): MetricEvidence {
  const { windows = 1, threshold, minChange } = gates;
  const shared = (1 + (windows - 1) * reference.dependence) / windows;
  const independent = reference.variance * (1 / sample.rows + 1 / reference.rows);
  const between = (phi: number) => ((phi - 1) * reference.variance) / reference.typicalRows;
  /** Variance of the difference over that of independent rows. */
  const inflation = (phi: number) =>
    independent > 0 ? 1 + (between(phi) * (shared + reference.rowSquares / reference.rows ** 2)) / independent : 1;
  const inflations = phiGrid.map(inflation);
  const mean = reference.posterior.reduce((sum, weight, index) => sum + weight * inflations[index]!, 0);

  const tail = (value: number): number => {
    // Shares: what is inflated counts for fewer rows, in the statistic's curvature too.
    const z = zOf(value, sample.rows, reference, kind, mean);
    if (!Number.isFinite(z)) return z === 0 || Number.isNaN(z) ? 1 : 0;
    const one = reference.posterior.reduce(
      (sum, weight, index) => sum + weight * normalTail(Math.abs(z) / Math.sqrt(inflations[index]!)),
      0,
    );
    return Math.min(1, 2 * one);
  };
  const unit = kind.scale === "ratio" ? Math.max(reference.value, Number.MIN_VALUE) : 1;
  const sign = kind.better === "high" ? -1 : 1;
  // No change is no change on either side: 0, never −0.
  const effectOf = (value: number) => (sign * (value - reference.value)) / unit + 0;
  const errorOf = (value: number, own: number) => {
    const spread = kind.scale === "share" ? value * (1 - value) : own;
    const largest = Math.max(reference.variance, spread);
    return Math.sqrt(largest * (1 / sample.rows + 1 / reference.rows) * mean) / unit;
  };
  const passes = (value: number, own: number) =>
    tail(value) <= threshold && effectOf(value) - boundQuantile * errorOf(value, own) > minChange;

  const effect = effectOf(sample.value);
  const error = errorOf(sample.value, sample.variance);
  return {
    rows: sample.rows,
    value: sample.value,
    effect,
    effectLow: effect - boundQuantile * error,
    effectHigh: effect + boundQuantile * error,
    pValue: tail(sample.value),
    threshold,
    passes: passes(sample.value, sample.variance),
    minimumDetectableEffect: () =>
      smallestEffect((size) => passes(reference.value + sign * size * unit, 0), kind, reference),
    varianceInflation: mean,
  };
}

/** The difference in standard errors of independent rows, above 0 where the value is above the baseline's. */
function zOf(
  value: number,
  rows: number,
  reference: MetricReference,
  { scale }: JudgedMetricKind,
  inflation: number,
): number {
  if (scale === "share") return shareZ(value, rows, reference.value, reference.rows, inflation);
  const error = Math.sqrt(reference.variance * (1 / rows + 1 / reference.rows));
  if (scale === "ratio") {
    return reference.value > 0
      ? (Math.log(value / reference.value) * reference.value) / error
      : (value - reference.value) / error;
  }
  const logit = (share: number) => Math.log(share / (1 - share));
  return ((logit(value) - logit(reference.value)) * reference.value * (1 - reference.value)) / error;
}

/** The smallest change for the worse that would have passed both gates: found about half the time if it is true. */
function smallestEffect(
  passes: (size: number) => boolean,
  { scale, better }: JudgedMetricKind,
  { value }: MetricReference,
): number {
  const room = scale === "ratio" ? 100 : (better === "high" ? value : 1 - value) * (1 - 1e-9);
  if (!passes(room)) return room;
  let [low, high] = [0, room];
  for (let round = 0; round < 40; round += 1) {
    const middle = (low + high) / 2;
    if (passes(middle)) high = middle;
    else low = middle;
  }
  return high;
}
