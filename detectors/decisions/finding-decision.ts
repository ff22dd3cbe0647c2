import type { Series } from "../../core/baseline.ts";
import type { Window } from "../../core/window.ts";
import type { WindowSignal } from "./contrasts.ts";
import { incidentMagnitude, type IncidentMemory } from "./incidents.ts";
import type { FindingMemory } from "./lifecycle.ts";
import type { ReferenceDays } from "./season.ts";

/** The decision-side fields of a `Finding`, as of one window. */
export interface FindingDecision {
  readonly findingId: string;
  readonly incidentId: string;
  readonly environment: string;
  readonly model: string;
  readonly series: Series;
  readonly signal: WindowSignal;
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
  /** E[φ] of the contrast. */
  readonly varianceInflation: number;
  /** Where weekdays differ: the days of the reference that it was held against. */
  readonly season?: ReferenceDays;
  /** max over the signal's contrasts of (effect − standard error)⁺ in this window. */
  readonly magnitude: number;
  /** Rise of the model's level since the incident opened. */
  readonly incidentMagnitude: number;
  readonly openedWindowStartMs: number;
  readonly openedWindowEndMs: number;
  readonly windowEndMs: number;
  readonly closedWindowEndMs: number | null;
}

/** A finding as of this window. */
export function decisionOf(
  finding: FindingMemory,
  incidents: readonly IncidentMemory[],
  identity: Pick<FindingDecision, "environment" | "model" | "baselineId">,
  window: Window,
): FindingDecision {
  const incident = incidents.find(({ incidentId: id }) => id === finding.incidentId);
  return {
    findingId: finding.findingId,
    incidentId: finding.incidentId,
    environment: identity.environment,
    model: identity.model,
    series: finding.series,
    signal: finding.signal,
    baselineId: identity.baselineId,
    state: finding.closedIndex === null ? "open" : "closed",
    reopened: finding.reopened,
    provisional: finding.provisional,
    contrast: finding.contrastName,
    horizon: finding.horizon,
    ...finding.evidence,
    incidentMagnitude: incident === undefined ? 0 : incidentMagnitude(incident),
    openedWindowStartMs: finding.openedWindowStartMs,
    openedWindowEndMs: finding.openedWindowEndMs,
    windowEndMs: window.endMs,
    closedWindowEndMs: finding.closedWindowEndMs,
  };
}
