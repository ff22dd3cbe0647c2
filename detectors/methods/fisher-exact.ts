import { LeewayError } from "../../core/errors.ts";
import { hypergeometricProbability } from "./binomial-probability.ts";
import { type Alternative, areWhole, defineMethod } from "./method.ts";

/** A 2×2 table by its margins and the count that is left free: the reference's counted rows. */
interface Table {
  readonly counted: number;
  readonly allCounted: number;
  readonly allOthers: number;
  readonly referenceRows: number;
}

function tableOf(reference: ArrayLike<number>, current: ArrayLike<number>): Table {
  if (!areWhole(reference, current)) {
    throw new LeewayError("usage", "fisher_exact: counts must be whole rows; use z_proportions for weighted ones");
  }
  const [a = 0, b = 0] = [reference[0], reference[1]];
  const [c = 0, d = 0] = [current[0], current[1]];
  return { counted: a, allCounted: a + c, allOthers: b + d, referenceRows: a + b };
}

/**
 * Sample odds ratio of counts [counted, others] (`scipy.stats.fisher_exact([reference, current]).statistic`): 1 if
 * nothing changed. Where it would be infinite half a row is added to every cell (Haldane 1956); 1 if a margin is empty.
 */
export function oddsRatio(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const [a = 0, b = 0] = [reference[0], reference[1]];
  const [c = 0, d = 0] = [current[0], current[1]];
  if (a + c === 0 || b + d === 0) return 1;
  if (b === 0 || c === 0) return ((a + 0.5) * (d + 0.5)) / ((b + 0.5) * (c + 0.5));
  return (a * d) / (b * c);
}

/** Sum of the probabilities from x on in steps of −1 or 1, until they no longer count. */
function sumFrom(x: number, step: -1 | 1, { allCounted, allOthers, referenceRows }: Table): number {
  let term = hypergeometricProbability(x, allCounted, allOthers, referenceRows);
  let sum = 0;
  for (let at = x; term > 0; at += step) {
    sum += term;
    if (term < 1e-17 * sum) break;
    // The ratio of neighbours; beyond the ends of the range it is 0.
    term *=
      step === 1
        ? ((allCounted - at) * (referenceRows - at)) / ((at + 1) * (allOthers - referenceRows + at + 1))
        : (at * (allOthers - referenceRows + at)) / ((allCounted - at + 1) * (referenceRows - at + 1));
  }
  return sum;
}

function pValueOf(table: Table, alternative: Alternative): number {
  const { counted, allCounted, allOthers, referenceRows } = table;
  const all = allCounted + allOthers;
  if (allCounted === 0 || allOthers === 0 || referenceRows === 0 || referenceRows === all) return 1;
  if (alternative === "less") return Math.min(1, tailFrom(counted, -1, table));
  if (alternative === "greater") return Math.min(1, tailFrom(counted, 1, table));
  const probability = (x: number) => hypergeometricProbability(x, allCounted, allOthers, referenceRows);
  const lowest = Math.max(0, referenceRows - allOthers);
  const highest = Math.min(allCounted, referenceRows);
  const mode = Math.floor(((allCounted + 1) * (referenceRows + 1)) / (all + 2));
  // Tables as likely as this one count as extreme although rounding may make them a hair likelier.
  const own = probability(counted) * (1 + 1e-12);
  if (own >= probability(mode)) return 1;
  // The first table of the other side that is not likelier than this one.
  const other = counted < mode ? 1 : -1;
  let likelier = mode;
  let end = other === 1 ? highest + 1 : lowest - 1;
  while (Math.abs(end - likelier) > 1) {
    const middle = Math.trunc((likelier + end) / 2);
    if (probability(middle) > own) likelier = middle;
    else end = middle;
  }
  return Math.min(1, sumFrom(counted, other === 1 ? -1 : 1, table) + sumFrom(end, other, table));
}

/** P(X ≤ x) or P(X ≥ x); sums away from the mode are short, the other way the complement is. */
function tailFrom(x: number, step: -1 | 1, table: Table): number {
  const { allCounted, allOthers, referenceRows } = table;
  const mean = (allCounted * referenceRows) / (allCounted + allOthers);
  return (x - mean) * step >= 0 ? sumFrom(x, step, table) : 1 - sumFrom(x - step, step === 1 ? -1 : 1, table);
}

export const fisherExact = defineMethod({
  name: "fisher_exact",
  title: "Fisher's exact test",
  meaning: "Evidence that a rate moved, exact for few rows; the score is the odds ratio, 1 if nothing changed.",
  convention: "Odds ratio of the 2×2 table, reference first; two-sided p-value: all tables not likelier than this one.",
  source: "Fisher 1935",
  over: "pair",
  null: "hypergeometric, given the margins; two-sided: all tables that are no likelier",
  options: ["alternative"],
  value: oddsRatio,
  significance: (reference, current, { alternative = "two-sided" } = {}) => ({
    pValue: pValueOf(tableOf(reference, current), alternative),
  }),
  threshold: (alpha, reference, current, { alternative = "two-sided" } = {}) => {
    const { allCounted, allOthers, referenceRows } = tableOf(reference, current);
    const lowest = Math.max(0, referenceRows - allOthers);
    const highest = Math.min(allCounted, referenceRows);
    const ratio = (counted: number) =>
      oddsRatio([counted, referenceRows - counted], [allCounted - counted, allOthers - referenceRows + counted]);
    const chance = (counted: number) => pValueOf({ counted, allCounted, allOthers, referenceRows }, alternative);
    // From the mode outwards to the last table that is likely enough: its odds ratio is the threshold.
    const end = alternative === "less" ? lowest - 1 : highest + 1;
    let likely = Math.min(
      highest,
      Math.max(lowest, Math.floor(((allCounted + 1) * (referenceRows + 1)) / (allCounted + allOthers + 2))),
    );
    let unlikely = end;
    while (Math.abs(unlikely - likely) > 1) {
      const middle = Math.trunc((likely + unlikely) / 2);
      if (chance(middle) > alpha) likely = middle;
      else unlikely = middle;
    }
    return ratio(likely);
  },
});
