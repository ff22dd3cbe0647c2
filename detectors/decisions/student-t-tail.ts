import { gammaln } from "simple-statistics";

/**
 * P(T > t) of Student's t with ν degrees of freedom: half the regularized incomplete beta function at ν/(ν + t²)
 * (Abramowitz & Stegun 26.7.1), by its continued fraction (Numerical Recipes 6.4).
 */
export function studentTTail(t: number, degreesOfFreedom: number): number {
  if (t < 0) return 1 - studentTTail(-t, degreesOfFreedom);
  const square = t * t;
  // Both arguments are passed, since 1 − x would lose the tail's digits.
  return (
    0.5 *
    betaRatio(
      degreesOfFreedom / 2,
      0.5,
      degreesOfFreedom / (degreesOfFreedom + square),
      square / (degreesOfFreedom + square),
    )
  );
}

/** The t > 0 with P(T > t) = p, by bisection. */
export function studentTQuantile(p: number, degreesOfFreedom: number): number {
  let low = 0;
  let high = 1;
  while (studentTTail(high, degreesOfFreedom) > p && high < 1e12) high *= 2;
  for (let round = 0; round < 60; round += 1) {
    const middle = (low + high) / 2;
    if (studentTTail(middle, degreesOfFreedom) > p) low = middle;
    else high = middle;
  }
  return high;
}

/** I_x(a, b), with y = 1 − x. */
function betaRatio(a: number, b: number, x: number, y: number): number {
  if (x <= 0) return 0;
  if (y <= 0) return 1;
  const scale = Math.exp(gammaln(a + b) - gammaln(a) - gammaln(b) + a * Math.log(x) + b * Math.log(y));
  // The fraction converges quickly only on this side of the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - (scale * betaFraction(b, a, y)) / b;
  return (scale * betaFraction(a, b, x)) / a;
}

function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let fraction = d;
  for (let m = 1; m < 10_000; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + even * d;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = 1 + even / c;
    if (Math.abs(c) < tiny) c = tiny;
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + odd * d;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = 1 + odd / c;
    if (Math.abs(c) < tiny) c = tiny;
    const factor = d * c;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-15) break;
  }
  return fraction;
}
