import type { Series } from "../../core/baseline.ts";
import type { Window } from "../../core/window.ts";
import type { WindowSignal } from "./contrasts.ts";
import { incidentMagnitude, type IncidentMemory } from "./incidents.ts";
import type { FindingEvidence, FindingMemory } from "./lifecycle.ts";

/** The decision-side fields of a `Finding`, as of one window. */
export interface FindingDecision extends FindingEvidence {
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
  /** The contrast that opened it, and on which horizon; the numbers of the evidence are its present ones on that horizon. */
  readonly contrast: string;
  readonly horizon: "short" | "long";
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
