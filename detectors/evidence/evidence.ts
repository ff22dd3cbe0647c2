import { controlVersion } from "../../core/baseline.ts";
import type { PinnedBaselineSpec } from "../../core/baseline.ts";
import type { Evidence, Finding, Harm, Share } from "../../core/finding.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { LiveProfile, PooledReference, SeriesCounts } from "../../core/profile.ts";
import { parseSlice } from "../../core/slice.ts";
import type { Facts } from "../../store/facts/client.ts";
import { sliceConditions } from "../../store/facts/cohort-expressions.ts";
import type { CohortExpression } from "../../store/facts/cohort-expressions.ts";
import { countSlices } from "../../store/facts/slice-counts.ts";
import type { SliceCount } from "../../store/facts/slice-counts.ts";
import type { BinnedExpression } from "../../store/facts/slots.ts";
import type { RowScope } from "../../store/facts/row-scope.ts";
import type { FindingDecision } from "../decisions/finding-decision.ts";
import type { GapObservation } from "../decisions/silence.ts";
import { reportedNumbers } from "../methods/reported-numbers.ts";
import { onReferenceDays } from "./reference-days.ts";
import type { ReferenceWindow } from "./reference-days.ts";
import { contributors, grownBins, movedCategories, summary } from "./contributors.ts";
import { changeBySlice } from "./slices.ts";
import type { ChangeBySlice, Focus } from "./slices.ts";

/** What happened in a window, for those who put it into words. */
export interface WindowFacts {
  readonly model: ModelSpec;
  readonly live: readonly LiveProfile[];
  readonly reference: readonly PooledReference[];
  /** The reference's windows of one of its series. */
  readonly referenceWindows: (series: PooledReference["series"]) => Promise<readonly ReferenceWindow[]>;
  /** Expressions that fit the live rows, and those that fit the reference's. */
  readonly liveSeries: readonly BinnedExpression[];
  readonly referenceSeries: readonly BinnedExpression[];
  /** Every cohort of the model, as the live rows hold it, and as the reference's do. */
  readonly liveCohorts: readonly CohortExpression[];
  readonly referenceCohorts: readonly CohortExpression[];
  readonly liveScope: RowScope;
  readonly referenceScope: RowScope;
  /** What the baseline is, which says whose rows a version is held against. */
  readonly spec: PinnedBaselineSpec;
  /** The reference's slices by series, filled as they are asked for: they never change. */
  readonly referenceSlices: Map<string, Promise<SliceCount[]>>;
  readonly gap: GapObservation | null;
  readonly predictions: Evidence["predictions"];
}

/** A cohort attribute's most frequent values are looked at, so many of them. */
const sliceValuesLookedAt = 200;
/** Slices cost a pass over the reference's column each: only so many open findings of a window get them, the largest first. */
export const findingsWithSlices = 10;

/**
 * Missing values and silence mean that data is broken; a monitor says itself what it means; a model's own score or class that moved, or an input with which
 * they moved in the same window, means that predictions moved.
 */
export function harmOf(
  { series, signal }: Pick<FindingDecision, "series" | "signal">,
  predictions: Evidence["predictions"]["verdict"],
  monitors: ModelSpec["monitors"] = [],
): Harm {
  if (signal === "missing" || signal === "silence") return "data_broken";
  if (signal === "custom" || signal === "joint")
    return monitors.find(({ name }) => name === series.feature)?.harm ?? "inputs_moved";
  return series.role === "feature" && predictions !== "moved" ? "inputs_moved" : "predictions_moved";
}

/** A decision and all that a reader of it may ask for. */
export async function createFinding(
  facts: Facts,
  decision: FindingDecision,
  window: WindowFacts,
  options: { readonly revision: number; readonly evaluatedAtMs: number; readonly withSlices: boolean },
): Promise<Finding> {
  const { series, signal, findingId, incidentId, environment, model, baselineId, state } = decision;
  // A monitor may be called like a feature, and is another thing.
  const profiled = signal !== "custom" && signal !== "joint";
  const reference = profiled ? referenceOf(window.reference, series) : null;
  const current = profiled ? (window.live.find((live) => sameSeries(live.series, series))?.counts ?? null) : null;
  const control = controlVersion(window.spec, series);
  // What is told of values is told against the days that the window was held against; reported numbers are over all of them.
  const days = reference && (await onDaysOf(window, reference, decision.season?.weekdays));
  const unit = window.model.features.find((feature) => feature.name === series.feature)?.unit ?? null;
  const shares =
    days === null || current === null || signal === "silence" || signal === "missing"
      ? []
      : contributors(days, current, unit).filter((share) => signal !== "unseen" || share.reference === 0);
  // An open finding on a score or class is itself what "predictions moved" means.
  const moved = state === "open" && signal === "distribution" && series.role !== "feature";
  return {
    findingId,
    incidentId,
    environment,
    model,
    series,
    signal,
    baselineId,
    harm: harmOf(decision, window.predictions.verdict, window.model.monitors),
    state,
    revision: options.revision,
    openedWindowStartMs: decision.openedWindowStartMs,
    openedWindowEndMs: decision.openedWindowEndMs,
    windowEndMs: decision.windowEndMs,
    closedWindowEndMs: decision.closedWindowEndMs,
    magnitude: decision.magnitude,
    incidentMagnitude: decision.incidentMagnitude,
    reopened: decision.reopened,
    provisional: decision.provisional,
    evidence: {
      contrast: decision.contrast,
      horizon: decision.horizon,
      reference: decision.reference,
      current: decision.current,
      effect: decision.effect,
      effectLow: decision.effectLow,
      pValue: decision.pValue,
      threshold: decision.threshold,
      rows: decision.rows,
      referenceRows: decision.referenceRows,
      ...(decision.season !== undefined && { weekdays: decision.season.text }),
      ...(control !== null && { control }),
      minimumDetectableEffect: decision.minimumDetectableEffect,
      methods: profiled
        ? finiteNumbers(measuredNumbers(signal, reference, current, window.gap))
        : { value: decision.current, reference_mean: decision.reference },
      summary: days === null || current === null || signal === "silence" ? {} : summary(days, current),
      contributors: shares,
      ...(options.withSlices && days !== null && current !== null
        ? await slices(facts, decision, window, days, current, shares)
        : { slices: [] }),
      predictions: moved ? { ...window.predictions, verdict: "moved" } : window.predictions,
    },
    evaluatedAtMs: options.evaluatedAtMs,
  };
}

async function onDaysOf(
  { model, referenceWindows }: Pick<WindowFacts, "model" | "referenceWindows">,
  reference: PooledReference,
  weekdays: readonly number[] | undefined,
): Promise<PooledReference> {
  if (weekdays === undefined) return reference;
  return onReferenceDays(reference, await referenceWindows(reference.series), weekdays, model.monitoring.zone);
}

/** JSON would make null of NaN, and readers of the history would refuse the whole finding. */
function finiteNumbers(numbers: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => Number.isFinite(value)));
}

/** What is reported beside a decision: the registry's methods for distributions, shares and seconds for the rest. */
export function measuredNumbers(
  signal: FindingDecision["signal"],
  reference: PooledReference | null,
  current: SeriesCounts | null,
  gap: GapObservation | null,
): Record<string, number> {
  if (signal === "silence") {
    if (gap === null) return {};
    return {
      longest_gap_seconds: gap.longestGapMs / 1000,
      reference_longest_gap_seconds: Math.max(0, ...gap.referenceGapsMs) / 1000,
    };
  }
  if (signal === "custom" || signal === "joint" || reference === null || current === null || current.rows === 0)
    return {};
  const { pooled } = reference;
  // A control version without rows is nothing to measure against.
  if (pooled.rows === 0) return {};
  switch (signal) {
    case "distribution":
      return reportedNumbers(reference, current);
    case "missing":
      return {
        missing_share: (current.missing + current.nonFinite) / current.weight,
        reference_missing_share: pooled.weight > 0 ? (pooled.missing + pooled.nonFinite) / pooled.weight : 0,
        non_finite_share: current.nonFinite / current.weight,
      };
    case "unseen":
      if (!(current.presentWeight > 0)) return {};
      return {
        unseen_share: current.unseen / current.presentWeight,
        unseen_top_share: current.unseenTop / current.presentWeight,
        unseen_distinct: current.unseenDistinct,
      };
  }
}

/** Thousands of series with slices: each list is indexed once. */
const bySeries = new WeakMap<readonly PooledReference[], ReadonlyMap<string, PooledReference>>();

/** A version that the reference does not know is held against the reference without a version. */
export function referenceOf(
  reference: readonly PooledReference[],
  series: FindingDecision["series"],
): PooledReference | null {
  let index = bySeries.get(reference);
  if (index === undefined) {
    index = new Map(reference.map((one) => [seriesText(one.series), one]));
    bySeries.set(reference, index);
  }
  const exact = index.get(seriesText(series));
  if (exact !== undefined || series.version === "") return exact ?? null;
  return index.get(seriesText({ ...series, version: "" })) ?? null;
}

/** A series as the key of a map: the lengths tell where the parts end. */
export function seriesText({ role, feature, version, slice }: FindingDecision["series"]): string {
  return `${role} ${feature.length} ${version.length} ${feature}${version}${slice}`;
}

export function sameSeries(a: FindingDecision["series"], b: FindingDecision["series"]): boolean {
  return a.role === b.role && a.feature === b.feature && a.version === b.version && a.slice === b.slice;
}

async function slices(
  facts: Facts,
  { series, signal, baselineId, varianceInflation }: FindingDecision,
  window: WindowFacts,
  reference: PooledReference,
  counts: SeriesCounts,
  shares: readonly Share[],
): Promise<ChangeBySlice> {
  const focus = focusOf(signal, reference, counts, shares);
  const find = (expressions: readonly BinnedExpression[]) =>
    expressions.find((one) => one.role === series.role && one.feature === series.feature);
  const live = find(window.liveSeries);
  const before = find(window.referenceSeries);
  const { liveCohorts, referenceCohorts } = window;
  if (focus === null || live === undefined || before === undefined || liveCohorts.length === 0) {
    return { slices: [], alike: [], mix: [] };
  }
  const common = {
    baselineId,
    reference: window.referenceScope,
    limit: sliceValuesLookedAt,
  };
  const slice = parseSlice(series.slice);
  const liveSlices = (version: string | null) =>
    countSlices(facts, window.liveScope, {
      ...common,
      cohorts: liveCohorts,
      within: sliceConditions(slice, liveCohorts),
      series: live,
      kind: "live",
      version,
    });
  const control = controlVersion(window.spec, series);
  const key = JSON.stringify([series.role, series.feature, series.slice, referenceCohorts]);
  let known = control === null ? window.referenceSlices.get(key) : liveSlices(control);
  if (known === undefined) {
    known = countSlices(facts, window.referenceScope, {
      ...common,
      cohorts: referenceCohorts,
      within: sliceConditions(slice, referenceCohorts),
      series: before,
      kind: "reference",
      version: null,
    });
    window.referenceSlices.set(key, known);
    // What failed is asked again, not remembered.
    known.catch(() => window.referenceSlices.delete(key));
  }
  const current = await liveSlices(series.role === "feature" ? null : series.version);
  return changeBySlice(await known, current, focus, {
    minRows: window.model.monitoring.minSliceRows,
    inflation: varianceInflation,
    show: signal === "distribution" && reference.binning.kind === "categorical" ? "overall" : "within",
  });
}

/** What values a change is about; null: none, as when nothing comes any more. */
export function focusOf(
  signal: FindingDecision["signal"],
  reference: PooledReference,
  current: SeriesCounts,
  shares: readonly Share[],
): Focus | null {
  switch (signal) {
    case "silence":
    case "custom":
    case "joint":
      return null;
    case "missing":
      return { kind: "missing" };
    case "unseen":
      return { kind: "unseen" };
    case "distribution": {
      const { binning } = reference;
      if (binning.kind === "numeric") return { kind: "bins", bins: new Set(grownBins(reference, current)) };
      const moved = movedCategories(shares).map((name) => binning.categories.indexOf(name));
      return { kind: "bins", bins: new Set(moved.filter((index) => index >= 0)) };
    }
  }
}
