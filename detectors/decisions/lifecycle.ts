import type { Series } from "../../core/baseline.ts";
import type { WindowSignal } from "./contrasts.ts";
import type { Horizon } from "./judgement.ts";
import type { ReferenceDays } from "./season.ts";

/** Calm windows in a row after which a finding closes. */
export const closeAfter = 3;

/** The numbers of a finding as of the last window that measured it. */
export interface FindingEvidence {
  readonly reference: number;
  readonly current: number;
  /** Share of rows moved with its one-sided 90 % bounds; silence: the gap over the reference's longest; monitors: see `ValueEvidence`. */
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
  /** E[φ] of the contrast: how much more it varies between healthy windows than independent rows would. */
  readonly varianceInflation: number;
  /** Where weekdays differ: the days of the reference that it was held against. */
  readonly season?: ReferenceDays;
}

/** A finding that is open, or closed so recently that it could reopen. */
export interface FindingMemory {
  readonly key: string;
  readonly series: Series;
  readonly signal: WindowSignal;
  readonly findingId: string;
  readonly incidentId: string;
  /** c*: index among the series' contrasts (−1 for silence), its name, the horizon it opened on, and y − R then. */
  readonly contrast: number;
  readonly contrastName: string;
  readonly horizon: Horizon;
  readonly d0: number;
  readonly reopened: boolean;
  readonly provisional: boolean;
  readonly openedWindowStartMs: number;
  readonly openedWindowEndMs: number;
  readonly calm: number;
  readonly closedIndex: number | null;
  readonly closedWindowEndMs: number | null;
  readonly evidence: FindingEvidence;
}

/** What a window means for an open finding. */
export type Continuation =
  /** Too few rows: neither calm nor not. */
  | { readonly kind: "not_measured" }
  | { readonly kind: "lasting" }
  /** No contrast passed the gates, and c* is less than half way to where it opened. */
  | { readonly kind: "calm" }
  /** The series is no more (its model version was retired): nothing is left that could ever be calm. */
  | { readonly kind: "retired" };

/** CONTINUE or CLOSE: a finding ends after three calm windows running. */
export function continued<F extends Pick<FindingMemory, "calm" | "closedIndex" | "closedWindowEndMs">>(
  finding: F,
  continuation: Continuation,
  at: { readonly index: number; readonly windowEndMs: number },
): F {
  const closed = { closedIndex: at.index, closedWindowEndMs: at.windowEndMs };
  switch (continuation.kind) {
    case "not_measured":
      return finding;
    case "lasting":
      return finding.calm === 0 ? finding : { ...finding, calm: 0 };
    case "calm": {
      const calm = finding.calm + 1;
      return calm >= closeAfter ? { ...finding, calm, ...closed } : { ...finding, calm };
    }
    case "retired":
      return { ...finding, ...closed };
  }
}

/** REOPEN: within h windows of its close a finding of the same series and signal is the same one, in the same incident. */
export function mayReopen(finding: Pick<FindingMemory, "closedIndex">, index: number, horizon: number): boolean {
  return finding.closedIndex !== null && index - finding.closedIndex <= horizon;
}
