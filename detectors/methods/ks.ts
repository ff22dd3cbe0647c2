import { inverseTail } from "./inverse-tail.ts";
import { kolmogorovTail } from "./kolmogorov-tail.ts";
import { type Alternative, areWhole, defineMethod, total, type Setting } from "./method.ts";
import { greatestCommonDivisor, smirnovPathTail } from "./smirnov-paths.ts";

/** Largest sample whose p-value is exact, as SciPy's `method="auto"` has it. */
const largestExact = 10_000;

/** Up to this many pairs of rows the threshold is exact too; beyond, the limit is as good and much quicker. */
const exactThresholdPaths = 100_000;

/**
 * Two-sample Kolmogorov–Smirnov statistic max |F(x) − G(x)|, from counts: the maximum over the upper edges of the bins.
 * Between edges F and G can differ by at most the larger bin more, so with bins at the reference's 1/128 quantiles it
 * falls short of the statistic of the raw values by at most 1/128 (bins that hold one value lose nothing).
 *
 * One-sided as in SciPy: `greater` is max (F − G), a reference that tends to lie below.
 *
 * Source: Kolmogorov 1933, Smirnov 1939.
 */
export function ksStatistic(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { alternative = "two-sided" }: Setting = {},
): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let before = 0;
  let now = 0;
  let largest = 0;
  for (let bin = 0; bin < reference.length; bin += 1) {
    before += reference[bin]!;
    now += current[bin]!;
    const difference = before / referenceRows - now / rows;
    if (alternative === "two-sided") largest = Math.max(largest, Math.abs(difference));
    else largest = Math.max(largest, alternative === "greater" ? difference : -difference);
  }
  return largest;
}

/** Whether the null is counted out (`scipy.stats.ks_2samp` with `method="auto"`). */
function isExact(reference: ArrayLike<number>, current: ArrayLike<number>): boolean {
  return Math.max(total(reference), total(current)) <= largestExact && areWhole(reference, current);
}

/** P(D ≥ d) in the limit, for sizes that need not be whole. */
function limitTail(n: number, m: number, d: number, alternative: Alternative): number {
  const size = (n * m) / (n + m);
  if (alternative === "two-sided") return kolmogorovTail(Math.max(1, roundHalfToEven(size)), d);
  const z = d * Math.sqrt(size);
  const [larger, smaller] = [Math.max(n, m), Math.min(n, m)];
  // Hodges 1958, 5.3.
  return Math.min(1, Math.exp(-2 * z * z - (2 * z * (larger + 2 * smaller)) / Math.sqrt(n * m * (n + m)) / 3));
}

function roundHalfToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}

export const ks = defineMethod({
  name: "ks",
  title: "Kolmogorov–Smirnov statistic",
  meaning: "The largest difference of the shares below a value: 0.1 is ten rows in a hundred more on one side of it.",
  convention:
    "max |F − G|; p-value exact up to 10,000 rows a side, else by the limit; ties make it too large. From bins at most 1/128 below that of the raw values.",
  source: "Kolmogorov 1933; Smirnov 1939; Hodges 1958; Simard & L'Ecuyer 2011",
  over: "ordered",
  nullWithoutTies: true,
  null: "Smirnov's, counted out up to 10,000 rows a side, else Kolmogorov's for nm/(n + m) rows (Simard & L'Ecuyer)",
  options: ["alternative"],
  value: ksStatistic,
  significance: (reference, current, { alternative = "two-sided" } = {}) => {
    const d = ksStatistic(reference, current, { alternative });
    const [n, m] = [total(reference), total(current)];
    if (!isExact(reference, current)) return { pValue: limitTail(n, m, d, alternative) };
    const steps = (n / greatestCommonDivisor(n, m)) * m;
    return { pValue: smirnovPathTail(n, m, Math.round(d * steps), alternative) };
  },
  threshold: (alpha, reference, current, { alternative = "two-sided" } = {}) => {
    const [n, m] = [total(reference), total(current)];
    if (n * m > exactThresholdPaths || !isExact(reference, current)) {
      const step = 1 / Math.sqrt((n * m) / (n + m));
      return Math.min(
        1,
        inverseTail((d) => limitTail(n, m, d, alternative), alpha, 0, step),
      );
    }
    // Half a step above the largest statistic that is still likely enough: scores on a grid do not depend on rounding.
    const steps = (n / greatestCommonDivisor(n, m)) * m;
    let likely = 0;
    let unlikely = steps + 1;
    while (unlikely - likely > 1) {
      const middle = Math.floor((likely + unlikely) / 2);
      if (smirnovPathTail(n, m, middle, alternative) > alpha) likely = middle;
      else unlikely = middle;
    }
    return Math.min(1, (likely + 0.5) / steps);
  },
});
