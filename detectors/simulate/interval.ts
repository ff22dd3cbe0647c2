/** Mean with half the width of its 95 % interval, from the spread over models. */
export function meanInterval(values: readonly number[]): { mean: number; half: number } {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, half: n < 2 ? Infinity : 1.96 * Math.sqrt(squares / (n - 1) / n) };
}

/** 95 % interval of a share (Wilson 1927). */
export function shareInterval(found: number, of: number): { share: number; low: number; high: number } {
  const z = 1.96;
  const share = found / of;
  const centre = (share + z ** 2 / (2 * of)) / (1 + z ** 2 / of);
  const half = (z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2))) / (1 + z ** 2 / of);
  return { share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
