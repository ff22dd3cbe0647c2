/**
 * φ, the variance inflation: how much more a contrast varies between healthy windows than independent rows would make
 * it. It is never known, so every p-value is an average over what it can still be: an empirical-Bayes mixture over a
 * fixed grid, whose prior π is learnt by EM from all contrasts of the model together. One contrast with few windows
 * cannot tell φ = 1 from φ = 2; hundreds together can.
 */
export const phiGrid: readonly number[] = [
  1, 1.4, 2, 2.8, 4, 5.6, 8, 11.3, 16, 23, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
];

/** Allowance on the excess φ − 1 for φ being estimated. */
export const excessFactor = 1.4;

const emRounds = 60;
const priorOnOne = 0.9;
const priorWeight = 1;

/** What is believed of φ before anything was seen: 0.9 on independent rows, the rest spread evenly. */
export function initialPrior(): number[] {
  return phiGrid.map((_, i) => priorWeight * (i === 0 ? priorOnOne : (1 - priorOnOne) / (phiGrid.length - 1)));
}

/** ln φ_i, hoisted: the likelihood is asked for by the hundred. */
const logPhi = Float64Array.from(phiGrid, Math.log);

/** Writes the likelihood φ_i^(−df/2)·exp(−Q/(2φ_i)), scaled to a maximum of 1, at `offset`. */
function writeLikelihood(out: Float64Array, offset: number, q: number, df: number): void {
  let best = -Infinity;
  for (let i = 0; i < phiGrid.length; i += 1) {
    const value = -0.5 * df * logPhi[i]! - q / (2 * phiGrid[i]!);
    out[offset + i] = value;
    if (value > best) best = value;
  }
  for (let i = 0; i < phiGrid.length; i += 1) {
    const value = out[offset + i]! - best;
    out[offset + i] = value < -700 ? 0 : Math.exp(value);
  }
}

/** One contrast's history: Q = Σ r² over healthy windows, r standardized as if rows were independent, and its df. */
export interface ContrastHistory {
  readonly q: number;
  readonly df: number;
}

/** A likelihood below this share of its largest value adds nothing to a sum of doubles. */
const negligible = 1e-20;

/**
 * The prior over the grid by 60 rounds of EM: w_ci ∝ L_ci·π_i; π_i ∝ Σ_c w_ci + a_i with a the initial belief at total
 * weight 1.
 */
export function learnPrior(histories: readonly ContrastHistory[]): number[] {
  const size = phiGrid.length;
  const count = histories.length;
  const start = initialPrior();
  const likelihood = new Float64Array(count * size);
  // Most histories speak of a few neighbouring φ: the others are neither kept nor gone through in every round.
  const from = new Uint8Array(count);
  const to = new Uint8Array(count);
  let kept = 0;
  for (let c = 0; c < count; c += 1) {
    const { q, df } = histories[c]!;
    writeLikelihood(likelihood, kept, q, df);
    let first = 0;
    let end = size;
    while (first < end && likelihood[kept + first]! < negligible) first += 1;
    while (end > first && likelihood[kept + end - 1]! < negligible) end -= 1;
    from[c] = first;
    to[c] = end;
    likelihood.copyWithin(kept, kept + first, kept + end);
    kept += end - first;
  }
  const prior = Float64Array.from(start);
  const sums = new Float64Array(size);
  const weights = new Float64Array(size);
  for (let round = 0; round < emRounds; round += 1) {
    sums.set(start);
    let at = 0;
    for (let c = 0; c < count; c += 1) {
      const first = from[c]!;
      const end = to[c]!;
      let total = 0;
      for (let i = first; i < end; i += 1, at += 1) total += weights[i] = likelihood[at]! * prior[i]!;
      // A history that fits nowhere on the grid (beyond its end) says nothing more than "not below the end".
      if (!(total > 0)) continue;
      const scale = 1 / total;
      for (let i = first; i < end; i += 1) sums[i]! += weights[i]! * scale;
    }
    let total = 0;
    for (let i = 0; i < size; i += 1) total += sums[i]!;
    for (let i = 0; i < size; i += 1) prior[i] = sums[i]! / total;
  }
  return Array.from(prior);
}

/** Writes the posterior of one contrast over the grid at `offset` and returns its mean E[φ]. */
export function writePosterior(
  out: Float64Array,
  offset: number,
  history: ContrastHistory,
  prior: readonly number[],
): number {
  writeLikelihood(out, offset, history.q, history.df);
  let total = 0;
  for (let i = 0; i < phiGrid.length; i += 1) total += out[offset + i]! *= prior[i]!;
  if (!(total > 0)) {
    // Every φ the prior believes in is impossible: the largest is the honest answer.
    out.fill(0, offset, offset + phiGrid.length);
    out[offset + phiGrid.length - 1] = 1;
    return phiGrid.at(-1)!;
  }
  let mean = 0;
  for (let i = 0; i < phiGrid.length; i += 1) mean += (out[offset + i]! /= total) * phiGrid[i]!;
  return mean;
}

/**
 * For contrasts that cannot learn (rare, or no history): all weight on the smallest φ that has nine tenths of π at or
 * below it, of the π up to `largest`. Beyond that no window of the series could decide anything; what the model's
 * hopelessly variable series (a weekday, say) taught must not blind the others' missing and new values.
 */
export function writeFallback(
  out: Float64Array,
  offset: number,
  prior: readonly number[],
  largest = Number.POSITIVE_INFINITY,
): number {
  out.fill(0, offset, offset + phiGrid.length);
  const eligible = Math.max(1, phiGrid.findLastIndex((phi) => phi <= largest) + 1);
  let total = 0;
  for (let i = 0; i < eligible; i += 1) total += prior[i]!;
  let cumulative = 0;
  let chosen = 0;
  for (; chosen < eligible - 1; chosen += 1) {
    cumulative += prior[chosen]!;
    // The tolerance makes a prior of exactly 0.9 on φ = 1 count whatever its rounding.
    if (cumulative >= (0.9 - 1e-12) * total) break;
  }
  out[offset + chosen] = 1;
  return phiGrid[chosen]!;
}

/**
 * How much of the excess variance is shared by consecutive windows, 0 … 1: the pooled first autocovariance over the
 * pooled excess. `s` = Σ r_w·r_{w−1}.
 */
export function serialDependence(histories: readonly (ContrastHistory & { readonly s: number })[]): number {
  let covariance = 0;
  let excess = 0;
  let count = 0;
  for (const { q, df, s } of histories) {
    if (df <= 0) continue;
    covariance += s / df;
    excess += Math.max(q / df - 1, 0);
    count += 1;
  }
  if (count === 0) return 0;
  return Math.min(1, Math.max(0, covariance / (excess + 0.1 * count)));
}

/**
 * g, by which the excess φ − 1 grows when `horizon` windows are pooled: 1 if windows vary independently, `horizon` if
 * they all move together (pooling then averages only the rows' own noise away).
 */
export function longHorizonFactor(dependence: number, horizon: number): number {
  return 1 + (horizon - 1) * dependence;
}
