import type { LiveProfile, ReferenceProfile } from "../../core/profile.ts";
import { dayMs, weekdayOf, type Window } from "../../core/window.ts";
import type { ValueObservation } from "../monitors/value-evidence.ts";
import { continuationOf, retiredKeys } from "./continuation.ts";
import type { WindowSignal } from "./contrasts.ts";
import type { DecisionState } from "./decision-state.ts";
import {
  monitorEvaluation,
  notMeasured,
  seriesEvaluations,
  silenceEvaluation,
  type SeriesEvaluation,
} from "./evaluations.ts";
import { examinationOf, type Examination } from "./examination.ts";
import { decisionOf, type FindingDecision } from "./finding-decision.ts";
import { evidenceNow } from "./finding-evidence.ts";
import { incidentId, incidentToJoin, withLevel } from "./incidents.ts";
import { createJudge, warmUpWindows, windowIndex } from "./judged-window.ts";
import { continued } from "./lifecycle.ts";
import { measuredWindow } from "./measured-window.ts";
import { learnReference, type LearntReference } from "./learnt-reference.ts";
import { learnFromJudged } from "./model-learning.ts";
import { valueReferences } from "./judged-monitor.ts";
import { isIncidentOpen, isOpen, opened, type ToldFinding } from "./openings.ts";
import { compileReference } from "./reference-series.ts";
import { seriesKey } from "./series-key.ts";
import { silenceSeries, type GapObservation } from "./silence.ts";

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
  /** Number of the user's own monitors, which share a tenth of the budget; none by default. */
  readonly monitors?: number;
  /** Whether performance from labels is judged beside it, for its part of the budget; not by default. */
  readonly performance?: boolean;
  /** False if the reference could not be cut into windows of the live length *by time*: then 14 windows warm up. */
  readonly subWindowsKnown: boolean;
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  readonly windowMs: number;
  /** IANA zone of the calendar whose weekdays may differ (see `season.ts`); none by default. */
  readonly weekdayZone?: string | null;
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
   *
   * @param values One of every monitor; a monitor that is left out is no more.
   * @param told What the fast cadence held open while the window lasted, newest last.
   */
  step(
    state: DecisionState,
    window: Window,
    live: readonly LiveProfile[],
    gap: GapObservation | null,
    values?: readonly ValueObservation[],
    told?: readonly ToldFinding[],
  ): DecisionStep;
  /**
   * The incident that a finding of this window joins, or begins, as far as is known before the window is decided: what the
   * fast cadence finds within a window and what the window's own decision finds are then one incident.
   */
  incidentOf(state: DecisionState, window: Window): string;
  /**
   * What `step` holds against its gates with the same arguments, before it decides: for every series and signal, fired or
   * not. Silence and monitors are left out: all of their numbers are in their evaluations.
   */
  examine(state: DecisionState, window: Window, live: readonly LiveProfile[]): Examination;
}

/** Makes the pure function that decides a model's windows against one baseline. */
export function createDecider(options: DeciderOptions): Decider {
  const { watchedSlices, subWindowsKnown } = options;
  const judged = options.reference.filter(({ series }) => series.slice === "" || watchedSlices > 0);
  const learnt = learnReference(judged, { subWindowsKnown, weekdayOf: weekdaysOf(options) });
  return createLearntDecider({ ...options, learnt });
}

/** The weekday of a window, Monday 0; null if windows are not of one day, or no calendar is given. */
export function weekdaysOf({
  weekdayZone = null,
  windowMs,
}: Pick<DeciderOptions, "weekdayZone" | "windowMs">): ((window: Window) => number) | null {
  return weekdayZone !== null && windowMs === dayMs ? (window) => weekdayOf(window, weekdayZone) : null;
}

/**
 * The same, of what was learnt from the reference before.
 *
 * @param options.learnt With the same `subWindowsKnown` and `weekdaysOf`; of slices only if they are watched.
 */
export function createLearntDecider(
  options: Omit<DeciderOptions, "reference"> & { readonly learnt: LearntReference },
): Decider {
  const { horizon, learnt, watchedSlices, windowMs } = options;
  const references = compileReference(learnt);
  const slices = new Set(learnt.series.map(({ reference }) => reference.series.slice).filter((slice) => slice !== ""))
    .size;
  const { concurrent, ...firstInflation } = learnt.inflation;
  const judgeWindow = createJudge({
    ...options,
    references,
    weekdayOf: weekdaysOf(options),
    slices: watchedSlices === 0 ? 0 : Math.max(watchedSlices, slices),
    monitors: options.monitors ?? 0,
    performance: options.performance ?? false,
    concurrentInflation: concurrent,
  });
  const learnEvery = Math.max(1, Math.round(options.windowsPerWeek));

  function step(
    state: DecisionState,
    window: Window,
    live: readonly LiveProfile[],
    gap: GapObservation | null,
    values: readonly ValueObservation[] = [],
    told: readonly ToldFinding[] = [],
  ): DecisionStep {
    const judgedWindow = judgeWindow(state, window, live);
    const measured = measuredWindow(judgedWindow, { gap, values }, { window, windowMs, horizon });
    const { budget, index, judged, level, monitors, rows, warming } = measured;

    // Continue or close what is open, then reopen, then open: an incident that ended in this window takes no newcomers.
    const retired = retiredKeys(measured);
    const continuing = state.findings.map((finding) => {
      if (finding.closedIndex !== null) return finding;
      const evidence = evidenceNow(measured, finding);
      const at = { index, windowEndMs: window.endMs };
      const next = continued(finding, continuationOf(finding, measured, retired), at);
      return evidence === null ? next : { ...next, evidence };
    });
    const after = opened(state, measured, continuing, told, options);
    const { findings } = after;
    const incidents =
      level === null ? after.incidents : after.incidents.map((incident) => withLevel(incident, level, index, horizon));
    const open = (key: string, signal: WindowSignal) => isOpen(findings, key, signal);

    // Learn, from healthy windows only, with the findings as they are now.
    const judgedNow = judged.some(
      ({ series: { slice }, judgements }) => slice === "" && judgements.some(({ judged: how }) => how === "short"),
    );
    const judgedWindows = state.judgedWindows + (judgedNow ? 1 : 0);
    const weekEnds = Math.floor(index / learnEvery) > Math.floor(state.index / learnEvery);
    const warmUpEnds = warming && judgedWindows >= warmUpWindows;
    const { series, inflation } = learnFromJudged(state, judgedWindow, {
      references,
      isOpen: open,
      retired,
      believes: weekEnds || warmUpEnds,
      sliced: watchedSlices > 0,
    });

    const kept = findings.filter(({ closedIndex }) => closedIndex === null || index - closedIndex < horizon);
    const levels = state.levels.filter((entry) => entry.index > index - horizon);
    return {
      state: {
        format: 1,
        index,
        lastWindowStartMs: window.startMs,
        judgedWindows,
        inflation,
        levels: level === null ? levels : [...levels, { index, level }],
        series,
        findings: kept,
        incidents: incidents.filter(({ incidentId: id }) => kept.some((finding) => finding.incidentId === id)),
        ...(monitors.length > 0 && { monitors: valueReferences(monitors) }),
      },
      findings: findings
        .filter(({ closedIndex }) => closedIndex === null || closedIndex === index)
        .map((finding) => decisionOf(finding, incidents, options, window)),
      evaluations: [
        ...judged.flatMap((entry) => seriesEvaluations(entry, { warming, isOpen: open })),
        ...measured.unknown
          .filter(({ series: of }) => of.slice === "" || watchedSlices > 0)
          .map(({ series: of, counts }) => notMeasured(of, "distribution", "no_baseline", counts.rows, 0)),
        silenceEvaluation(gap, measured.silence, budget.silence, rows, open(seriesKey(silenceSeries), "silence")),
        ...monitors.map((monitor) =>
          monitorEvaluation(monitor, budget.monitor, rows, open(monitor.key, monitor.signal)),
        ),
      ],
      level: level ?? 0,
    };
  }

  return {
    initialState: () => ({
      format: 1,
      index: 0,
      lastWindowStartMs: null,
      judgedWindows: 0,
      inflation: firstInflation,
      levels: [],
      series: Object.fromEntries(
        [...references]
          .filter(([, { contrasts }]) => contrasts.series.role === "feature")
          .map(([key, { memory }]) => [key, memory]),
      ),
      findings: [],
      incidents: [],
    }),
    step,
    incidentOf: (state, window) => {
      const openNow = (id: string) => isIncidentOpen(state.findings, id);
      const incident = incidentToJoin(state.incidents, openNow, windowIndex(state, window, windowMs), horizon);
      return incident?.incidentId ?? incidentId({ ...options, openedWindowStartMs: window.startMs });
    },
    examine: (state, window, live) =>
      examinationOf(judgeWindow(state, window, live), { judgedWindows: state.judgedWindows, horizon }),
  };
}
