const correction = 0.25;

/** a·ln(a/b) with 0·ln 0 = 0. */
function term(a: number, b: number): number {
  return a > 0 ? a * Math.log(a / b) : 0;
}

/**
 * Signed root of the likelihood-ratio statistic G of the 2×2 table "x of n now, X of N in the reference", for shares
 * y = x/n and R = X/N: about standard normal when both come from one population, positive when y > R.
 *
 * The counts are first divided by q, the contrast's expected variance inflation, and the root is multiplied by √q again:
 * dependent rows count for fewer, so that the statistic's curvature, its continuity correction and its bounds are those
 * of the independent rows they are worth. The observed count is moved 0.25 towards its expectation: against the exact
 * hypergeometric the level at p = 1e-2 … 1e-5 is then at most about nominal; without it, up to four times that.
 *
 * Source: Sokal & Rohlf, Biometry, "G test of independence"; the correction is a quarter where Yates' is a half.
 */
export function shareZ(y: number, n: number, reference: number, referenceSize: number, q: number): number {
  const size = n / q;
  const referenceCount = (reference * referenceSize) / q;
  const total = (n + referenceSize) / q;
  const x = y * size;
  const successes = x + referenceCount;
  const failures = total - successes;
  if (successes <= 0 || failures <= 0) return 0;
  const expected = (size * successes) / total;
  const difference = x - expected;
  const distance = Math.abs(difference) - correction;
  if (distance <= 0) return 0;
  const moved = difference > 0 ? expected + distance : expected - distance;
  const g =
    2 *
    (term(moved, expected) +
      term(successes - moved, successes - expected) +
      term(size - moved, size - expected) +
      term(total - successes - size + moved, total - successes - size + expected));
  const z = g > 0 ? Math.sqrt(g * q) : 0;
  return difference > 0 ? z : -z;
}

/** z of a mean of scores: both samples' noise is paid for. */
export function scoreZ(y: number, n: number, reference: number, referenceSize: number, variance: number): number {
  return (y - reference) / Math.sqrt(variance * (1 / n + 1 / referenceSize));
}
