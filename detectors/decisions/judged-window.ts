import type { Series } from "../../core/baseline.ts";
import type { LiveProfile } from "../../core/profile.ts";
import type { Window } from "../../core/window.ts";
import { budgetOf, type Budget, type BudgetShape } from "./budget.ts";
import { concurrentHorizon, concurrentSums } from "./concurrent.ts";
import { effectiveSize, isMeasurable, type SeriesContrasts, type WindowSums } from "./contrasts.ts";
import type { DecisionState, InflationMemory, SeriesMemory } from "./decision-state.ts";
import { inflations, measure, measurementArrays, type Belief, type Measurement } from "./evidence.ts";
import {
  judge,
  signalsOf,
  thresholdsOf,
  type Horizon,
  type Judgement,
  type SignalContrasts,
  type Thresholds,
} from "./judgement.ts";
import { beliefOf, minWindowRows, type Learnt, type TypicalSize } from "./learning.ts";
import { poolOf, type Pool } from "./model-learning.ts";
import { omnibusCells, type OmnibusCells } from "./omnibus.ts";
import { pooledWindows, recentWindow, type RecentWindow } from "./pooling.ts";
import {
  referenceOf,
  seriesNow,
  type ReferenceSeries,
  type ReferenceSeriesByKey,
  type SeriesNow,
} from "./reference-series.ts";
import { onWeekday } from "./season.ts";
import { seriesKey } from "./series-key.ts";
import { longHorizonFactor } from "./variance-inflation.ts";

/** Windows that a reference without sub-windows needs before it is trusted. */
export const warmUpWindows = 14;
/** Until then only a change of more than a tenth of the rows opens a finding. */
const warmUpFloor = 0.1;

/** One series in the window at hand. */
export interface JudgedSeries {
  readonly key: string;
  readonly series: Series;
  readonly contrasts: SeriesContrasts;
  readonly memory: SeriesMemory;
  readonly typical: TypicalSize | null;
  readonly cells: OmnibusCells | null;
  readonly belief: Belief;
  readonly thresholds: Thresholds;
  readonly window: WindowSums | null;
  /** Windows in its long horizon. */
  readonly horizon: number;
  readonly recent: readonly RecentWindow[];
  /** Whether there are windows to pool. */
  readonly pools: boolean;
  /** What the window was held against: the reference, or a part of it, or a control version; null: nothing was measured. */
  readonly against: SeriesContrasts | null;
  readonly judgements: readonly Judgement[];
}

/** The factors on φ of both horizons, of whatever learns together. */
export type Horizons = Readonly<Record<Pool, ReturnType<typeof horizonsOf>>>;

/** A window's profiles measured and held against their gates, before anything is decided of them. */
export interface JudgedWindow {
  /** Calendar windows since the start. */
  readonly index: number;
  readonly warming: boolean;
  readonly floors: Readonly<Record<Judgement["signal"], number>>;
  readonly shape: BudgetShape;
  readonly budget: Budget;
  readonly horizons: Horizons;
  readonly judged: readonly JudgedSeries[];
  /** Live profiles of series that the reference does not know. */
  readonly unknown: readonly LiveProfile[];
}

/** What the judging of a model's windows rests on, whatever the window. */
export interface JudgeOptions {
  readonly references: ReferenceSeriesByKey;
  readonly monitoring: {
    readonly falseIncidentsPerModelWeek: number;
    readonly effectFloor: number;
    readonly qualityFloor: number;
  };
  readonly windowsPerWeek: number;
  /** Windows in the long horizon. */
  readonly horizon: number;
  readonly windowMs: number;
  /** Number of slices that share the budget; 0 leaves it to the whole model. */
  readonly slices: number;
  readonly monitors: number;
  /** Whether performance has its part of the budget. */
  readonly performance: boolean;
  readonly subWindowsKnown: boolean;
  /** Of a window, Monday 0; null if windows are not of one day. */
  readonly weekdayOf: ((window: Window) => number) | null;
  /** What a control version's groups of users have taught, once and for all. */
  readonly concurrentInflation: InflationMemory;
}

/**
 * Makes the first half of a decision: everything measured and held against its gates, nothing decided. Pure: it
 * remembers what it computed before, and the same arguments give the same results without that.
 */
export function createJudge(
  options: JudgeOptions,
): (state: DecisionState, window: Window, live: readonly LiveProfile[]) => JudgedWindow {
  const { horizon, monitoring, references } = options;
  const beliefs = new WeakMap<Learnt, { prior: readonly number[]; cells: OmnibusCells | null; belief: Belief }>();
  const thresholdsByContrasts = new Map<SeriesContrasts, Thresholds>();
  const cellsByContrasts = new Map<SeriesContrasts, OmnibusCells | null>();
  const signalsByContrasts = new Map<SeriesContrasts, readonly SignalContrasts[]>();

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

  function signalsFor(contrasts: SeriesContrasts): readonly SignalContrasts[] {
    let signals = signalsByContrasts.get(contrasts);
    if (signals === undefined) signalsByContrasts.set(contrasts, (signals = signalsOf(contrasts)));
    return signals;
  }

  function cellsFor(reference: ReferenceSeries, typical: TypicalSize | null): OmnibusCells | null {
    if (typical === null) return null;
    if (typical !== reference.typical) return omnibusCells(reference.contrasts, typical.present);
    const known = cellsByContrasts.get(reference.contrasts);
    if (known !== undefined) return known;
    const cells = omnibusCells(reference.contrasts, typical.present);
    cellsByContrasts.set(reference.contrasts, cells);
    return cells;
  }

  const mostContrasts = Math.max(0, ...[...references.values()].map(({ contrasts }) => contrasts.contrasts.length));
  // What was measured of a series is judged before the next one is.
  const shortArrays = measurementArrays(mostContrasts);
  const longArrays = measurementArrays(mostContrasts);

  return (state, window, live) => {
    const index = windowIndex(state, window, options.windowMs);
    const warming = !options.subWindowsKnown && state.judgedWindows < warmUpWindows;
    const floors = {
      distribution: Math.max(monitoring.effectFloor, warming ? warmUpFloor : 0),
      missing: Math.max(monitoring.qualityFloor, warming ? warmUpFloor : 0),
      unseen: Math.max(monitoring.qualityFloor, warming ? warmUpFloor : 0),
    };
    const weekday = options.weekdayOf?.(window) ?? null;
    const liveByKey = new Map(live.map((profile) => [seriesKey(profile.series), profile]));
    const now = seriesNow(references, state, liveByKey);
    const shape = budgetShape(options, now);
    const budget = budgetOf(shape);
    const { whole, slices } = state.inflation;
    const inflation = { whole, slices, concurrent: options.concurrentInflation };
    const horizons = {
      whole: horizonsOf(whole, horizon),
      slices: horizonsOf(slices, horizon),
      concurrent: horizonsOf(inflation.concurrent, concurrentHorizon(horizon)),
    };

    const judged = now.map(({ key, series, reference, memory }): JudgedSeries => {
      const { contrasts } = reference;
      const pool = poolOf(contrasts);
      const span = contrasts.concurrent ? concurrentHorizon(horizon) : horizon;
      const day = contrasts.season === null ? null : weekday;
      const sums = sumsOf(contrasts, liveByKey.get(key), day);
      const typical = reference.typical ?? memory.typical ?? typicalOfFirst(sums);
      const cells = cellsFor(reference, typical);
      const belief = beliefFor(contrasts, memory, inflation[pool].prior, typical, cells);
      const thresholds = thresholdsFor(contrasts, budget);
      const recent = memory.recent.filter((entry) => entry.index > index - span);
      if (sums !== null) recent.push(recentWindow(index, sums, day));
      const of = horizons[pool];
      const short = sums === null ? null : measure(contrasts, cells, sums, belief, of.short, shortArrays);
      const pooled = sums === null ? null : pooledWindows(contrasts, recent, index - span);
      const pools = pooled !== null && pooled.windows >= 2;
      const long = pools ? measure(contrasts, cells, pooled, belief, of.long, longArrays) : null;
      const judgements = signalsFor(contrasts).map((own) =>
        judge(contrasts, own, belief, thresholds, { floor: floors[own.signal], omnibus: !warming }, short, long),
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
        horizon: span,
        recent,
        pools,
        against: short?.against ?? null,
        judgements,
      };
    });
    const unknown: LiveProfile[] = [];
    for (const [key, profile] of liveByKey) {
      if (!references.has(key) && referenceOf(references, profile.series) === undefined) unknown.push(profile);
    }
    return { index, warming, floors, shape, budget, horizons, judged, unknown };
  };
}

/**
 * All contrasts of a series in the window, or in pooled ones. Thousands of series are measured for each window and hardly one
 * is asked about again: what they were judged by is not kept.
 */
export function measurementOf(
  { horizons, index }: Pick<JudgedWindow, "horizons" | "index">,
  { belief, cells, contrasts, horizon: span, pools, recent, window }: JudgedSeries,
  horizon: Horizon,
): Measurement | null {
  const of = horizons[poolOf(contrasts)];
  if (horizon === "short") return window === null ? null : measure(contrasts, cells, window, belief, of.short);
  return pools ? measure(contrasts, cells, pooledWindows(contrasts, recent, index - span), belief, of.long) : null;
}

/** Calendar windows since the start, this one included. */
export function windowIndex(state: DecisionState, window: Window, windowMs: number): number {
  if (state.lastWindowStartMs === null || !(windowMs > 0)) return state.index + 1;
  return state.index + Math.max(1, Math.round((window.startMs - state.lastWindowStartMs) / windowMs));
}

/** S: null if no series of the whole model had rows enough to be measured. */
export function levelOf(judged: readonly JudgedSeries[]): number | null {
  let level: number | null = null;
  for (const { series, judgements } of judged) {
    if (series.slice !== "") continue;
    const measured = judgements.filter(({ judged: how }) => how === "short");
    if (measured.length > 0) level = (level ?? 0) + Math.max(...measured.map(({ magnitude }) => magnitude));
  }
  return level;
}

function budgetShape(
  { monitoring, monitors, performance, references, slices, windowsPerWeek }: JudgeOptions,
  now: readonly SeriesNow[],
): BudgetShape {
  const whole = now.filter(({ series }) => series.slice === "");
  const kinds = whole.map(({ reference }) => reference.contrasts.kind);
  // Until a version was seen, its score and class are provided for: no window may overdraw.
  for (const { contrasts } of references.values()) {
    const { role, slice } = contrasts.series;
    if (role === "feature" || slice !== "" || whole.some(({ series }) => series.role === role)) continue;
    kinds.push(contrasts.kind);
  }
  return {
    falseIncidentsPerModelWeek: monitoring.falseIncidentsPerModelWeek,
    windowsPerWeek,
    watchedSlices: slices,
    monitors,
    performance,
    numeric: kinds.filter((kind) => kind === "numeric").length,
    categorical: kinds.filter((kind) => kind === "categorical").length,
  };
}

/** Null: nothing was measured. */
function sumsOf(
  contrasts: SeriesContrasts,
  profile: LiveProfile | undefined,
  weekday: number | null,
): WindowSums | null {
  if (profile === undefined || profile.counts.rows === 0) return null;
  if (contrasts.concurrent) return concurrentSums(contrasts, profile.counts, profile.control ?? null);
  if (!isMeasurable(profile.counts)) return null;
  const sums = contrasts.project(profile.counts);
  return weekday === null ? sums : onWeekday(sums, weekday);
}

function typicalOfFirst(window: WindowSums | null): TypicalSize | null {
  if (window === null || window.rows < minWindowRows || window.presentRows === 0) return null;
  return {
    present: effectiveSize(window.presentWeight, window.presentWeightSquares),
    all: effectiveSize(window.weight, window.weightSquares),
  };
}

function horizonsOf(inflation: InflationMemory, horizon: number) {
  const g = longHorizonFactor(inflation.dependence, horizon);
  return {
    short: { factor: 1, inflations: inflations(1) },
    long: { factor: g, inflations: inflations(g) },
  };
}

function withoutLink(memory: SeriesMemory): SeriesMemory {
  return { ...memory, learning: { ...memory.learning, linked: { distribution: false, missing: false } } };
}
