import { findingId, type SeriesState } from "../../core/finding.ts";
import type { ReferenceProfile, LiveProfile } from "../../core/profile.ts";
import type { Series } from "../../core/baseline.ts";
import type { Window } from "../../core/window.ts";
import { budgetOf, type Budget, type BudgetShape } from "./budget.ts";
import {
  contrastsOf,
  effectiveSize,
  isMeasurable,
  meanOf,
  minReferenceRows,
  type SeriesContrasts,
  type WindowSignal,
  type WindowSums,
} from "./contrasts.ts";
import type { DecisionState, InflationMemory, SeriesMemory } from "./decision-state.ts";
import { inflations, measure, pValueOf, type Belief, type Measurement } from "./evidence.ts";
import { incidentId, incidentMagnitude, incidentToJoin, withLevel, type IncidentMemory } from "./incidents.ts";
import {
  judge,
  lowerBound,
  signalsOf,
  thresholdsOf,
  upperBound,
  type Judgement,
  type Thresholds,
} from "./judgement.ts";
import {
  beliefOf,
  canLearn,
  degreesOf,
  learnFromReference,
  learnFromWindow,
  minWindowRows,
  noLearning,
  typicalSizeOf,
  type Learning,
  type Learnt,
  type TypicalSize,
} from "./learning.ts";
import {
  closeAfter,
  continued,
  mayReopen,
  type Continuation,
  type FindingEvidence,
  type FindingMemory,
} from "./lifecycle.ts";
import { minimumDetectableEffect } from "./minimum-detectable-effect.ts";
import { omnibusCells, type OmnibusCells } from "./omnibus.ts";
import { pooledWindows, recentWindow, type RecentWindow } from "./pooling.ts";
import { gapEvidence, type GapEvidence } from "./silence.ts";
import {
  valueEvidence,
  type ValueEvidence,
  type ValueObservation,
  type ValueReference,
} from "../monitors/value-evidence.ts";
import { initialPrior, learnPrior, longHorizonFactor, phiGrid, serialDependence } from "./variance-inflation.ts";

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
  /** Number of the user's own monitors, which share a tenth of the budget; none by default. */
  readonly monitors?: number;
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
  readonly signal: WindowSignal;
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
   *
   * @param values One of every monitor; a monitor that is left out is no more.
   */
  step(
    state: DecisionState,
    window: Window,
    live: readonly LiveProfile[],
    gap: GapObservation | null,
    values?: readonly ValueObservation[],
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

/** One window's gates. */
export interface Examination {
  readonly warming: { readonly judgedWindows: number; readonly needed: number } | null;
  /** How the budget is shared out: whole-model series of each kind, watched slices, windows a week, windows in the long horizon. */
  readonly budget: {
    readonly falseIncidentsPerModelWeek: number;
    readonly windowsPerWeek: number;
    readonly numeric: number;
    readonly categorical: number;
    readonly watchedSlices: number;
    readonly monitors: number;
    readonly horizon: number;
  };
  readonly series: readonly SignalExamination[];
}

/** The gates of one signal of one series. */
export interface SignalExamination {
  readonly series: Series;
  readonly signal: Judgement["signal"];
  readonly kind: "numeric" | "categorical";
  /** Rows of the window that the signal speaks of, and the fewest that are judged. */
  readonly rows: number;
  readonly neededRows: number;
  readonly referenceRows: number;
  readonly neededReferenceRows: number;
  readonly judged: Judgement["judged"];
  readonly tooVariable: boolean;
  /** α of the series for all of its signals, contrasts and horizons together. */
  readonly seriesAlpha: number;
  readonly floor: number;
  /** The contrast that passed both gates, else the one nearest to its threshold; null if nothing was measured. */
  readonly nearest:
    | (Omit<FindingEvidence, "magnitude"> & {
        readonly contrast: string;
        readonly horizon: "short" | "long";
        /** E[φ]: how much more it varies between healthy windows than independent rows would. */
        readonly varianceInflation: number;
        readonly significant: boolean;
        readonly aboveFloor: boolean;
      })
    | null;
}

/** Windows that a reference without sub-windows needs before it is trusted. */
const warmUpWindows = 14;
/** Until then only a change of more than a tenth of the rows opens a finding. */
const warmUpFloor = 0.1;
const silenceSeries: Series = { role: "feature", feature: "", version: "", slice: "" };
const monitorSeries = (name: string): Series => ({ role: "feature", feature: name, version: "", slice: "" });

/** Names a series within one model's decision state. */
function seriesKey({ role, feature, version, slice }: Series): string {
  return JSON.stringify([role, feature, version, slice]);
}

/** One reference series, compiled, with what its sub-windows teach. */
interface Template {
  readonly contrasts: SeriesContrasts;
  readonly typical: TypicalSize | null;
  readonly memory: SeriesMemory;
}

/** One series in the window at hand. */
interface Judged {
  readonly key: string;
  readonly series: Series;
  readonly contrasts: SeriesContrasts;
  readonly memory: SeriesMemory;
  readonly typical: TypicalSize | null;
  readonly cells: OmnibusCells | null;
  readonly belief: Belief;
  readonly thresholds: Thresholds;
  readonly window: WindowSums | null;
  readonly recent: readonly RecentWindow[];
  readonly short: Measurement | null;
  readonly long: Measurement | null;
  readonly judgements: readonly Judgement[];
}

/** A window measured, before anything is decided of it. */
interface JudgedWindow {
  /** Calendar windows since the start. */
  readonly index: number;
  readonly warming: boolean;
  readonly floors: Readonly<Record<Judgement["signal"], number>>;
  readonly budget: Budget;
  readonly horizons: Readonly<Record<"whole" | "slices", ReturnType<typeof horizonsOf>>>;
  readonly judged: readonly Judged[];
}

/** Makes the pure function that decides a model's windows against one baseline. */
export function createDecider(options: DeciderOptions): Decider {
  const { horizon, monitoring, watchedSlices } = options;
  const templates = new Map<string, Template>();
  for (const profile of options.reference) {
    if (profile.series.slice !== "" && watchedSlices === 0) continue;
    templates.set(seriesKey(profile.series), templateOf(profile, options.subWindowsKnown));
  }
  const slices = Math.max(
    watchedSlices,
    new Set(options.reference.flatMap(({ series }) => (series.slice === "" ? [] : [series.slice]))).size,
  );
  const firstMemories = [...templates.values()].map(({ contrasts, memory, typical }) => ({
    contrasts,
    memory,
    typical,
  }));
  const firstInflation = {
    whole: learnInflation(firstMemories.filter(({ contrasts }) => contrasts.series.slice === "")),
    slices: learnInflation(firstMemories.filter(({ contrasts }) => contrasts.series.slice !== "")),
  };
  const emEvery = Math.max(1, Math.round(options.windowsPerWeek));

  // Only memory of what was computed before: the same arguments give the same results without it.
  const beliefs = new WeakMap<Learnt, { prior: readonly number[]; cells: OmnibusCells | null; belief: Belief }>();
  const thresholdsByContrasts = new Map<SeriesContrasts, Thresholds>();

  function beliefFor(
    contrasts: SeriesContrasts,
    memory: SeriesMemory,
    prior: readonly number[],
    typical: TypicalSize | null,
    cells: OmnibusCells | null,
  ): Belief {
    const known = beliefs.get(memory.learnt);
    if (known !== undefined && known.prior === prior && known.cells === cells) return known.belief;
    const belief = beliefOf(contrasts, memory.learnt, prior, typical, cells);
    beliefs.set(memory.learnt, { prior, cells, belief });
    return belief;
  }

  function thresholdsFor(contrasts: SeriesContrasts, budget: Budget): Thresholds {
    const alpha = contrasts.series.slice === "" ? budget.series[contrasts.kind] : budget.sliceSeries;
    const known = thresholdsByContrasts.get(contrasts);
    if (known !== undefined && known.seriesAlpha === alpha) return known;
    const thresholds = thresholdsOf(contrasts, alpha);
    thresholdsByContrasts.set(contrasts, thresholds);
    return thresholds;
  }

  const cellsByContrasts = new Map<SeriesContrasts, OmnibusCells | null>();
  function cellsFor(template: Template, typical: TypicalSize | null): OmnibusCells | null {
    if (typical === null) return null;
    if (typical !== template.typical) return omnibusCells(template.contrasts, typical.present);
    const known = cellsByContrasts.get(template.contrasts);
    if (known !== undefined) return known;
    const cells = omnibusCells(template.contrasts, typical.present);
    cellsByContrasts.set(template.contrasts, cells);
    return cells;
  }

  /** The reference of a series; of the version-less score or class for a version that the baseline does not know. */
  function templateFor(series: Series): Template | undefined {
    const exact = templates.get(seriesKey(series));
    if (exact !== undefined || series.role === "feature") return exact;
    return templates.get(seriesKey({ ...series, version: "" }));
  }

  /** Features always; scores and classes of the versions seen within the horizon, or now. */
  function seriesNow(
    state: DecisionState,
    live: ReadonlyMap<string, LiveProfile>,
  ): { key: string; series: Series; template: Template; memory: SeriesMemory }[] {
    const result = [];
    for (const [key, memory] of Object.entries(state.series)) {
      const [role, feature, version, slice] = JSON.parse(key) as [Series["role"], string, string, string];
      const series = { role, feature, version, slice };
      const template = templateFor(series);
      if (template !== undefined) result.push({ key, series, template, memory });
    }
    for (const [key, { series }] of live) {
      if (key in state.series || series.role === "feature") continue;
      const template = templateFor(series);
      if (template !== undefined) result.push({ key, series, template, memory: template.memory });
    }
    return result;
  }

  function budgetShape(now: readonly { series: Series; contrasts: SeriesContrasts }[]): BudgetShape {
    const whole = now.filter(({ series }) => series.slice === "");
    const kinds = whole.map(({ contrasts }) => contrasts.kind);
    // Until a version was seen, its score and class are provided for: no window may overdraw.
    for (const { contrasts } of templates.values()) {
      const { role, slice } = contrasts.series;
      if (role === "feature" || slice !== "" || whole.some(({ series }) => series.role === role)) continue;
      kinds.push(contrasts.kind);
    }
    return {
      falseIncidentsPerModelWeek: monitoring.falseIncidentsPerModelWeek,
      windowsPerWeek: options.windowsPerWeek,
      watchedSlices: watchedSlices === 0 ? 0 : slices,
      monitors: options.monitors ?? 0,
      numeric: kinds.filter((kind) => kind === "numeric").length,
      categorical: kinds.filter((kind) => kind === "categorical").length,
    };
  }

  /** Calendar windows since the start, this one included. */
  function indexOf(state: DecisionState, window: Window): number {
    if (state.lastWindowStartMs === null || !(options.windowMs > 0)) return state.index + 1;
    return state.index + Math.max(1, Math.round((window.startMs - state.lastWindowStartMs) / options.windowMs));
  }

  /** The first half of a step: everything measured and held against its gates, nothing decided. */
  function judgeWindow(state: DecisionState, window: Window, live: readonly LiveProfile[]): JudgedWindow {
    const index = indexOf(state, window);
    const warming = !options.subWindowsKnown && state.judgedWindows < warmUpWindows;
    const floors = {
      distribution: Math.max(monitoring.effectFloor, warming ? warmUpFloor : 0),
      missing: Math.max(monitoring.qualityFloor, warming ? warmUpFloor : 0),
      unseen: Math.max(monitoring.qualityFloor, warming ? warmUpFloor : 0),
    };
    const liveByKey = new Map(live.map((profile) => [seriesKey(profile.series), profile]));
    const now = seriesNow(state, liveByKey);
    const budget = budgetOf(budgetShape(now.map(({ series, template: { contrasts } }) => ({ series, contrasts }))));
    const horizons = {
      whole: horizonsOf(state.inflation.whole, horizon),
      slices: horizonsOf(state.inflation.slices, horizon),
    };

    // Measure and judge.
    const judged = now.map(({ key, series, template, memory }): Judged => {
      const { contrasts } = template;
      const pool = series.slice === "" ? "whole" : "slices";
      const counts = liveByKey.get(key)?.counts;
      const sums = counts !== undefined && counts.rows > 0 && isMeasurable(counts) ? contrasts.project(counts) : null;
      const typical = template.typical ?? memory.typical ?? typicalOfFirst(sums);
      const cells = cellsFor(template, typical);
      const belief = beliefFor(contrasts, memory, state.inflation[pool].prior, typical, cells);
      const thresholds = thresholdsFor(contrasts, budget);
      const recent = memory.recent.filter((entry) => entry.index > index - horizon);
      if (sums !== null) recent.push(recentWindow(index, sums));
      const short = sums === null ? null : measure(contrasts, cells, sums, belief, horizons[pool].short);
      const pooled = sums === null ? null : pooledWindows(contrasts, recent, index - horizon);
      const long =
        pooled === null || pooled.windows < 2 ? null : measure(contrasts, cells, pooled, belief, horizons[pool].long);
      const judgements = signalsOf(contrasts).map((signal) =>
        judge(contrasts, signal, belief, thresholds, { floor: floors[signal], omnibus: !warming }, short, long),
      );
      return {
        key,
        series,
        contrasts,
        memory: index - state.index > 1 ? withoutLink(memory) : memory,
        typical,
        cells,
        belief,
        thresholds,
        window: sums,
        recent,
        short,
        long,
        judgements,
      };
    });
    return { index, warming, floors, budget, horizons, judged };
  }

  function step(
    state: DecisionState,
    window: Window,
    live: readonly LiveProfile[],
    gap: GapObservation | null,
    values: readonly ValueObservation[] = [],
  ): DecisionStep {
    const { index, warming, floors, budget, horizons, judged } = judgeWindow(state, window, live);
    const level = levelOf(judged);
    const modelRows = Math.max(
      0,
      ...judged.map(({ series, window: sums }) => (series.slice === "" ? (sums?.rows ?? 0) : 0)),
    );
    const silence = gap === null ? null : gapEvidence(gap, budget.silence);
    const monitors = values.map((observation) => monitorNow(observation, budget.monitor));
    const monitorOf = (key: string) => monitors.find((monitor) => monitor.key === key);

    // Continue or close what is open, then reopen, then open: an incident that ended in this window takes no newcomers.
    const judgedByKey = new Map(judged.map((entry) => [entry.key, entry]));
    const retired = retiredKeys(judged, index, horizon);
    const findings: FindingMemory[] = state.findings.map((finding) => {
      if (finding.closedIndex !== null) return finding;
      const evidence = evidenceNow(finding);
      const next = continued(finding, continuationOf(finding), { index, windowEndMs: window.endMs });
      return evidence === null ? next : { ...next, evidence };
    });

    function continuationOf(finding: FindingMemory): Continuation {
      if (finding.signal === "silence") {
        if (silence === null) return { kind: "not_measured" };
        return silence.passes || silence.logDistance >= finding.d0 / 2 ? { kind: "lasting" } : { kind: "calm" };
      }
      if (finding.signal === "custom" || finding.signal === "joint") {
        const monitor = monitorOf(finding.key);
        if (monitor === undefined) return { kind: "retired" };
        const { evidence } = monitor;
        if (evidence === null) return { kind: "not_measured" };
        const halfWay = evidence.distance * Math.sign(finding.d0) < Math.abs(finding.d0) / 2;
        return evidence.passes || !halfWay ? { kind: "lasting" } : { kind: "calm" };
      }
      const entry = judgedByKey.get(finding.key);
      if (entry === undefined || retired.has(finding.key)) return { kind: "retired" };
      const judgement = entry.judgements.find(({ signal }) => signal === finding.signal);
      if (judgement === undefined || judgement.judged !== "short") return { kind: "not_measured" };
      if (judgement.hit !== null) return { kind: "lasting" };
      return { kind: halfWayBack(finding, entry, index, horizon) ? "calm" : "lasting" };
    }

    function evidenceNow(finding: FindingMemory): FindingEvidence | null {
      if (finding.signal === "silence") return silence === null ? null : silenceEvidence(silence);
      if (finding.signal === "custom" || finding.signal === "joint") {
        const monitor = monitorOf(finding.key);
        return monitor === undefined || monitor.evidence === null ? null : monitorEvidence(monitor, monitor.evidence);
      }
      const entry = judgedByKey.get(finding.key);
      const judgement = entry?.judgements.find(({ signal }) => signal === finding.signal);
      if (entry === undefined || judgement === undefined || judgement.judged === "nothing") return null;
      const measured = finding.horizon === "long" && entry.long !== null ? "long" : "short";
      if (measured === "short" && judgement.judged !== "short") return null;
      return evidenceOf(entry, judgement, finding, measured, { floor: floors[judgement.signal], horizons });
    }

    function silenceEvidence(evidence: GapEvidence): FindingEvidence {
      const { ratio, longestReferenceMs } = evidence;
      return {
        reference: longestReferenceMs / 1000,
        current: (ratio * longestReferenceMs) / 1000,
        effect: ratio,
        effectLow: ratio,
        effectHigh: ratio,
        pValue: evidence.pValue,
        threshold: budget.silence,
        rows: modelRows,
        referenceRows: evidence.referenceWindows,
        minimumDetectableEffect: evidence.minimumDetectableRatio,
        // Like the other magnitudes a share of the window: the time without events beyond what the reference had.
        magnitude: silenceMagnitude(evidence, options.windowMs),
        varianceInflation: 1,
      };
    }

    function monitorEvidence({ reference }: MonitorNow, evidence: ValueEvidence): FindingEvidence {
      return {
        reference: reference?.mean ?? 0,
        current: evidence.value,
        effect: evidence.change,
        effectLow: evidence.changeLow,
        effectHigh: evidence.changeHigh,
        pValue: evidence.pValue,
        threshold: budget.monitor,
        rows: modelRows,
        referenceRows: reference?.windows ?? 0,
        minimumDetectableEffect: evidence.minimumDetectableChange,
        // Other magnitudes are shares of rows, so that no single value outweighs a whole series.
        magnitude: Math.min(1, Math.max(0, evidence.changeLow)),
        varianceInflation: 1,
      };
    }

    interface Opening {
      readonly key: string;
      readonly series: Series;
      readonly signal: WindowSignal;
      readonly contrast: number;
      readonly contrastName: string;
      readonly horizon: "short" | "long";
      readonly d0: number;
      readonly evidence: () => FindingEvidence;
    }
    const openings: Opening[] = [];
    const isOpen = (key: string, signal: WindowSignal) =>
      findings.some((finding) => finding.key === key && finding.signal === signal && finding.closedIndex === null);
    const closedNow = (key: string, signal: WindowSignal) =>
      findings.some((finding) => finding.key === key && finding.signal === signal && finding.closedIndex === index);
    for (const entry of judged) {
      for (const judgement of entry.judgements) {
        const { hit, signal } = judgement;
        if (hit === null || isOpen(entry.key, signal) || closedNow(entry.key, signal)) continue;
        openings.push({
          key: entry.key,
          series: entry.series,
          signal,
          contrast: hit.contrast,
          contrastName: entry.contrasts.contrasts[hit.contrast]!.name,
          horizon: hit.horizon,
          d0: hit.d0,
          evidence: () => evidenceOf(entry, judgement, hit, hit.horizon, { floor: floors[signal], horizons }),
        });
      }
    }
    const silenceKey = seriesKey(silenceSeries);
    if (silence?.passes === true && !isOpen(silenceKey, "silence")) {
      openings.push({
        key: silenceKey,
        series: silenceSeries,
        signal: "silence",
        contrast: -1,
        contrastName: "longest gap",
        horizon: "short",
        d0: silence.logDistance,
        evidence: () => silenceEvidence(silence),
      });
    }

    for (const monitor of monitors) {
      const { key, evidence, signal } = monitor;
      if (evidence?.passes !== true || isOpen(key, signal) || closedNow(key, signal)) continue;
      // What one feature shows by itself is told by that feature.
      if (signal === "joint" && featureMoves(findings, openings)) continue;
      openings.push({
        key,
        series: monitor.series,
        signal,
        contrast: -1,
        contrastName: monitor.contrast,
        horizon: "short",
        d0: evidence.distance,
        evidence: () => monitorEvidence(monitor, evidence),
      });
    }

    let incidents: readonly IncidentMemory[] = state.incidents;
    const newlyOpened: Opening[] = [];
    for (const opening of openings) {
      const { key, signal, contrast, contrastName, d0 } = opening;
      const at = findings.findIndex(
        (finding) => finding.key === key && finding.signal === signal && mayReopen(finding, index, horizon),
      );
      if (at < 0) {
        newlyOpened.push(opening);
        continue;
      }
      findings[at] = {
        ...findings[at]!,
        contrast,
        contrastName,
        horizon: opening.horizon,
        d0,
        reopened: true,
        provisional: warming && learnsLive(signal),
        calm: 0,
        closedIndex: null,
        closedWindowEndMs: null,
        evidence: opening.evidence(),
      };
    }
    const incidentOpen = (id: string) =>
      findings.some((finding) => finding.incidentId === id && finding.closedIndex === null);
    for (const opening of newlyOpened) {
      const { key, series, signal, contrast, contrastName, d0 } = opening;
      let incident = incidentToJoin(incidents, incidentOpen, index, horizon);
      if (incident === null) {
        const before = state.levels.filter((entry) => entry.index >= index - horizon);
        const sum = before.reduce((total, entry) => total + entry.level, 0);
        incident = {
          incidentId: incidentId({ ...options, openedWindowStartMs: window.startMs }),
          openedIndex: index,
          levelBefore: before.length === 0 ? 0 : sum / before.length,
          levelPeak: level ?? 0,
        };
        incidents = [...incidents, incident];
      }
      findings.push({
        key,
        series,
        signal,
        findingId: findingId({ ...options, series, signal, openedWindowStartMs: window.startMs }),
        incidentId: incident.incidentId,
        contrast,
        contrastName,
        horizon: opening.horizon,
        d0,
        reopened: false,
        provisional: warming && learnsLive(signal),
        openedWindowStartMs: window.startMs,
        openedWindowEndMs: window.endMs,
        calm: 0,
        closedIndex: null,
        closedWindowEndMs: null,
        evidence: opening.evidence(),
      });
    }
    if (level !== null) incidents = incidents.map((incident) => withLevel(incident, level, index, horizon));

    // Learn, from healthy windows only, with the findings as they are now.
    const series: Record<string, SeriesMemory> = {};
    for (const entry of judged) {
      if (retired.has(entry.key)) continue;
      const teaches = (signal: "distribution" | "missing") =>
        entry.judgements.some((judgement) => judgement.signal === signal && judgement.judged === "short") &&
        !isOpen(entry.key, signal);
      const learning = learnFromWindow(entry.memory.learning, entry.contrasts, entry.cells, entry.window, {
        distribution: teaches("distribution"),
        missing: teaches("missing"),
      });
      series[entry.key] = {
        typical: templateFor(entry.series)?.typical === null ? entry.typical : null,
        lastSeen: entry.window === null ? entry.memory.lastSeen : index,
        recent: entry.recent,
        learning,
        learnt: entry.memory.learnt,
      };
    }
    const judgedWindow = judged.some(
      ({ series: { slice }, judgements }) => slice === "" && judgements.some(({ judged: how }) => how === "short"),
    );
    const judgedWindows = state.judgedWindows + (judgedWindow ? 1 : 0);
    const weekEnds = Math.floor(index / emEvery) > Math.floor(state.index / emEvery);
    const warmUpEnds = warming && judgedWindows >= warmUpWindows;
    let inflation = state.inflation;
    if (weekEnds || warmUpEnds) {
      for (const key of Object.keys(series)) {
        const memory = series[key]!;
        series[key] = { ...memory, learnt: { df: memory.learning.df, q: memory.learning.q } };
      }
      const memories = (slice: boolean) =>
        judged.flatMap(({ key, series: of, contrasts, typical }) =>
          (of.slice !== "") === slice && series[key] !== undefined ? [{ contrasts, typical, memory: series[key] }] : [],
        );
      inflation = {
        whole: learnInflation(memories(false)),
        slices: slices > 0 && watchedSlices > 0 ? learnInflation(memories(true)) : state.inflation.slices,
      };
    }

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
        ...(monitors.length > 0 && { monitors: referencesOf(monitors) }),
      },
      findings: findings
        .filter(({ closedIndex }) => closedIndex === null || closedIndex === index)
        .map((finding) => decisionOf(finding, incidents, options, window)),
      evaluations: [
        ...judged.flatMap((entry) => evaluationsOf(entry, { warming, isOpen })),
        ...live.flatMap(({ series: of, counts }) =>
          templateFor(of) !== undefined || (of.slice !== "" && watchedSlices === 0)
            ? []
            : [notMeasured(of, "distribution", "no_baseline", counts.rows, 0)],
        ),
        silenceEvaluation(gap, silence, budget.silence, modelRows, isOpen(silenceKey, "silence")),
        ...monitors.map((monitor) =>
          monitorEvaluation(monitor, budget.monitor, modelRows, isOpen(monitor.key, monitor.signal)),
        ),
      ],
      level: level ?? 0,
    };
  }

  function examine(state: DecisionState, window: Window, live: readonly LiveProfile[]): Examination {
    const { judged, floors, horizons, warming } = judgeWindow(state, window, live);
    const shape = budgetShape(judged.map(({ series, contrasts }) => ({ series, contrasts })));
    return {
      warming: warming ? { judgedWindows: state.judgedWindows, needed: warmUpWindows } : null,
      budget: { ...shape, monitors: options.monitors ?? 0, horizon },
      series: judged.flatMap((entry) =>
        entry.judgements.map((judgement): SignalExamination => {
          const { signal, rows, hit, nearest } = judgement;
          const at = hit ?? nearest;
          const common = {
            series: entry.series,
            signal,
            kind: entry.contrasts.kind,
            rows,
            neededRows: minWindowRows,
            referenceRows: referenceRowsOf(entry.contrasts, signal),
            neededReferenceRows: minReferenceRows,
            judged: judgement.judged,
            tooVariable: judgement.tooVariable,
            seriesAlpha: entry.thresholds.seriesAlpha,
            floor: floors[signal],
          };
          if (at === null) return { ...common, nearest: null };
          const measurement = entry[at.horizon]!;
          const contrast = entry.contrasts.contrasts[at.contrast]!;
          const d0 = measurement.y[at.contrast]! - contrast.reference;
          const of = { contrast: at.contrast, d0 };
          const gate = { floor: floors[signal], horizons };
          const { magnitude: _, ...evidence } = evidenceOf(entry, judgement, of, at.horizon, gate);
          return {
            ...common,
            nearest: {
              ...evidence,
              contrast: contrast.name,
              horizon: at.horizon,
              varianceInflation: entry.belief.mean[at.contrast]!,
              significant: evidence.pValue <= evidence.threshold,
              aboveFloor: evidence.effectLow > floors[signal],
            },
          };
        }),
      ),
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
        [...templates]
          .filter(([, { contrasts }]) => contrasts.series.role === "feature")
          .map(([key, { memory }]) => [key, memory]),
      ),
      findings: [],
      incidents: [],
    }),
    step,
    incidentOf: (state, window) => {
      const open = (id: string) =>
        state.findings.some((finding) => finding.incidentId === id && finding.closedIndex === null);
      const incident = incidentToJoin(state.incidents, open, indexOf(state, window), horizon);
      return incident?.incidentId ?? incidentId({ ...options, openedWindowStartMs: window.startMs });
    },
    examine,
  };
}

function templateOf(profile: ReferenceProfile, subWindowsKnown: boolean): Template {
  const contrasts = contrastsOf(profile, { omnibus: profile.series.slice === "" });
  // Blocks of rows without times are of no window's length: the first live window says what an ordinary one holds.
  const typical = subWindowsKnown ? typicalSizeOf(profile.subWindows) : null;
  const cells = typical === null ? null : omnibusCells(contrasts, typical.present);
  const learning: Learning = subWindowsKnown
    ? learnFromReference(contrasts, cells, profile.subWindows)
    : noLearning(contrasts);
  const learnt = { df: learning.df, q: learning.q };
  return { contrasts, typical, memory: { typical: null, lastSeen: 0, recent: [], learning, learnt } };
}

function typicalOfFirst(window: WindowSums | null): TypicalSize | null {
  if (window === null || window.rows < minWindowRows || window.presentRows === 0) return null;
  return {
    present: effectiveSize(window.presentWeight, window.presentWeightSquares),
    all: effectiveSize(window.weight, window.weightSquares),
  };
}

/** Prior and serial dependence from every contrast that can learn. */
function learnInflation(
  memories: readonly { contrasts: SeriesContrasts; memory: SeriesMemory; typical: TypicalSize | null }[],
): InflationMemory {
  const histories: { q: number; df: number; s: number }[] = [];
  const dependent: { q: number; df: number; s: number }[] = [];
  for (const { contrasts, memory, typical } of memories) {
    const cells = typical === null ? null : omnibusCells(contrasts, typical.present);
    for (let c = 0; c < contrasts.contrasts.length; c += 1) {
      const df = degreesOf(contrasts, c, memory.learning.df);
      if (df <= 0 || !canLearn(contrasts, c, typical, cells)) continue;
      const history = { q: memory.learning.q[c]!, df, s: memory.learning.s[c]! };
      histories.push(history);
      if (c !== contrasts.omnibus) dependent.push(history);
    }
  }
  return {
    prior: histories.length === 0 ? initialPrior() : learnPrior(histories),
    dependence: serialDependence(dependent),
  };
}

function horizonsOf(inflation: InflationMemory, horizon: number) {
  const g = longHorizonFactor(inflation.dependence, horizon);
  return {
    short: { factor: 1, inflations: inflations(1) },
    long: { factor: g, inflations: inflations(g) },
  };
}

/** The present numbers of one contrast on one horizon. */
function evidenceOf(
  entry: Judged,
  judgement: Judgement,
  of: { readonly contrast: number; readonly d0: number },
  measured: "short" | "long",
  gate: { readonly floor: number; readonly horizons: JudgedWindow["horizons"] },
): FindingEvidence {
  const c = of.contrast;
  const measurement = entry[measured]!;
  const contrast = entry.contrasts.contrasts[c]!;
  const pool = entry.series.slice === "" ? "whole" : "slices";
  const { factor } = gate.horizons[pool][measured];
  const mean = entry.belief.mean[c]!;
  const threshold = entry.thresholds.alpha[measured][c]!;
  return {
    reference: contrast.reference,
    current: measurement.y[c]!,
    effect: measurement.effect[c]!,
    effectLow: lowerBound(measurement, c),
    effectHigh: upperBound(entry.contrasts, measurement, c),
    pValue: pValueOf(entry.contrasts, c, measurement, entry.belief),
    threshold,
    rows: contrast.signal === "missing" ? measurement.window.rows : measurement.window.presentRows,
    referenceRows: referenceRowsOf(entry.contrasts, contrast.signal),
    minimumDetectableEffect: minimumDetectableEffect(contrast, {
      n: measurement.n[c]!,
      direction: of.d0 < 0 ? -1 : 1,
      threshold,
      floor: gate.floor,
      mean,
      inflation: 1 + (mean - 1) * factor,
      posterior: entry.belief.posterior,
      offset: c * phiGrid.length,
      inflations: measurement.inflations,
      omnibusDegrees: measurement.omnibus?.degreesOfFreedom ?? 1,
    }),
    magnitude: judgement.magnitude,
    varianceInflation: mean,
  };
}

function withoutLink(memory: SeriesMemory): SeriesMemory {
  return { ...memory, learning: { ...memory.learning, linked: { distribution: false, missing: false } } };
}

/** Whether c*, pooled over the last 3 windows (h if it opened on the long horizon), is less than half as far off as it was. */
function halfWayBack(finding: FindingMemory, entry: Judged, index: number, horizon: number): boolean {
  const contrast = entry.contrasts.contrasts[finding.contrast];
  if (contrast === undefined) return true;
  if (contrast.form === "omnibus") {
    return entry.short === null || entry.short.effect[finding.contrast]! < finding.d0 / 2;
  }
  const windows = finding.horizon === "long" ? horizon : closeAfter;
  const pooled = pooledWindows(entry.contrasts, entry.recent, index - windows);
  const { y } = meanOf(contrast, finding.contrast, pooled);
  return (y - contrast.reference) * Math.sign(finding.d0) < Math.abs(finding.d0) / 2;
}

/**
 * Scores and classes of versions without a row for more than h windows while another version of theirs had rows: a
 * version that was taken out of service is not silent, it is gone.
 */
function retiredKeys(judged: readonly Judged[], index: number, horizon: number): ReadonlySet<string> {
  const group = ({ role, slice }: Series) => `${role} ${slice}`;
  const alive = new Set(judged.filter(({ window }) => window !== null).map(({ series }) => group(series)));
  return new Set(
    judged
      .filter(
        ({ series, memory, window }) =>
          series.role !== "feature" && window === null && index - memory.lastSeen > horizon && alive.has(group(series)),
      )
      .map(({ key }) => key),
  );
}

/** S: null if no series of the whole model had rows enough to be measured. */
function levelOf(judged: readonly Judged[]): number | null {
  let level: number | null = null;
  for (const { series, judgements } of judged) {
    if (series.slice !== "") continue;
    const measured = judgements.filter(({ judged: how }) => how === "short");
    if (measured.length > 0) level = (level ?? 0) + Math.max(...measured.map(({ magnitude }) => magnitude));
  }
  return level;
}

function referenceRowsOf(contrasts: SeriesContrasts, signal: WindowSignal): number {
  return signal === "missing" ? contrasts.referenceRows : contrasts.referencePresentRows;
}

function silenceMagnitude(evidence: GapEvidence, windowMs: number): number {
  return windowMs > 0 ? Math.max(0, ((evidence.ratio - 1) * evidence.longestReferenceMs) / windowMs) : 0;
}

function decisionOf(
  finding: FindingMemory,
  incidents: readonly IncidentMemory[],
  options: DeciderOptions,
  window: Window,
): FindingDecision {
  const incident = incidents.find(({ incidentId: id }) => id === finding.incidentId);
  return {
    findingId: finding.findingId,
    incidentId: finding.incidentId,
    environment: options.environment,
    model: options.model,
    series: finding.series,
    signal: finding.signal,
    baselineId: options.baselineId,
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

/** Silence and monitors learn from the baseline alone. */
function learnsLive(signal: WindowSignal): boolean {
  return signal !== "silence" && signal !== "custom" && signal !== "joint";
}

function notMeasured(
  series: Series,
  signal: WindowSignal,
  state: SeriesState,
  rows: number,
  referenceRows: number,
): SeriesEvaluation {
  return {
    series,
    signal,
    state,
    rows,
    referenceRows,
    contrast: "",
    effect: null,
    effectLow: null,
    effectHigh: null,
    pValue: null,
    threshold: null,
  };
}

function evaluationsOf(
  entry: Judged,
  now: { readonly warming: boolean; readonly isOpen: (key: string, signal: WindowSignal) => boolean },
): SeriesEvaluation[] {
  const { contrasts, series, window } = entry;
  const result: SeriesEvaluation[] = [];
  if (!entry.judgements.some(({ signal }) => signal === "distribution")) {
    const rows = window?.presentRows ?? 0;
    const { referencePresentRows } = contrasts;
    if (referencePresentRows < minReferenceRows) {
      result.push(notMeasured(series, "distribution", "no_baseline", rows, referencePresentRows));
    } else if (contrasts.nothingKept) {
      result.push(notMeasured(series, "distribution", "too_variable", rows, referencePresentRows));
    }
    // Else the reference is constant: there is no distribution to move, and `unseen` sees any other value.
  }
  for (const judgement of entry.judgements) {
    const { signal, nearest, rows } = judgement;
    const referenceRows = referenceRowsOf(contrasts, signal);
    const open = now.isOpen(entry.key, signal);
    const state = stateOf(judgement, open, now.warming);
    if (nearest === null || state === "insufficient_data") {
      result.push(notMeasured(series, signal, state, rows, referenceRows));
      continue;
    }
    const measurement = entry[nearest.horizon]!;
    const c = nearest.contrast;
    const high = upperBound(contrasts, measurement, c);
    result.push({
      series,
      signal,
      state,
      rows,
      referenceRows,
      contrast: contrasts.contrasts[c]!.name,
      effect: measurement.effect[c]!,
      effectLow: lowerBound(measurement, c),
      effectHigh: judgement.judged === "short" ? Math.max(judgement.effectHigh, high) : high,
      pValue: nearest.pValue,
      threshold: entry.thresholds.alpha[nearest.horizon][c]!,
    });
  }
  return result;
}

function stateOf(judgement: Judgement, open: boolean, warming: boolean): SeriesState {
  if (judgement.judged === "nothing") return "insufficient_data";
  if (open) return "drift";
  if (judgement.judged === "long") return "insufficient_data";
  if (warming) return "warming_up";
  if (judgement.tooVariable) return "too_variable";
  return judgement.watching ? "watching" : "ok";
}

function silenceEvaluation(
  gap: GapObservation | null,
  evidence: GapEvidence | null,
  threshold: number,
  rows: number,
  open: boolean,
): SeriesEvaluation {
  if (gap === null) return notMeasured(silenceSeries, "silence", "insufficient_data", rows, 0);
  const referenceRows = gap.referenceGapsMs.length;
  if (evidence === null) return notMeasured(silenceSeries, "silence", "no_baseline", rows, referenceRows);
  const watching = evidence.pValue <= 20 * threshold;
  return {
    series: silenceSeries,
    signal: "silence",
    state: open ? "drift" : watching ? "watching" : "ok",
    rows,
    referenceRows,
    contrast: "longest gap",
    effect: evidence.ratio,
    effectLow: evidence.ratio,
    effectHigh: evidence.ratio,
    pValue: evidence.pValue,
    threshold,
  };
}

/** One monitor in the window at hand. */
interface MonitorNow extends ValueObservation {
  readonly key: string;
  readonly series: Series;
  /** Null: the window gave no value, or the baseline too few. */
  readonly evidence: ValueEvidence | null;
}

function monitorNow(observation: ValueObservation, threshold: number): MonitorNow {
  const { name, value, reference } = observation;
  const series = monitorSeries(name);
  const evidence =
    value === null || reference === null ? null : valueEvidence(value, reference, { threshold, ...observation });
  return { ...observation, key: seriesKey(series), series, evidence };
}

/** Whether a finding of one feature of the whole model is open, or opens in this window. */
function featureMoves(
  findings: readonly FindingMemory[],
  openings: readonly Pick<FindingMemory, "series" | "signal">[],
): boolean {
  const isFeature = ({ series, signal }: Pick<FindingMemory, "series" | "signal">) =>
    series.role === "feature" &&
    series.slice === "" &&
    (signal === "distribution" || signal === "missing" || signal === "unseen");
  return openings.some(isFeature) || findings.some((finding) => finding.closedIndex === null && isFeature(finding));
}

function referencesOf(monitors: readonly MonitorNow[]): Record<string, ValueReference> {
  return Object.fromEntries(
    monitors.flatMap(({ name, reference }) => (reference === null ? [] : [[name, reference] as const])),
  );
}

function monitorEvaluation(
  { series, signal, contrast, value, reference, evidence }: MonitorNow,
  threshold: number,
  rows: number,
  open: boolean,
): SeriesEvaluation {
  const referenceWindows = reference?.windows ?? 0;
  if (evidence === null) {
    const state = value === null ? "insufficient_data" : "no_baseline";
    return notMeasured(series, signal, state, rows, referenceWindows);
  }
  return {
    series,
    signal,
    state: open ? "drift" : evidence.pValue <= 20 * threshold ? "watching" : "ok",
    rows,
    referenceRows: referenceWindows,
    contrast,
    effect: evidence.change,
    effectLow: evidence.changeLow,
    effectHigh: evidence.changeHigh,
    pValue: evidence.pValue,
    threshold,
  };
}
