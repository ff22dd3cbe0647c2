import { gammaln } from "simple-statistics";

/**
 * P(χ²_d > x) for any d > 0, whole or not: the regularized upper incomplete gamma function Q(d/2, x/2), by its series
 * below the mode and Legendre's continued fraction above it (Numerical Recipes 6.2), accurate far out in the tail.
 */
export function chiSquareTail(x: number, degreesOfFreedom: number): number {
  if (!(x > 0)) return 1;
  const a = degreesOfFreedom / 2;
  const half = x / 2;
  const scale = Math.exp(a * Math.log(half) - half - gammaln(a));
  if (half < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 10_000; n += 1) {
      term *= half / (a + n);
      sum += term;
      if (term < sum * 1e-16) break;
    }
    return Math.max(0, 1 - scale * sum);
  }
  // Lentz's algorithm; `tiny` only keeps a denominator from being 0.
  const tiny = 1e-300;
  let b = half + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let fraction = d;
  for (let i = 1; i < 10_000; i += 1) {
    const numerator = -i * (i - a);
    b += 2;
    d = numerator * d + b;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = b + numerator / c;
    if (Math.abs(c) < tiny) c = tiny;
    const factor = d * c;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return Math.min(1, scale * fraction);
}
