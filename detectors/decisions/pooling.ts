import type { SeriesContrasts, WindowSums } from "./contrasts.ts";

/** One window of one series as the decision state keeps it, for the long horizon. */
export interface RecentWindow {
  /** Calendar windows since the start. */
  readonly index: number;
  readonly rows: number;
  /** Left out (and then equal to `rows`, `presentRows`) when every row weighs 1. */
  readonly weights?: readonly [weight: number, squares: number, presentWeight: number, presentSquares: number];
  readonly presentRows: number;
  readonly sums: readonly number[];
}

/**
 * Twelve digits are far below what any decision feels, and keep the stored state short (+ 0: JSON has no −0). Digits, not
 * decimals: weights may be as small as their producer likes.
 */
const round = (value: number): number =>
  // Most sums are counts, which twelve digits hold: text takes its time.
  Number.isInteger(value) && Math.abs(value) < 1e12 ? value + 0 : Number(value.toPrecision(12)) + 0;

export function recentWindow(index: number, window: WindowSums): RecentWindow {
  const { rows, presentRows } = window;
  const unweighted =
    window.weight === rows &&
    window.weightSquares === rows &&
    window.presentWeight === presentRows &&
    window.presentWeightSquares === presentRows;
  const weights = [window.weight, window.weightSquares, window.presentWeight, window.presentWeightSquares] as const;
  const sums = Array.from(window.sums, round);
  return unweighted ? { index, rows, presentRows, sums } : { index, rows, weights, presentRows, sums };
}

/** The windows after `afterIndex` added up. */
export function pooledWindows(
  contrasts: SeriesContrasts,
  recent: readonly RecentWindow[],
  afterIndex: number,
): WindowSums & { readonly windows: number } {
  const sums = new Float64Array(contrasts.contrasts.length);
  const total = { rows: 0, weight: 0, weightSquares: 0, presentRows: 0, presentWeight: 0, presentWeightSquares: 0 };
  let windows = 0;
  for (const window of recent) {
    if (window.index <= afterIndex) continue;
    windows += 1;
    const { rows, presentRows } = window;
    const [weight, weightSquares, presentWeight, presentWeightSquares] = window.weights ?? [
      rows,
      rows,
      presentRows,
      presentRows,
    ];
    total.rows += rows;
    total.weight += weight;
    total.weightSquares += weightSquares;
    total.presentRows += presentRows;
    total.presentWeight += presentWeight;
    total.presentWeightSquares += presentWeightSquares;
    for (let c = 0; c < sums.length; c += 1) sums[c]! += window.sums[c]!;
  }
  return { ...total, sums, windows };
}
