import { measuredMean, normalInterval, type Measured } from "./measured.ts";

/**
 * How far estimates are from what happened. MAPE leaves out outcomes of 0, and is a share (0.1 is 10 %); R² = 1 − SSE/SST is
 * null where all outcomes are the same. Intervals: the mean's standard error; RMSE and R² by the delta method.
 *
 * @param estimate As long as `outcome`; both finite.
 */
export function estimateMetrics(
  estimate: Float64Array,
  outcome: Float64Array,
): {
  readonly mae: Measured | null;
  readonly rmse: Measured | null;
  readonly mape: Measured | null;
  readonly r2: Measured | null;
} {
  const anyPositive = { from: 0, to: Infinity };
  const errors = estimate.map((value, row) => value - outcome[row]!);
  const squared = measuredMean(
    errors.map((error) => error * error),
    anyPositive,
  );
  const relative = errors.map((error, row) => Math.abs(error) / Math.abs(outcome[row]!)).filter(Number.isFinite);
  return {
    mae: measuredMean(errors.map(Math.abs), anyPositive),
    rmse:
      squared === null
        ? null
        : { value: Math.sqrt(squared.value), low: Math.sqrt(squared.low), high: Math.sqrt(squared.high) },
    mape: measuredMean(relative, anyPositive),
    r2: determination(errors, outcome),
  };
}

function determination(errors: Float64Array, outcome: Float64Array): Measured | null {
  const rows = outcome.length;
  if (rows < 2) return null;
  const mean = outcome.reduce((sum, value) => sum + value, 0) / rows;
  const error = errors.reduce((sum, value) => sum + value * value, 0) / rows;
  const spread = outcome.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows;
  if (spread === 0) return null;
  // What one row adds to the ratio's first-order change.
  const influence = errors.map((e, row) => -(e * e) / spread + (error * (outcome[row]! - mean) ** 2) / spread ** 2);
  const squares = influence.reduce((sum, value) => sum + value * value, 0);
  return normalInterval(1 - error / spread, Math.sqrt(squares / (rows - 1) / rows), { from: -Infinity, to: 1 });
}
