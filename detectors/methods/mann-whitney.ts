import { normalTail } from "../decisions/normal-tail.ts";
import { normalQuantile } from "./inverse-tail.ts";
import { areWhole, defineMethod, total } from "./method.ts";

/** As SciPy's `method="auto"`: exact without ties if one sample has at most 8 rows. */
const smallSample = 8;
/** Beyond this many pairs of rows the exact null is not counted out. */
const exactPairs = 2_000_000;

/**
 * Mann–Whitney U of the reference (`scipy.stats.mannwhitneyu(reference, current).statistic`): pairs of rows in which the
 * reference's is the larger, ties counted half. Half of all pairs if nothing changed.
 *
 * Source: Mann & Whitney 1947; Wilcoxon 1945.
 */
export function mannWhitneyU(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  let below = 0;
  let u = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    u += reference[cell]! * (below + current[cell]! / 2);
    below += current[cell]!;
  }
  return u;
}

/** Standard deviation of U under the null, with ties. */
function deviation(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const [n, m] = [total(reference), total(current)];
  const all = n + m;
  let ties = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    const together = reference[cell]! + current[cell]!;
    // Weighted rows may tie with less than one row; such a cell takes nothing off.
    if (together > 1) ties += together ** 3 - together;
  }
  return Math.sqrt(Math.max(0, ((n * m) / 12) * (all + 1 - (ties > 0 ? ties / (all * (all - 1)) : 0))));
}

/** P(U ≥ u) for every whole u, if the null is counted out, else null. */
function exactTail(reference: ArrayLike<number>, current: ArrayLike<number>): Float64Array | null {
  const [n, m] = [total(reference), total(current)];
  if (Math.min(n, m) > smallSample || n * m > exactPairs || !areWhole(reference, current)) return null;
  for (let cell = 0; cell < reference.length; cell += 1) if (reference[cell]! + current[cell]! > 1) return null;
  // Coefficients of the Gaussian binomial ∏ (1 − x^(large + i)) / (1 − x^i): orders of the rows by their U.
  const [small, large] = [Math.min(n, m), Math.max(n, m)];
  const orders = new Float64Array(n * m + 1);
  orders[0] = 1;
  for (let i = 1; i <= small; i += 1) {
    for (let u = orders.length - 1; u >= large + i; u -= 1) orders[u]! -= orders[u - large - i]!;
    for (let u = i; u < orders.length; u += 1) orders[u]! += orders[u - i]!;
  }
  // U has a symmetric null, and the coefficients of the lower half come without cancellation.
  const all = orders.reduce((sum, _, u) => sum + orders[Math.min(u, orders.length - 1 - u)]!, 0);
  const tail = new Float64Array(orders.length + 1);
  for (let u = orders.length - 1; u >= 0; u -= 1) {
    tail[u] = tail[u + 1]! + orders[Math.min(u, orders.length - 1 - u)]! / all;
  }
  return tail;
}

export const mannWhitney = defineMethod({
  name: "mann_whitney",
  title: "Mann–Whitney U",
  meaning:
    "Evidence that values tend to be larger on one side; U over all pairs is the chance that the reference's is.",
  convention:
    "U of the reference, ties counted half; p-value with tie and continuity correction, exact without ties if one side has at most 8 rows and there are at most 2,000,000 pairs.",
  source: "Wilcoxon 1945; Mann & Whitney 1947",
  over: "ordered",
  null: "normal with tie and continuity correction; counted out without ties if one side has at most 8 rows (and up to 2,000,000 pairs)",
  options: ["alternative"],
  value: mannWhitneyU,
  significance: (reference, current, { alternative = "two-sided" } = {}) => {
    const u = mannWhitneyU(reference, current);
    const pairs = total(reference) * total(current);
    const sides = alternative === "two-sided" ? 2 : 1;
    const upper = { "two-sided": Math.max(u, pairs - u), greater: u, less: pairs - u }[alternative];
    const exact = exactTail(reference, current);
    if (exact !== null) return { pValue: Math.min(1, sides * exact[upper]!) };
    const spread = deviation(reference, current);
    const pValue = spread === 0 ? 1 : Math.min(1, sides * normalTail((upper - pairs / 2 - 0.5) / spread));
    return { pValue };
  },
  threshold: (alpha, reference, current, { alternative = "two-sided" } = {}) => {
    const pairs = total(reference) * total(current);
    const level = alternative === "two-sided" ? alpha / 2 : alpha;
    const sided = (upper: number) => (alternative === "less" ? pairs - upper : upper);
    const exact = exactTail(reference, current);
    if (exact !== null) return sided(exact.findIndex((tail) => tail <= level) - 0.5);
    return sided(pairs / 2 + 0.5 + normalQuantile(level) * deviation(reference, current));
  },
});
