import { weightsOver, zeros, type SeriesContrasts, type WindowSums } from "./contrasts.ts";
import type { WeekdayWeights } from "./season.ts";

/** One window of one series as the decision state keeps it, for the long horizon. */
export interface RecentWindow {
  /** Calendar windows since the start. */
  readonly index: number;
  readonly rows: number;
  /** Left out (and then equal to `rows`, `presentRows`) when every row weighs 1. */
  readonly weights?: readonly [weight: number, squares: number, presentWeight: number, presentSquares: number];
  readonly presentRows: number;
  readonly sums: readonly number[];
  /** As in `WindowSums`; only of weighted rows. */
  readonly squares?: readonly number[];
  /** Monday 0; of series with a season. */
  readonly weekday?: number;
  /** The control version's rows of the same window, where it was held against those. */
  readonly control?: Omit<RecentWindow, "index" | "weekday" | "control"> & { readonly scatter: readonly number[] };
}

/**
 * Twelve digits are far below what any decision feels, and keep the stored state short (+ 0: JSON has no −0). Digits, not
 * decimals: weights may be as small as their producer likes.
 */
const round = (value: number): number =>
  // Most sums are counts, which twelve digits hold: text takes its time.
  Number.isInteger(value) && Math.abs(value) < 1e12 ? value + 0 : Number(value.toPrecision(12)) + 0;

/** @param weekday Kept for series with a season; null for the others. */
export function recentWindow(index: number, window: WindowSums, weekday: number | null = null): RecentWindow {
  const { control } = window;
  return {
    index,
    ...(weekday !== null && { weekday }),
    ...recentSums(window),
    ...(control !== undefined && {
      control: { ...recentSums(control), scatter: control.scatter.map(round) },
    }),
  };
}

function recentSums(window: Omit<WindowSums, "control">): Omit<RecentWindow, "index" | "weekday" | "control"> {
  const { rows, presentRows } = window;
  const unweighted =
    window.weight === rows &&
    window.weightSquares === rows &&
    window.presentWeight === presentRows &&
    window.presentWeightSquares === presentRows;
  const weights = [window.weight, window.weightSquares, window.presentWeight, window.presentWeightSquares] as const;
  const sums = window.sums.map(round);
  if (unweighted) return { rows, presentRows, sums };
  return {
    rows,
    weights,
    presentRows,
    sums,
    ...(window.squares !== undefined && { squares: window.squares.map(round) }),
  };
}

/** The windows after `afterIndex` added up, and the control's rows of each of them, if there are any. */
export function pooledWindows(
  contrasts: SeriesContrasts,
  recent: readonly RecentWindow[],
  afterIndex: number,
): WindowSums & { readonly windows: number } {
  const pooled = recent.filter(({ index }) => index > afterIndex);
  const weekdays = pooled.every(({ weekday }) => weekday !== undefined) ? weekdayWeights(pooled) : null;
  const sums = { ...addedUp(contrasts, pooled), ...(weekdays !== null && { weekdays }) };
  const controls = pooled.flatMap(({ control }) => (control === undefined ? [] : [control]));
  if (controls.length === 0) return { ...sums, windows: pooled.length };
  const scatter = zeros(contrasts.contrasts.length);
  for (const control of controls) {
    for (let c = 0; c < scatter.length; c += 1) scatter[c]! += control.scatter[c]!;
  }
  return { ...sums, control: { ...addedUp(contrasts, controls), scatter }, windows: pooled.length };
}

type AddedWindow = Pick<RecentWindow, "rows" | "weights" | "presentRows" | "sums" | "squares">;

/** The sums of several windows together. */
export function addedUp(contrasts: SeriesContrasts, windows: readonly AddedWindow[]): WindowSums {
  const sums = zeros(contrasts.contrasts.length);
  const total = { rows: 0, weight: 0, weightSquares: 0, presentRows: 0, presentWeight: 0, presentWeightSquares: 0 };
  for (const window of windows) {
    const { rows, presentRows } = window;
    const [weight, weightSquares, presentWeight, presentWeightSquares] = weightsOf(window);
    total.rows += rows;
    total.weight += weight;
    total.weightSquares += weightSquares;
    total.presentRows += presentRows;
    total.presentWeight += presentWeight;
    total.presentWeightSquares += presentWeightSquares;
    for (let c = 0; c < sums.length; c += 1) sums[c]! += window.sums[c]!;
  }
  if (windows.every(({ squares }) => squares === undefined)) return { ...total, sums };
  const squares = zeros(sums.length);
  for (const window of windows) {
    const own = window.squares ?? evenSquares(contrasts, window);
    for (let c = 0; c < squares.length; c += 1) squares[c]! += own[c]!;
  }
  return { ...total, sums, squares };
}

/** Squares of a window that has none: exact where every row weighs 1, else as if weights had nothing to do with values. */
function evenSquares({ contrasts }: SeriesContrasts, window: AddedWindow): number[] {
  const [weight, weightSquares, presentWeight, presentWeightSquares] = weightsOf(window);
  return contrasts.map((contrast, c) => {
    if (contrast.form === "omnibus" || contrast.over === "present_rows") return 0;
    const over = weightsOver(contrast, { weight, weightSquares, presentWeight, presentWeightSquares });
    if (contrast.form === "score") return contrast.variance * over.weightSquares;
    return over.weight > 0 ? (window.sums[c]! * over.weightSquares) / over.weight : 0;
  });
}

function weightsOf({ rows, presentRows, weights }: Pick<AddedWindow, "rows" | "presentRows" | "weights">) {
  return weights ?? ([rows, rows, presentRows, presentRows] as const);
}

function weekdayWeights(windows: readonly RecentWindow[]): WeekdayWeights {
  const result = Array.from({ length: 7 }, (): [number, number] => [0, 0]);
  for (const window of windows) {
    const [weight, , presentWeight] = weightsOf(window);
    const on = result[window.weekday!]!;
    on[0] += weight;
    on[1] += presentWeight;
  }
  return result;
}
