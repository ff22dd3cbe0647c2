import type { Binning, Series } from "./baseline.ts";
import type { Window } from "./window.ts";

/**
 * What one series looked like in one window, as counts. With weights every count is a sum of weights; effective sizes are
 * (Σw)²/Σw². Without weights all of them are plain counts.
 */
export interface SeriesCounts {
  /** Rows in the window, missing ones included; never weighted. The minimum of 30 is on these. */
  readonly rows: number;
  /** Σw and Σw² of all rows, missing ones included. */
  readonly weight: number;
  readonly weightSquares: number;
  /** Rows, Σw and Σw² of the rows that have a finite value: what the distribution is about. */
  readonly presentRows: number;
  readonly presentWeight: number;
  readonly presentWeightSquares: number;
  /** Σw of missing (null) and of non-finite (NaN, ±Infinity) values. Both are missing to the distribution. */
  readonly missing: number;
  readonly nonFinite: number;
  /**
   * Σw per bin: numeric, `edges.length + 1` bins; categorical, one per listed category of the binning, in its order.
   */
  readonly bins: ArrayLike<number>;
  /** Categorical: Σw of values that are in the reference but not listed in the binning. */
  readonly unlisted: number;
  /** Categorical: Σw of values absent from the reference, of the most frequent of them, and how many distinct ones. */
  readonly unseen: number;
  readonly unseenTop: number;
  readonly unseenTopValue: string | null;
  readonly unseenDistinct: number;
  /** Numeric: of the finite values; null if there is none. Sums are weighted. */
  readonly min: number | null;
  readonly max: number | null;
  readonly sum: number;
  readonly sumSquares: number;
  /**
   * Of weighted rows: Σw² per bin, and of the rows of the most frequent new category. Absent where every row weighs 1, and of
   * profiles that were stored before it was kept.
   */
  readonly squares?: { readonly bins: ArrayLike<number>; readonly unseenTop: number };
}

/** A series' reference: the counts of all of its rows. */
export interface PooledReference {
  readonly series: Series;
  readonly binning: Binning;
  readonly pooled: SeriesCounts;
}

/** A series' reference: pooled, and cut into windows of the live length (in time order; empty ones left out). */
export interface ReferenceProfile extends PooledReference {
  readonly subWindows: readonly SeriesCounts[];
  /** When each sub-window was; absent without times. */
  readonly subWindowTimes?: readonly Window[];
  /**
   * Of a series whose live windows are held against a control version's: the control's own rows, its users in groups by
   * chance, two and two. By pair of groups, each through all sub-windows: how much two samples of one population differ.
   */
  readonly splits?: readonly (readonly (readonly [SeriesCounts, SeriesCounts])[])[];
}

/** A series in one live window. */
export interface LiveProfile {
  readonly series: Series;
  readonly window: Window;
  readonly counts: SeriesCounts;
  /** The control version's counts of the same window, where it is held against those; null if the control had no rows. */
  readonly control?: SeriesCounts | null;
}
