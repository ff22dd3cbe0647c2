import type { Alternative } from "./method.ts";

/**
 * P(D ≥ h/lcm(m, n)) of the two-sample Kolmogorov–Smirnov statistic without ties, exactly: the share of lattice paths
 * from (0, 0) to (m, n) that touch the boundary. At (x, y) it is the mean of the shares one step before, weighted by
 * the paths that lead there, so every term is positive and no digit is lost.
 *
 * Source: Hodges 1958, the recursion of Schröer & Trenkler 1995.
 *
 * @param h Whole number of steps of 1/lcm(m, n).
 * @param alternative `greater` looks at F above G only, `less` at F below G (F of the m values).
 */
export function smirnovPathTail(m: number, n: number, h: number, alternative: Alternative): number {
  if (h <= 0) return 1;
  const divisor = greatestCommonDivisor(m, n);
  const [stepX, stepY] = [n / divisor, m / divisor];
  // F − G at (x, y) in steps of 1/lcm.
  const touches = (x: number, y: number): boolean => {
    const difference = x * stepX - y * stepY;
    if (alternative === "two-sided") return Math.abs(difference) >= h;
    return (alternative === "greater" ? difference : -difference) >= h;
  };
  const shares = new Float64Array(n + 1);
  for (let y = 1; y <= n; y += 1) shares[y] = touches(0, y) ? 1 : shares[y - 1]!;
  for (let x = 1; x <= m; x += 1) {
    // Outside of this band of y nothing but 1 is found (or, one-sided, nothing ends the path).
    const center = (x * stepX) / stepY;
    const width = h / stepY + 2;
    const from = alternative === "less" ? 0 : Math.max(0, Math.floor(center - width));
    const to = alternative === "greater" ? n : Math.min(n, Math.ceil(center + width));
    if (from === 0) {
      if (touches(x, 0)) shares[0] = 1;
    } else {
      shares[from - 1] = 1;
    }
    for (let y = Math.max(from, 1); y <= to; y += 1) {
      shares[y] = touches(x, y) ? 1 : (shares[y]! * x + shares[y - 1]! * y) / (x + y);
    }
    if (to < n) shares[to + 1] = 1;
  }
  return shares[n]!;
}

/** Of two whole numbers. */
export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
