/** log(n!) less its Stirling approximation ½·ln(2πn) + n·ln n − n, for whole n from 0 to 15 by sum, above by series. */
function stirlingError(n: number): number {
  if (n < stirlingErrors.length) return stirlingErrors[n]!;
  const square = n * n;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n;
}

const stirlingErrors = Array.from({ length: 16 }, (_, n) => {
  let logFactorial = 0;
  for (let i = 2; i <= n; i += 1) logFactorial += Math.log(i);
  return n === 0 ? 0 : logFactorial - (0.5 * Math.log(2 * Math.PI * n) + n * Math.log(n) - n);
});

/** x·ln(x/m) + m − x, without the cancellation when x is near m; 0 or more, m where x is 0. */
export function deviance(x: number, m: number): number {
  if (x === 0) return m;
  if (Math.abs(x - m) < 0.1 * (x + m)) {
    const v = (x - m) / (x + m);
    let sum = (x - m) * v;
    let term = 2 * x * v;
    for (let j = 1; j < 1000; j += 1) {
      term *= v * v;
      const next = sum + term / (2 * j + 1);
      if (next === sum) break;
      sum = next;
    }
    return sum;
  }
  return x * Math.log(x / m) + m - x;
}

/**
 * P(X = x) of a binomial X with n trials, to about 14 digits at any size (Loader, "Fast and Accurate Computation of
 * Binomial Probabilities", 2000).
 *
 * @param q 1 − p, given where it is known better than by subtraction.
 */
export function binomialProbability(x: number, n: number, p: number, q = 1 - p): number {
  if (x < 0 || x > n) return 0;
  if (p <= 0) return x === 0 ? 1 : 0;
  if (q <= 0) return x === n ? 1 : 0;
  if (x === 0) return Math.exp(p < 0.1 ? n * Math.log1p(-p) : n * Math.log(q));
  if (x === n) return Math.exp(q < 0.1 ? n * Math.log1p(-q) : n * Math.log(p));
  const exponent =
    stirlingError(n) - stirlingError(x) - stirlingError(n - x) - deviance(x, n * p) - deviance(n - x, n * q);
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * x * (n - x)));
}

/** P(X = x) of the number x of marked rows among `drawn` out of `marked + others`, without replacement. */
export function hypergeometricProbability(x: number, marked: number, others: number, drawn: number): number {
  if (x < 0 || x > marked || drawn - x < 0 || drawn - x > others) return 0;
  const all = marked + others;
  if (drawn === 0 || drawn === all) return 1;
  const p = drawn / all;
  const q = (all - drawn) / all;
  return (
    (binomialProbability(x, marked, p, q) * binomialProbability(drawn - x, others, p, q)) /
    binomialProbability(drawn, all, p, q)
  );
}
