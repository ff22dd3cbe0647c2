import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import { chiSquareTail } from "../decisions/chi-square-tail.ts";
import type { Method } from "../methods/method.ts";
import { methods, type MethodName } from "../methods/registry.ts";
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

/** For as many rows as files have, the registry's own significance is exact at a cost of its own (ks), or is found by drawing (psi). */
const laws: Partial<Record<MethodName, Law>> = {
  psi: viaChiSquare((score, m) => score * m, 1e3),
  // D = d² bits; D·ln 2 ≈ Σ(p − q)²/p̄/8.
  jensen_shannon: viaChiSquare((score, m) => 8 * Math.LN2 * score ** 2 * m, 1),
  ks: { tail: (score, { m }) => bridgeTail(Math.sqrt(m) * score), largest: () => 1 },
};

/** P(sup |B| > x) of the Brownian bridge: 2·Σ (−1)^(k−1)·exp(−2k²x²) (Kolmogorov 1933). */
function bridgeTail(x: number): number {
  if (x < 0.2) return 1;
  let sum = 0;
  for (let k = 1; k <= 100; k += 1) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-17) break;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

/** Methods that counts suffice for; the others want the values themselves. */
export const comparableMethods: readonly MethodName[] = methods
  .filter(({ name, over }) => over !== "values" || name === "wasserstein")
  .map(({ name }) => name);

/**
 * Methods' scores for one column, with their p-values and thresholds at `alpha`. Binned and tied values make a KS p-value
 * larger than it would be, never smaller.
 *
 * @param wanted Null: those that monitoring reports too.
 * @returns Empty if either side has no value; without those that the column has no use for.
 */
export function methodScores(
  counts: { readonly binning: Binning; readonly reference: SeriesCounts; readonly current: SeriesCounts },
  alpha: number,
  wanted: ReadonlySet<MethodName> | null,
): MethodScores {
  const { binning, reference, current } = counts;
  const reported: Partial<Record<string, number>> = reportedNumbers({ binning, pooled: reference }, current);
  const before = reference.presentWeight;
  const now = current.presentWeight;
  if (!(before > 0) || !(now > 0)) return {};
  const cells = { before: cellsOf(binning, reference), now: cellsOf(binning, current) };
  const sizes = {
    m: (before * now) / (before + now),
    cells: cells.before.filter((count, cell) => count + cells.now[cell]! > 0).length,
  };
  const scores: Partial<Record<MethodName, MethodScore>> = {};
  for (const method of methods) {
    const { name } = method;
    if (wanted === null ? reported[name] === undefined : !wanted.has(name)) continue;
    const counted = countsFor(method, counts, cells);
    const score = reported[name] ?? (counted === null ? undefined : method.value(counted.before, counted.now));
    if (score === undefined) continue;
    const law = laws[name];
    if (law !== undefined) {
      scores[name] = { score, threshold: thresholdAt(law, sizes, alpha), pValue: law.tail(score, sizes) };
    } else {
      const { significance, threshold } = counted === null ? {} : method;
      scores[name] = {
        score,
        threshold: threshold?.(alpha, counted!.before, counted!.now) ?? null,
        pValue: significance?.(counted!.before, counted!.now).pValue ?? null,
      };
    }
  }
  return scores;
}

interface CellCounts {
  readonly before: ArrayLike<number>;
  readonly now: ArrayLike<number>;
}

/** Null: counts do not suffice, or the column is of another kind. */
function countsFor(
  { over }: Pick<Method, "over">,
  { binning, reference, current }: Parameters<typeof methodScores>[0],
  cells: CellCounts,
): CellCounts | null {
  switch (over) {
    case "cells":
      return cells;
    case "ordered":
      return binning.kind === "numeric" ? { before: reference.bins, now: current.bins } : null;
    case "pair":
      return binning.kind === "categorical" && binning.distinct === 2 && current.unseen === 0
        ? { before: reference.bins, now: current.bins }
        : null;
    case "values":
      return null;
  }
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
