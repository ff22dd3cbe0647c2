import { cramerVonMisesExactNull, cramerVonMisesTail } from "./cramer-von-mises-tail.ts";
import { inverseTail } from "./inverse-tail.ts";
import { areWhole, defineMethod, occupiedCells, total } from "./method.ts";

const largestExact = 20;

/**
 * Two-sample Cramér–von Mises statistic T = (nm/N²)·Σ (F − G)², summed over the rows of both samples: the squared
 * distance of F and G. At a value that several rows share, half of them count before it and half at it, so that ties
 * lower the mean of T and never make a change out of nothing. Without ties it is
 * `scipy.stats.cramervonmises_2samp(...).statistic`; with ties that one grows with the number of rows, this one does not.
 *
 * Source: Anderson 1962, (9).
 */
export function cramerVonMisesStatistic(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const [n, m] = [total(reference), total(current)];
  let before = 0;
  let now = 0;
  let gap = 0;
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    before += reference[cell]!;
    now += current[cell]!;
    const next = before / n - now / m;
    sum += ((reference[cell]! + current[cell]!) * (gap * gap + next * next)) / 2;
    gap = next;
  }
  return (n * m * sum) / (n + m) ** 2;
}

/** Mean of T, and the factor that gives it the variance of its limit. */
function normalization(n: number, m: number): { readonly mean: number; readonly factor: number } {
  const pairs = n * m;
  const all = n + m;
  const variance = ((all + 1) * (4 * pairs * all - 3 * (n * n + m * m) - 2 * pairs)) / (45 * all * all * 4 * pairs);
  // Weights that sum to less than a row or so have no such variance.
  return { mean: (1 + 1 / all) / 6, factor: variance > 0 ? 1 / Math.sqrt(45 * variance) : 1 };
}

/** Whether the null is counted out, as SciPy's `method="auto"` has it. */
function isExact(reference: ArrayLike<number>, current: ArrayLike<number>): boolean {
  return Math.max(total(reference), total(current)) <= largestExact && areWhole(reference, current);
}

export const cramerVonMises = defineMethod({
  name: "cramer_von_mises",
  title: "Cramér–von Mises statistic",
  meaning: "Evidence that the distributions differ anywhere, all differences counted rather than the largest.",
  convention:
    "Anderson's T = (nm/N²)·Σ (F − G)² over all rows; p-value exact up to 20 rows a side, else by the limit; ties make it too large.",
  source: "Cramér 1928; Anderson 1962; Csörgő & Faraway 1996; Xiao, Gordon & Yakovlev 2006",
  over: "ordered",
  nullWithoutTies: true,
  null: "counted out up to 20 rows a side, else the limit with mean and variance for these sizes",
  value: cramerVonMisesStatistic,
  significance: (reference, current) => {
    const [n, m] = [total(reference), total(current)];
    if (occupiedCells(reference, current) === 1) return { pValue: 1 };
    if (isExact(reference, current)) {
      const score = cramerVonMisesStatistic(reference, current);
      // Rounding must not take the score beyond its own value.
      const here = cramerVonMisesExactNull(n, m).find(({ value }) => value >= score * (1 - 1e-12));
      return { pValue: here?.tail ?? 0 };
    }
    const { mean, factor } = normalization(n, m);
    return {
      pValue: cramerVonMisesTail(1 / 6 + (cramerVonMisesStatistic(reference, current) - mean) * factor),
    };
  },
  threshold: (alpha, reference, current) => {
    if (isExact(reference, current)) {
      const values = cramerVonMisesExactNull(total(reference), total(current));
      // A hair above the largest value that is likely enough: ties may put scores anywhere above it.
      return values.findLast(({ tail }) => tail > alpha)!.value * (1 + 1e-9);
    }
    const { mean, factor } = normalization(total(reference), total(current));
    return mean + (inverseTail(cramerVonMisesTail, alpha) - 1 / 6) / factor;
  },
});
