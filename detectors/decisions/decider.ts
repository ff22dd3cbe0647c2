import type { ReferenceProfile, LiveProfile } from "../../core/profile.ts";
import type { Series } from "../../core/baseline.ts";
import type { SeriesState, Signal } from "../../core/finding.ts";
import type { Window } from "../../core/window.ts";
import type { DecisionState } from "./decision-state.ts";

export type { DecisionState } from "./decision-state.ts";

export interface DeciderOptions {
  /**
   * Every series to judge: features (version ""), score and class (version "" stands for versions the baseline does not
   * know), and the same again for each watched slice.
   */
  readonly reference: readonly ReferenceProfile[];
  readonly monitoring: {
    readonly falseIncidentsPerModelWeek: number;
    readonly effectFloor: number;
    readonly qualityFloor: number;
  };
  /** 7 for days, 168 for hours; windows of n rows: reference rows a week ÷ n, fixed with the baseline. */
  readonly windowsPerWeek: number;
  /** Windows in the long horizon: 7; 24 for hourly windows. */
  readonly horizon: number;
  /** Number of watched slices; 0 leaves the whole budget to the whole model, and slices in `reference` are not judged. */
  readonly watchedSlices: number;
  /** False if the reference could not be cut into windows of the live length *by time*: then 14 windows warm up. */
  readonly subWindowsKnown: boolean;
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  readonly windowMs: number;
}

/** The longest stretch without an event: in this window (from the last event before it, if there is one), and in each window of the reference. */
export interface GapObservation {
  readonly longestGapMs: number;
  readonly referenceGapsMs: readonly number[];
}

/** The decision-side fields of a `Finding`, as of one window. */
export interface FindingDecision {
  readonly findingId: string;
  readonly incidentId: string;
  readonly environment: string;
  readonly model: string;
  readonly series: Series;
  readonly signal: Signal;
  readonly baselineId: string;
  readonly state: "open" | "closed";
  /** Opened again within the horizon of its close: same id, not announced. */
  readonly reopened: boolean;
  /** Opened while φ was still being learnt live: a ticket at most. */
  readonly provisional: boolean;
  /** The contrast that opened it, and on which horizon; the numbers below are its present ones on that horizon. */
  readonly contrast: string;
  readonly horizon: "short" | "long";
  readonly reference: number;
  readonly current: number;
  /** Share of rows moved with its one-sided 90 % bounds; silence: the gap over the reference's longest. */
  readonly effect: number;
  readonly effectLow: number;
  readonly effectHigh: number;
  readonly pValue: number;
  /** The α that `pValue` is held against. */
  readonly threshold: number;
  /** Rows behind `current`: of the window, or of the pooled windows for a long horizon. */
  readonly rows: number;
  readonly referenceRows: number;
  /** Smallest observed effect of this contrast that would have passed both gates at this many rows. */
  readonly minimumDetectableEffect: number;
  /** max over the signal's contrasts of (effect − standard error)⁺ in this window. */
  readonly magnitude: number;
  /** Rise of the model's level since the incident opened. */
  readonly incidentMagnitude: number;
  readonly openedWindowStartMs: number;
  readonly openedWindowEndMs: number;
  readonly windowEndMs: number;
  readonly closedWindowEndMs: number | null;
}

/**
 * What one window said about one series and signal. Numbers are null when nothing was measured, which is never "no
 * drift".
 */
export interface SeriesEvaluation {
  readonly series: Series;
  readonly signal: Signal;
  readonly state: SeriesState;
  readonly rows: number;
  readonly referenceRows: number;
  /** The contrast and horizon nearest to (or furthest past) its threshold; empty if nothing was measured. */
  readonly contrast: string;
  readonly effect: number | null;
  readonly effectLow: number | null;
  /** The largest upper 90 % bound over *all* contrasts of the window: below the floor means "did not move". */
  readonly effectHigh: number | null;
  readonly pValue: number | null;
  readonly threshold: number | null;
}

export interface DecisionStep {
  readonly state: DecisionState;
  /** Every open finding, and each one that closed in this window. */
  readonly findings: FindingDecision[];
  readonly evaluations: SeriesEvaluation[];
  /** Σ over the whole model's features of the largest (effect − standard error)⁺, in rows moved. */
  readonly level: number;
}

export interface Decider {
  initialState(): DecisionState;
  /**
   * Decides one closed window. Pure: the same state, window and profiles give the same result, so a window that late rows
   * revised is decided again from the state before it. Windows come in time order, empty ones included (a series without
   * a live profile had no rows).
   */
  step(state: DecisionState, window: Window, live: readonly LiveProfile[], gap: GapObservation | null): DecisionStep;
}

export function createDecider(options: DeciderOptions): Decider {
  throw new Error(`not built yet: ${options.model}`);
}
