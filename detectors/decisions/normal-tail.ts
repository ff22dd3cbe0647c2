const sqrtTwoPi = Math.sqrt(2 * Math.PI);

/**
 * P(Z > z) of a standard normal Z, with a relative error below 1e-13 down to p ≈ 1e-300 (0 beyond z ≈ 38). Below
 * z = 2.5 the Taylor series of Marsaglia, "Evaluating the Normal Distribution" (J. Stat. Software 11, 2004); above it
 * Laplace's continued fraction of the Mills ratio (Abramowitz & Stegun 26.2.14).
 */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  if (z > 38.5) return 0;
  const density = Math.exp(-0.5 * z * z) / sqrtTwoPi;
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let i = 3; Math.abs(term) > 1e-17 * sum; i += 2) {
      term *= (z * z) / i;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  // Evaluated from the inside out: 120 levels suffice at z = 2.5, a dozen at z = 8.
  const levels = Math.ceil(20 + 700 / (z * z));
  let fraction = z;
  for (let k = levels; k >= 1; k -= 1) fraction = z + k / fraction;
  return density / fraction;
}

/** The z ≥ 0 with P(Z > z) = p, for 0 < p ≤ 0.5 (Newton on ln p, which is nearly parabolic in z). */
export function normalTailInverse(p: number): number {
  let z = p > 0.2 ? 0 : Math.sqrt(-2 * Math.log(2 * p));
  for (let round = 0; round < 60; round += 1) {
    const tail = normalTail(z);
    const density = Math.exp(-0.5 * z * z) / sqrtTwoPi;
    const step = (Math.log(tail) - Math.log(p)) * (tail / density);
    z = Math.max(0, z + step);
    if (Math.abs(step) < 1e-12) break;
  }
  return z;
}
