import { findingId } from "../../core/finding.ts";
import type { Evidence, Finding } from "../../core/finding.ts";
import { dayMs, minuteMs } from "../../core/window.ts";

/** Day 1 of the tests' calendar: Monday, 2 March 2026. */
export const firstDayMs = Date.UTC(2026, 2, 2);

export function dayStartMs(day: number): number {
  return firstDayMs + (day - 1) * dayMs;
}

/** When a day's window is evaluated: five minutes after its end. */
export function evaluatedMs(day: number): number {
  return dayStartMs(day + 1) + 5 * minuteMs;
}

export interface FindingSketch extends Partial<Omit<Finding, "series" | "evidence">> {
  readonly feature?: string;
  readonly role?: Finding["series"]["role"];
  readonly version?: string;
  readonly slice?: string;
  readonly evidence?: Partial<Evidence>;
  /** The day whose window opened it, and the day that this record speaks of. */
  readonly opened: number;
  readonly day?: number;
}

/** A finding of daily windows, with everything that a test does not care about filled in. */
export function sampleFinding(sketch: FindingSketch): Finding {
  const {
    feature = "hour",
    role = "feature",
    version = "",
    slice = "",
    opened,
    day = opened,
    evidence,
    ...rest
  } = sketch;
  const series = { role, feature, version, slice };
  const signal = rest.signal ?? "distribution";
  const environment = rest.environment ?? "production";
  const model = rest.model ?? "flight-delay";
  const baselineId = "b5e1c0de00000001";
  const openedWindowStartMs = dayStartMs(opened);
  return {
    findingId: findingId({ environment, model, series, signal, baselineId, openedWindowStartMs }),
    incidentId: "1nc1den7",
    environment,
    model,
    series,
    signal,
    baselineId,
    harm: "inputs_moved",
    state: "open",
    revision: 0,
    openedWindowStartMs,
    openedWindowEndMs: openedWindowStartMs + dayMs,
    windowEndMs: dayStartMs(day + 1),
    closedWindowEndMs: rest.state === "closed" ? dayStartMs(day + 1) : null,
    magnitude: 0.2,
    incidentMagnitude: 0.2,
    reopened: false,
    provisional: false,
    evaluatedAtMs: evaluatedMs(day),
    ...rest,
    evidence: {
      contrast: "location",
      horizon: "short",
      reference: 0.5,
      current: 0.64,
      effect: 0.2,
      effectLow: 0.18,
      pValue: 1e-12,
      threshold: 1e-4,
      rows: 16_500,
      referenceRows: 450_000,
      minimumDetectableEffect: 0.025,
      methods: {},
      summary: {},
      contributors: [],
      slices: [],
      predictions: { verdict: "not_known", effect: null, effectHigh: null },
      ...evidence,
    },
  };
}
