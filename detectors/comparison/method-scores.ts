import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import { chiSquareTail } from "../decisions/chi-square-tail.ts";
import type { MethodName } from "../methods/registry.ts";
import { cellsOf, reportedNumbers } from "../methods/reported-numbers.ts";

/** A method's number, beside the decision. */
export interface MethodScore {
  readonly score: number;
  /** The score that two samples of one population exceed with probability α; null where no such law is at hand. */
  readonly threshold: number | null;
  /** Probability of a score at least this large from one population, rows independent; null as above. */
  readonly pValue: number | null;
}

export type MethodScores = Readonly<Partial<Record<MethodName, MethodScore>>>;

/** What the law of a score depends on: m = nN/(n+N), and the cells that are not empty on both sides. */
interface Sizes {
  readonly m: number;
  readonly cells: number;
}

interface Law {
  readonly tail: (score: number, sizes: Sizes) => number;
  /** Above every score. */
  readonly largest: (sizes: Sizes) => number;
}

/**
 * Under one population each of these is, for large samples, a function of Pearson's X² with one degree of freedom fewer
 * than cells (their second-order terms agree: Cressie & Read 1984).
 */
const viaChiSquare = (chiSquare: (score: number, m: number) => number, largest: number): Law => ({
  tail: (score, { m, cells }) => (cells < 2 ? 1 : chiSquareTail(chiSquare(score, m), cells - 1)),
  largest: () => largest,
});

const laws: Partial<Record<MethodName, Law>> = {
  psi: viaChiSquare((score, m) => score * m, 1e3),
  chi_square: viaChiSquare((score) => score, 1e9),
  // D = d² bits; D·ln 2 ≈ Σ(p − q)²/p̄/8.
  jensen_shannon: viaChiSquare((score, m) => 8 * Math.LN2 * score ** 2 * m, 1),
  ks: { tail: (score, { m }) => kolmogorovTail(Math.sqrt(m) * score), largest: () => 1 },
};

/** P(sup |B| > x) of the Brownian bridge: 2·Σ (−1)^(k−1)·exp(−2k²x²) (Kolmogorov 1933). */
export function kolmogorovTail(x: number): number {
  if (x < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k += 1) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-17) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

/**
 * Every method's score for one column, with its p-value and the threshold at `alpha`. Binned and tied values make a KS
 * p-value larger than it would be, never smaller.
 *
 * @returns Empty if either side has no value.
 */
export function methodScores(
  counts: { readonly binning: Binning; readonly reference: SeriesCounts; readonly current: SeriesCounts },
  alpha: number,
): MethodScores {
  const { binning, reference, current } = counts;
  const numbers = reportedNumbers({ binning, pooled: reference }, current);
  const before = reference.presentWeight;
  const now = current.presentWeight;
  const cellsBefore = cellsOf(binning, reference);
  const cellsNow = cellsOf(binning, current);
  const sizes = {
    m: (before * now) / (before + now),
    cells: cellsBefore.filter((count, cell) => count + cellsNow[cell]! > 0).length,
  };
  const scores: Partial<Record<MethodName, MethodScore>> = {};
  for (const [name, score] of Object.entries(numbers) as [MethodName, number][]) {
    const law = laws[name];
    scores[name] =
      law === undefined
        ? { score, threshold: null, pValue: null }
        : { score, threshold: thresholdAt(law, sizes, alpha), pValue: law.tail(score, sizes) };
  }
  return scores;
}

function thresholdAt(law: Law, sizes: Sizes, alpha: number): number | null {
  let low = 0;
  let high = law.largest(sizes);
  if (!(alpha > 0) || law.tail(high, sizes) > alpha) return null;
  for (let round = 0; round < 100 && high - low > 1e-9 * high; round += 1) {
    const middle = (low + high) / 2;
    if (law.tail(middle, sizes) > alpha) low = middle;
    else high = middle;
  }
  return high;
}
