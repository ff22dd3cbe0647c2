import type { SeriesCounts } from "../../core/profile.ts";
import { concurrentSums, heldAgainst } from "./concurrent.ts";
import {
  effectiveSize,
  isMeasurable,
  meanOf,
  sizeFor,
  zeros,
  type SeriesContrasts,
  type WindowSums,
} from "./contrasts.ts";
import type { Belief } from "./evidence.ts";
import { omnibusStatistic, type OmnibusCells } from "./omnibus.ts";
import { onWeekday } from "./season.ts";
import { phiGrid, writeFallback, writePosterior } from "./variance-inflation.ts";

/** Rows below which a window is not decided on its own, and teaches nothing. */
export const minWindowRows = 30;

/** Signals that learn; `unseen` is one-sided and rare, and takes the model's fallback. */
export type LearningSignal = "distribution" | "missing";

/**
 * What healthy windows have taught about a series' φ, per contrast: Q = Σ r², S = Σ r_w·r_{w−1}, r of the last window.
 * `df` counts the comparisons behind Q.
 */
export interface Learning {
  readonly df: { readonly distribution: number; readonly missing: number; readonly omnibus: number };
  readonly q: readonly number[];
  readonly s: readonly number[];
  readonly last: readonly number[];
  /** Whether `last` is of the window just before, so that the next product counts. */
  readonly linked: { readonly distribution: boolean; readonly missing: boolean };
}

/** n of an ordinary window, for the rows with a value and for all rows. */
export interface TypicalSize {
  readonly present: number;
  readonly all: number;
}

export function noLearning(contrasts: SeriesContrasts): Learning {
  const zeros = Array.from({ length: contrasts.contrasts.length }, () => 0);
  return {
    df: { distribution: 0, missing: 0, omnibus: 0 },
    q: zeros,
    s: zeros,
    last: zeros,
    linked: { distribution: false, missing: false },
  };
}

/** The median over the reference's sub-windows; null if there are none. */
export function typicalSizeOf(subWindows: readonly SeriesCounts[]): TypicalSize | null {
  const median = (values: number[]): number => {
    const sorted = values.toSorted((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  };
  if (subWindows.length === 0) return null;
  return {
    present: median(subWindows.map((w) => effectiveSize(w.presentWeight, w.presentWeightSquares))),
    all: median(subWindows.map((w) => effectiveSize(w.weight, w.weightSquares))),
  };
}

/** Stored with six decimals: far below what φ feels, and short as text (+ 0: JSON has no −0). */
const round = (value: number): number => Math.round(value * 1e6) / 1e6 + 0;

/** A deviation beyond this is far beyond every φ of the grid; uncapped, its square could overflow. */
const maxDeviation = 1e6;

/** r of each contrast that learns, as if rows were independent; 0 for the others. */
function standardized(
  contrasts: SeriesContrasts,
  cells: OmnibusCells | null,
  window: WindowSums,
  options: { readonly insideReference: boolean },
): readonly number[] {
  const against = heldAgainst(contrasts, window);
  const result = zeros(contrasts.contrasts.length);
  for (let c = 0; c < result.length; c += 1) {
    const contrast = against.contrasts[c]!;
    if (contrast.form === "omnibus") {
      if (cells === null || window.presentWeight === 0) continue;
      const statistic = omnibusStatistic(against, cells, window, { oneSample: options.insideReference });
      result[c] = Math.sqrt(statistic.xSquare / statistic.degreesOfFreedom);
    } else if (!contrast.oneSided && contrast.variance > 0) {
      const { y, n } = meanOf(contrast, c, window);
      if (!(n > 0)) continue;
      const noise = 1 / n + (options.insideReference ? 0 : 1 / contrast.referenceSize);
      result[c] = (y - contrast.reference) / Math.sqrt(contrast.variance * noise);
    }
    result[c] = Math.max(-maxDeviation, Math.min(maxDeviation, result[c]!));
  }
  return result;
}

/**
 * What the reference teaches about its own windows, in time order. The pooled mean costs one degree of freedom, with a
 * season that of each phase.
 *
 * @param weekdays Of each sub-window, Monday 0; asked only where the series has a season.
 */
export function learnFromReference(
  contrasts: SeriesContrasts,
  cells: OmnibusCells | null,
  subWindows: readonly SeriesCounts[],
  weekdays: readonly number[] | null,
): Learning {
  const count = contrasts.contrasts.length;
  const q = zeros(count);
  const s = zeros(count);
  const last = zeros(count);
  const linked = { distribution: false, missing: false };
  const means = { distribution: meansOf(contrasts, "distribution"), missing: meansOf(contrasts, "missing") };
  subWindows.forEach((counts, i) => {
    const measured = isMeasurable(counts);
    const usable = {
      distribution: measured && counts.presentRows >= minWindowRows,
      missing: measured && counts.rows >= minWindowRows,
    };
    const weekday = contrasts.season === null ? null : (weekdays?.[i] ?? null);
    const sums = contrasts.project(counts);
    const window = weekday === null ? sums : onWeekday(sums, weekday);
    const r = standardized(contrasts, cells, window, { insideReference: true });
    for (let c = 0; c < count; c += 1) {
      const { signal } = contrasts.contrasts[c]!;
      if (signal === "unseen" || !usable[signal]) continue;
      q[c]! += r[c]! ** 2;
      if (linked[signal]) s[c]! += r[c]! * last[c]!;
      last[c] = r[c]!;
    }
    for (const signal of ["distribution", "missing"] as const) {
      if (usable[signal]) means[signal].add(weekday, linked[signal]);
      linked[signal] = usable[signal];
    }
  });
  for (let c = 0; c < count; c += 1) {
    const { signal, variance } = contrasts.contrasts[c]!;
    if (signal === "unseen" || variance === 0) continue;
    s[c]! += means[signal].expectedProducts();
  }
  return {
    df: {
      distribution: means.distribution.degrees(),
      missing: means.missing.degrees(),
      omnibus: means.distribution.omnibusDegrees(),
    },
    q: q.map(round),
    s: s.map(round),
    last: last.map(round),
    linked,
  };
}

/** Counts the reference's windows by what mean they deviate from: the series' own, or that of their phase. */
function meansOf({ season }: SeriesContrasts, signal: LearningSignal) {
  const phases = season !== null && season.signals[signal] ? season.partition.phases : null;
  const windows = Array.from({ length: phases === null ? 1 : Math.max(...phases) + 1 }, () => 0);
  const links = windows.map(() => 0);
  let previous = -1;
  const total = () => windows.reduce((sum, count) => sum + count, 0);
  return {
    add: (weekday: number | null, linked: boolean): void => {
      const mean = phases === null || weekday === null ? 0 : phases[weekday]!;
      windows[mean]! += 1;
      if (linked && previous === mean) links[mean]! += 1;
      previous = mean;
    },
    degrees: () => Math.max(0, total() - windows.length),
    omnibusDegrees: () => Math.max(0, total() - windows.length + 1),
    /** Deviations from their own mean correlate by −1/k even when windows are independent. */
    expectedProducts: () =>
      phases === null
        ? total() > 0
          ? (total() - 1) / total()
          : 0
        : links.reduce((sum, count, mean) => sum + (count > 0 ? count / windows[mean]! : 0), 0),
  };
}

/**
 * What the control version teaches about a comparison with itself: one group of its users against another, window by
 * window, for several pairs of groups. A season moves all groups and costs nothing; users who repeat are in one of them and
 * are paid for, in one window by φ, over windows by the dependence of each pair's differences.
 */
export function learnFromSplits(
  contrasts: SeriesContrasts,
  splits: readonly (readonly (readonly [SeriesCounts, SeriesCounts])[])[],
): Learning {
  let learning = noLearning(contrasts);
  for (const pair of splits) {
    learning = { ...learning, linked: { distribution: false, missing: false } };
    for (const [one, other] of pair) {
      const window = concurrentSums(contrasts, one, other);
      learning = learnFromWindow(learning, contrasts, null, window, {
        distribution: window !== null && window.presentRows >= minWindowRows,
        missing: window !== null && window.rows >= minWindowRows,
      });
    }
  }
  return learning;
}

/**
 * What one live window adds. Signals that are not healthy (an open finding, too few rows) teach nothing and break the
 * chain of consecutive windows.
 */
export function learnFromWindow(
  learning: Learning,
  contrasts: SeriesContrasts,
  cells: OmnibusCells | null,
  window: WindowSums | null,
  healthy: Readonly<Record<LearningSignal, boolean>>,
): Learning {
  if (window === null || (!healthy.distribution && !healthy.missing)) {
    return { ...learning, linked: { distribution: false, missing: false } };
  }
  const r = standardized(contrasts, cells, window, { insideReference: false });
  const q = [...learning.q];
  const s = [...learning.s];
  const last = [...learning.last];
  for (let c = 0; c < r.length; c += 1) {
    const { signal } = contrasts.contrasts[c]!;
    if (signal === "unseen" || !healthy[signal]) continue;
    const value = round(r[c]!);
    q[c] = round(q[c]! + value ** 2);
    if (learning.linked[signal]) s[c] = round(s[c]! + value * last[c]!);
    last[c] = value;
  }
  return {
    df: {
      distribution: learning.df.distribution + (healthy.distribution ? 1 : 0),
      missing: learning.df.missing + (healthy.missing ? 1 : 0),
      omnibus: learning.df.omnibus + (healthy.distribution ? 1 : 0),
    },
    q,
    s,
    last,
    linked: { ...healthy },
  };
}

/** Degrees of freedom behind Q of one contrast. */
export function degreesOf(contrasts: SeriesContrasts, c: number, df: Learning["df"]): number {
  const { form, signal } = contrasts.contrasts[c]!;
  if (form === "omnibus") return df.omnibus;
  return signal === "unseen" ? 0 : df[signal];
}

/** A contrast can learn its φ if it is two-sided and an ordinary window expects at least one row on either side. */
export function canLearn(
  contrasts: SeriesContrasts,
  c: number,
  typical: TypicalSize | null,
  cells: OmnibusCells | null,
): boolean {
  const contrast = contrasts.contrasts[c]!;
  const { form, over, oneSided, reference, variance } = contrast;
  if (form === "omnibus") return cells !== null;
  if (oneSided || variance === 0 || typical === null) return false;
  const n = sizeFor(contrast, over === "all" ? typical.all : typical.present);
  return n * Math.min(reference, 1 - reference) >= 1;
}

/** Q and df as of the last EM: what the beliefs of this week rest on. */
export interface Learnt {
  readonly df: Learning["df"];
  readonly q: readonly number[];
}

export function beliefOf(
  contrasts: SeriesContrasts,
  learnt: Learnt,
  prior: readonly number[],
  typical: TypicalSize | null,
  cells: OmnibusCells | null,
): Belief {
  const count = contrasts.contrasts.length;
  const posterior = new Float64Array(count * phiGrid.length);
  const mean = new Float64Array(count);
  for (let c = 0; c < count; c += 1) {
    const offset = c * phiGrid.length;
    const n = contrasts.contrasts[c]!.over === "all" ? typical?.all : typical?.present;
    const df = degreesOf(contrasts, c, learnt.df);
    mean[c] =
      df > 0 && canLearn(contrasts, c, typical, cells)
        ? writePosterior(posterior, offset, { q: learnt.q[c]!, df }, prior)
        : writeFallback(posterior, offset, prior, n === undefined ? undefined : n / minWindowRows);
  }
  return { posterior, mean };
}
