import { binomialProbability } from "./binomial-probability.ts";

/**
 * P(D_n ≥ d) of the two-sided one-sample Kolmogorov–Smirnov statistic of n values, by the choice of methods of
 * `scipy.stats.kstwo.sf`: exact up to n = 140 and in the upper tail, else the expansion of Pelz & Good. The two-sample
 * statistic has this tail in the limit, at n = n₁·n₂/(n₁ + n₂).
 *
 * Source: Simard & L'Ecuyer, "Computing the Two-Sided Kolmogorov–Smirnov Distribution", J. Stat. Software 39, 2011.
 *
 * @param n A whole number ≥ 1.
 */
export function kolmogorovTail(n: number, d: number): number {
  if (d <= 0.5 / n) return 1;
  if (d >= 1) return 0;
  const square = n * d * d;
  if (square >= 370) return 0;
  if (n * d >= n - 1) return 2 * (1 - d) ** n;
  if (d >= 0.5 || square >= (n <= 140 ? 4 : 2.2)) return Math.min(1, 2 * smirnovTail(n, d));
  if (n * d <= 1) return 1 - Math.exp(logFactorialOverPower(n) + n * Math.log(2 * n * d - 1));
  const lower = n <= 140 || (n <= 100_000 && n * d ** 1.5 <= 1.4) ? durbinMatrix(n, d) : pelzGood(n, d);
  return Math.min(1, Math.max(0, 1 - lower));
}

/**
 * P(D_n⁺ ≥ d) of the one-sided statistic (Smirnov 1944; Birnbaum & Tingey 1951): d·Σ C(n, v)·(d + v/n)^(v−1)·(1 − d − v/n)^(n−v).
 * Each term is a binomial probability, so none is larger than the sum. Above n = 10⁶ by its limit.
 */
export function smirnovTail(n: number, d: number): number {
  if (d <= 0) return 1;
  if (d >= 1) return 0;
  if (n > 1_000_000) return Math.exp(-((6 * n * d + 1) ** 2) / (18 * n));
  let sum = 0;
  for (let v = Math.floor(n * (1 - d)); v >= 0; v -= 1) {
    const p = d + v / n;
    if (p > 1) continue;
    const term = binomialProbability(v, n, p) / p;
    sum += term;
  }
  return Math.min(1, d * sum);
}

/** n! / nⁿ. */
function logFactorialOverPower(n: number): number {
  let sum = 0;
  for (let i = 1; i < Math.min(n, 5000); i += 1) sum += Math.log1p(-i / n);
  return sum;
}

/** P(D_n < d) as an entry of a matrix power (Durbin 1973; Marsaglia, Tsang & Wang 2003). */
function durbinMatrix(n: number, d: number): number {
  const k = Math.ceil(n * d);
  const h = k - n * d;
  const m = 2 * k - 1;
  let base = new Float64Array(m * m);
  for (let i = 0; i < m; i += 1) for (let j = 0; j < m; j += 1) base[i * m + j] = i - j + 1 < 0 ? 0 : 1;
  for (let i = 0; i < m; i += 1) {
    base[i * m]! -= h ** (i + 1);
    base[(m - 1) * m + i]! -= h ** (m - i);
  }
  if (2 * h > 1) base[(m - 1) * m]! += (2 * h - 1) ** m;
  for (let i = 0; i < m; i += 1) {
    for (let j = 0; j <= i + 1 && j < m; j += 1) for (let g = 2; g <= i - j + 1; g += 1) base[i * m + j]! /= g;
  }
  // Powers grow and n!/nⁿ shrinks beyond doubles: 2^exponent is kept apart.
  let power = new Float64Array(m * m);
  for (let i = 0; i < m; i += 1) power[i * m + i] = 1;
  let exponent = 0;
  let baseExponent = 0;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) {
      power = matrixProduct(power, base, m);
      exponent += baseExponent;
    }
    base = matrixProduct(base, base, m);
    baseExponent *= 2;
    if (base[(k - 1) * m + k - 1]! > 2 ** 128) {
      for (let i = 0; i < base.length; i += 1) base[i]! /= 2 ** 128;
      baseExponent += 128;
    }
  }
  let probability = power[(k - 1) * m + k - 1]!;
  for (let i = 1; i <= n; i += 1) {
    probability *= i / n;
    if (probability < 2 ** -128) {
      probability *= 2 ** 128;
      exponent -= 128;
    }
  }
  return probability * 2 ** exponent;
}

function matrixProduct(a: Float64Array, b: Float64Array, m: number): Float64Array<ArrayBuffer> {
  const product = new Float64Array(m * m);
  for (let i = 0; i < m; i += 1) {
    for (let k = 0; k < m; k += 1) {
      const factor = a[i * m + k]!;
      if (factor === 0) continue;
      for (let j = 0; j < m; j += 1) product[i * m + j]! += factor * b[k * m + j]!;
    }
  }
  return product;
}

/** P(D_n < d) by four terms in 1/√n, written with theta functions that converge for small z = d·√n (Pelz & Good 1976). */
function pelzGood(n: number, d: number): number {
  const z = d * Math.sqrt(n);
  const z2 = z * z;
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  const pi2 = Math.PI ** 2;
  const pi4 = pi2 * pi2;
  const pi6 = pi4 * pi2;
  let k0 = 0;
  let k1 = 0;
  let k2 = 0;
  let k3 = 0;
  const terms = Math.ceil((16 * z) / Math.PI);
  for (let k = terms; k >= 1; k -= 1) {
    const odd = (2 * k - 1) ** 2;
    const weight = Math.exp((-pi2 * odd) / (8 * z2));
    k0 += weight;
    k1 += weight * (-z2 + (pi2 / 4) * odd);
    k2 += weight * (6 * z6 + 2 * z4 + ((2 * z4 - 5 * z2) * pi2 * odd) / 4 + (pi4 * (1 - 2 * z2) * odd ** 2) / 16);
    k3 +=
      weight *
      (-30 * z6 -
        90 * z4 * z4 +
        (pi2 * (135 * z4 - 96 * z6) * odd) / 4 +
        (pi4 * (-60 * z2 + 212 * z4) * odd ** 2) / 16 +
        (pi6 * (5 - 30 * z2) * odd ** 3) / 64);
  }
  let k2more = 0;
  let k3more = 0;
  for (let k = terms; k >= 1; k -= 1) {
    const square = k * k;
    const weight = Math.exp((-pi2 * square) / (2 * z2));
    k2more += square * weight;
    k3more += (3 * z2 - pi2 * square) * square * weight;
  }
  const root = Math.sqrt(2 * Math.PI);
  return (
    (root * k0) / z +
    (root * k1) / (6 * z4) / Math.sqrt(n) +
    ((root * k2) / (72 * z6 * z) - (pi2 * root * k2more) / (36 * z2 * z)) / n +
    ((root * k3) / (6480 * z6 * z4) + (pi2 * root * k3more) / (216 * z6)) / n ** 1.5
  );
}
