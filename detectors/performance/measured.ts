/** A number with its 95 % interval. */
export interface Measured {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95 % of a normal. */
export const z95 = 1.959963984540054;

/** value ± z·standardError, kept within what the metric can be. */
export function normalInterval(
  value: number,
  standardError: number,
  bounds: { readonly from: number; readonly to: number } = { from: 0, to: 1 },
): Measured {
  const reach = z95 * standardError;
  return { value, low: Math.max(bounds.from, value - reach), high: Math.min(bounds.to, value + reach) };
}

/** The mean of values with the interval of its standard error (sample variance, n − 1). Null without values. */
export function measuredMean(
  values: Float64Array,
  bounds?: { readonly from: number; readonly to: number },
): Measured | null {
  if (values.length === 0) return null;
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const standardError = values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1) / values.length);
  return normalInterval(mean, standardError, bounds);
}
