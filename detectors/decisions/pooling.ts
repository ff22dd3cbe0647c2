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

/** The same numbers where nothing is to be rounded. */
function rounded(sums: readonly number[]): readonly number[] {
  let result: number[] | null = null;
  for (let c = 0; c < sums.length; c += 1) {
    const value = round(sums[c]!);
    if (result === null && !Object.is(value, sums[c])) result = [...sums];
    if (result !== null) result[c] = value;
  }
  return result ?? sums;
}

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
  const sums = rounded(window.sums);
  if (unweighted) return { rows, presentRows, sums };
  const weights = [window.weight, window.weightSquares, window.presentWeight, window.presentWeightSquares] as const;
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
  const pooled = recent.every(({ index }) => index > afterIndex)
    ? recent
    : recent.filter(({ index }) => index > afterIndex);
  const sums = addedUp(contrasts, pooled);
  const windows = pooled.length;
  // Nearly all series have neither.
  if (windows > 0 && pooled.every(({ weekday, control }) => weekday === undefined && control === undefined)) {
    return { ...sums, windows };
  }
  const weekdays = pooled.every(({ weekday }) => weekday !== undefined) ? weekdayWeights(pooled) : null;
  const onDays = { ...sums, ...(weekdays !== null && { weekdays }) };
  const controls = pooled.flatMap(({ control }) => (control === undefined ? [] : [control]));
  if (controls.length === 0) return { ...onDays, windows };
  const scatter = zeros(contrasts.contrasts.length);
  for (const control of controls) {
    for (let c = 0; c < scatter.length; c += 1) scatter[c]! += control.scatter[c]!;
  }
  return { ...onDays, control: { ...addedUp(contrasts, controls), scatter }, windows };
}

type AddedWindow = Pick<RecentWindow, "rows" | "weights" | "presentRows" | "sums" | "squares">;

/** The sums of several windows together. */
export function addedUp(contrasts: SeriesContrasts, windows: readonly AddedWindow[]): WindowSums {
  const sums = zeros(contrasts.contrasts.length);
  const total = {
    rows: 0,
    weight: 0,
    weightSquares: 0,
    presentRows: 0,
    presentWeight: 0,
    presentWeightSquares: 0,
    sums,
  };
  for (const window of windows) {
    const { rows, presentRows, weights } = window;
    total.rows += rows;
    total.weight += weights === undefined ? rows : weights[0];
    total.weightSquares += weights === undefined ? rows : weights[1];
    total.presentRows += presentRows;
    total.presentWeight += weights === undefined ? presentRows : weights[2];
    total.presentWeightSquares += weights === undefined ? presentRows : weights[3];
    const own = window.sums;
    for (let c = 0; c < sums.length; c += 1) sums[c]! += own[c]!;
  }
  if (windows.every(({ squares }) => squares === undefined)) return total;
  const squares = zeros(sums.length);
  for (const window of windows) {
    const own = window.squares ?? evenSquares(contrasts, window);
    for (let c = 0; c < squares.length; c += 1) squares[c]! += own[c]!;
  }
  return { ...total, squares };
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
