import { gammaln } from "simple-statistics";
import { total } from "./method.ts";
import { greatestCommonDivisor } from "./smirnov-paths.ts";

/**
 * P(W² > x) of the limit of the Cramér–von Mises statistic: the series of Csörgő & Faraway 1996, (1.2), cut where
 * `scipy.stats` cuts it (exact to about 1e-7), and from x = 1 on Smirnov's integrals, exact to about 1e-12 of the tail.
 */
export function cramerVonMisesTail(x: number): number {
  // Below this the tail differs from 1 by less than 1e-18.
  if (x < 0.003) return 1;
  if (x >= 1) return smirnovIntegral(x);
  let lower = 0;
  for (let k = 0; k < 100; k += 1) {
    const y = 4 * k + 1;
    const q = (y * y) / (16 * x);
    const factor = Math.exp(gammaln(k + 0.5) - gammaln(k + 1)) / (Math.PI ** 1.5 * Math.sqrt(x));
    const term = factor * Math.sqrt(y) * Math.exp(-q) * besselQuarter(q);
    lower += term;
    if (term < 1e-7) break;
  }
  return Math.max(0, 1 - lower);
}

/** (2/π)·∫ exp(−x·t²/2) / √(−t·sin t) dt from π to 2π (Smirnov 1936); the next interval is below e^(−4π²x). */
function smirnovIntegral(x: number): number {
  const nodes = 200;
  let sum = 0;
  for (let i = 0; i < nodes; i += 1) {
    // Chebyshev's nodes: their weights take the singular ends away.
    const angle = (Math.PI * (i + 0.5)) / nodes;
    const t = Math.PI * (1.5 - 0.5 * Math.cos(angle));
    sum += (Math.exp((-x * t * t) / 2) * Math.sin(angle)) / Math.sqrt(-t * Math.sin(t));
  }
  return (2 / Math.PI) * sum * (Math.PI / 2) * (Math.PI / nodes);
}

/** Modified Bessel function K of order 1/4: ∫₀^∞ exp(−q·cosh t)·cosh(t/4) dt, on which the trapezoid rule is exact to rounding. */
function besselQuarter(q: number): number {
  const step = 1 / 64;
  let sum = 0.5;
  for (let i = 1; i < 4000; i += 1) {
    const t = i * step;
    const term = Math.exp(-q * (Math.cosh(t) - 1)) * Math.cosh(t / 4);
    sum += term;
    if (term < 1e-18 * sum) break;
  }
  return sum * step * Math.exp(-q);
}

/**
 * Exact null of T = (nm/N²)·Σ (F − G)² without ties, by counting all orders of the two samples (Xiao, Gordon & Yakovlev
 * 2006).
 *
 * @returns The values that T may have, ascending, each with P(T ≥ it).
 */
export function cramerVonMisesExactNull(
  n: number,
  m: number,
): readonly { readonly value: number; readonly tail: number }[] {
  const divisor = greatestCommonDivisor(n, m);
  const [stepN, stepM] = [m / divisor, n / divisor];
  // Orders of the first v and w values, by the sum so far of (F − G)² in squares of 1/lcm(n, m).
  let row: Orders[] = [];
  for (let w = 0; w <= m; w += 1) {
    const next: Orders[] = [];
    for (let v = 0; v <= n; v += 1) {
      const here = (stepN * v - stepM * w) ** 2;
      const [left, below] = [next[v - 1], row[v]];
      if (left === undefined && below === undefined)
        next.push({ sums: Float64Array.of(0), counts: Float64Array.of(1) });
      else next.push(merged(left ?? none, below ?? none, here));
    }
    row = next;
  }
  const { sums, counts } = row[n]!;
  const all = total(counts);
  const unit = (n * m) / ((n + m) * stepN * n) ** 2;
  let extreme = 0;
  return Array.from(sums.toReversed(), (sum, i) => ({
    value: sum * unit,
    tail: (extreme += counts[counts.length - 1 - i]!) / all,
  })).toReversed();
}

/** How many orders have each sum, ascending. */
interface Orders {
  readonly sums: Float64Array;
  readonly counts: Float64Array;
}

const none: Orders = { sums: new Float64Array(), counts: new Float64Array() };

/** The orders of both, each sum larger by `step`. */
function merged(a: Orders, b: Orders, step: number): Orders {
  const sums = new Float64Array(a.sums.length + b.sums.length);
  const counts = new Float64Array(sums.length);
  let length = 0;
  for (let i = 0, j = 0; i < a.sums.length || j < b.sums.length; length += 1) {
    const sum = Math.min(a.sums[i] ?? Infinity, b.sums[j] ?? Infinity);
    sums[length] = sum + step;
    if (a.sums[i] === sum) counts[length]! += a.counts[i++]!;
    if (b.sums[j] === sum) counts[length]! += b.counts[j++]!;
  }
  return { sums: sums.subarray(0, length), counts: counts.subarray(0, length) };
}
