import type { Finding, FindingState } from "../../core/finding.ts";
import type { Window } from "../../core/window.ts";
import type { PerformanceFinding } from "./performance-decider.ts";

/** The record of a fall of performance as of one window. */
export function performanceFindingRecord(
  finding: PerformanceFinding,
  of: {
    readonly environment: string;
    readonly model: string;
    readonly baselineId: string;
    readonly window: Window;
    readonly revision: number;
    readonly state: FindingState;
    readonly referenceCoverage: number;
    readonly labelDelayMs: number;
    readonly evaluatedAtMs: number;
  },
): Finding {
  const { evidence, labels, metric } = finding;
  const { environment, model, baselineId, window, revision, state, evaluatedAtMs } = of;
  return {
    findingId: finding.findingId,
    incidentId: finding.incidentId,
    environment,
    model,
    series: finding.series,
    signal: "performance",
    baselineId,
    harm: "performance_fell",
    state,
    revision,
    openedWindowStartMs: finding.openedWindowStartMs,
    openedWindowEndMs: finding.openedWindowEndMs,
    windowEndMs: window.endMs,
    closedWindowEndMs: state === "open" ? null : finding.closedWindowEndMs,
    magnitude: evidence.magnitude,
    incidentMagnitude: finding.peak,
    reopened: finding.reopened,
    provisional: false,
    evidence: {
      contrast: metric,
      horizon: finding.horizon,
      reference: evidence.reference,
      current: evidence.current,
      effect: evidence.effect,
      effectLow: evidence.effectLow,
      pValue: evidence.pValue,
      threshold: evidence.threshold,
      rows: evidence.rows,
      referenceRows: evidence.referenceRows,
      minimumDetectableEffect: evidence.minimumDetectableEffect,
      methods: { [metric]: evidence.current, [`reference_${metric}`]: evidence.reference },
      summary: {},
      contributors: [],
      slices: [],
      labels: { ...labels, referenceCoverage: of.referenceCoverage, dueMs: window.endMs + of.labelDelayMs },
      predictions: { verdict: "not_known", effect: null, effectHigh: null },
    },
    evaluatedAtMs,
  };
}
