import type { Series } from "../core/baseline.ts";
import type { Clock } from "../core/clock.ts";
import type { FeatureSchema } from "../core/feature-schema.ts";
import type { Finding, SeriesState } from "../core/finding.ts";
import { silentLogger } from "../core/logger.ts";
import type { Logger } from "../core/logger.ts";
import type { ModelSpec } from "../core/model.ts";
import type { LiveProfile } from "../core/profile.ts";
import type { Tracing } from "../core/tracing.ts";
import { dayMs, hourMs, weekMs } from "../core/window.ts";
import type { Window } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { cohortExpressions } from "../store/facts/cohort-expressions.ts";
import type { CohortExpression } from "../store/facts/cohort-expressions.ts";
import { insertDecisionState } from "../store/facts/decision-states.ts";
import { insertEvaluations } from "../store/facts/evaluations.ts";
import type { Evaluation } from "../store/facts/evaluations.ts";
import { insertFindings, readFastFindings } from "../store/facts/finding-history.ts";
import { lastEventBefore, longestGaps } from "../store/facts/gaps.ts";
import { readProfiles, writeProfiles } from "../store/facts/profiles.ts";
import type { SliceCount } from "../store/facts/slice-counts.ts";
import { binCount } from "../store/facts/slots.ts";
import type { BinnedExpression } from "../store/facts/slots.ts";
import { dateText } from "../store/facts/row-scope.ts";
import type { RowScope } from "../store/facts/row-scope.ts";
import { summarizeRows } from "../store/facts/windows.ts";
import type { RowsSummary } from "../store/facts/windows.ts";
import { binnedExpressions, readReferenceWindows, sliceNames } from "./baselines/baseline.ts";
import type { LoadedBaseline } from "./baselines/baseline.ts";
import { besideControl, referenceInWindow } from "./baselines/concurrent.ts";
import { emptyCounts } from "./baselines/counts.ts";
import { createLearntDecider } from "./decisions/decider.ts";
import type { Decider } from "./decisions/decider.ts";
import type { DecisionState } from "./decisions/decision-state.ts";
import type { ToldFinding } from "./decisions/openings.ts";
import type { GapObservation } from "./decisions/silence.ts";
import {
  createFinding,
  findingsWithSlices,
  measuredNumbers,
  referenceOf,
  sameSeries,
  seriesText,
} from "./evidence/evidence.ts";
import { exampleInWindow, traceFindings } from "./evidence/finding-spans.ts";
import { predictionsVerdict } from "./evidence/predictions.ts";
import type { DetectorMetrics, FeatureReading } from "./metrics.ts";
import { createMonitorObserver } from "./monitors/monitor-observations.ts";
import type { ReaderConnection } from "./monitors/monitor-observations.ts";
import { valueNumbers } from "./monitors/value-evidence.ts";
import { isPerformanceJudged } from "./performance/reference-windows.ts";

/** Windows in the long horizon: of a day a week of them, of an hour or less 24. */
export function horizonOf(windowMs: number): number {
  return windowMs <= hourMs ? 24 : 7;
}

const profileRetentionMs = 400 * dayMs;

/** Decides the windows of one model in one environment against one baseline. */
export interface WindowDecider {
  initialState(): DecisionState;
  /** As `Decider.incidentOf`. */
  incidentOf(state: DecisionState, window: Window): string;
  /**
   * Decides one window and stores everything about it; its decision state last, so that a window is decided or not.
   *
   * @param recount false: the stored profile still holds, only the state before it changed.
   */
  decide(
    state: DecisionState,
    window: Window,
    options: {
      readonly revision: number;
      readonly recount: boolean;
      readonly schemas: readonly FeatureSchema[];
    },
  ): Promise<{ readonly state: DecisionState; readonly findings: readonly Finding[]; readonly rows: number }>;
}

export function createWindowDecider(options: {
  readonly facts: Facts;
  readonly model: ModelSpec;
  readonly environment: string;
  readonly loaded: LoadedBaseline;
  readonly clock: Clock;
  readonly metrics: DetectorMetrics | null;
  readonly tracing: Tracing;
  /** Silent by default. */
  readonly log?: Logger;
  /** For the statements of monitors; `facts` itself by default. */
  readonly connectReader?: ReaderConnection | undefined;
}): WindowDecider {
  const { facts, model, environment, loaded, tracing, log = silentLogger } = options;
  const connectReader = options.connectReader ?? (async () => ({ ...facts, [Symbol.asyncDispose]: async () => {} }));
  const monitors = createMonitorObserver({ facts, connectReader, model, environment, loaded, log });
  const { baselineId } = loaded.baseline;
  const { monitoring } = model;
  const referenceSlices = new Map<string, Promise<SliceCount[]>>();
  const referenceWindows = async (series: Series) => {
    const known = referenceOf(loaded.reference, series);
    return known === null ? [] : readReferenceWindows(facts, { environment, loaded }, known);
  };
  const decider = deciderOf(loaded, model, environment);

  const profile = async (
    window: Window,
    series: readonly BinnedExpression[],
    {
      revision,
      recount,
      counted,
      cohorts,
    }: { revision: number; recount: boolean; counted: RowsSummary | null; cohorts: readonly CohortExpression[] },
  ): Promise<LiveProfile[]> => {
    if (recount) {
      const computedAtMs = options.clock.now();
      const of = { environment, model: model.name, loaded };
      const { weighted = false, versions = [] } = counted ?? {};
      const how = { series, cohorts, weighted, versions, revision, computedAtMs };
      await writeLiveProfiles(facts, of, [window], how);
    }
    return storedProfiles(facts, { environment, model: model.name, loaded }, window, recount ? revision : null);
  };

  const gapOf = async (window: Window): Promise<GapObservation | null> => {
    if (loaded.gapsMs.length === 0) return null;
    const previousMs = await lastEventBefore(facts, {
      environment,
      model: model.name,
      beforeMs: window.startMs,
      stepMs: window.endMs - window.startMs,
    });
    const [longestGapMs = 0] = await longestGaps(facts, { environment, model: model.name }, [window], previousMs);
    return { longestGapMs, referenceGapsMs: loaded.gapsMs };
  };

  const windowDecider: WindowDecider = {
    initialState: () => decider.initialState(),
    incidentOf: (state, window) => decider.incidentOf(state, window),
    decide: async (before, window, { revision, recount, schemas }) => {
      const liveScope: RowScope = { environment, model: model.name, fromMs: window.startMs, toMs: window.endMs };
      // Rows that arrive after this count make the window late, so that none is missed between the statements.
      const counted = await summarizeRows(facts, liveScope);
      const series = binnedExpressions(loaded, model, schemas, counted?.schemaIds ?? []);
      const { zone } = monitoring;
      const cohortsOf = (schemaIds: readonly string[]) =>
        cohortExpressions(
          model.cohorts,
          loaded.features,
          schemas.filter(({ schemaId }) => schemaIds.includes(schemaId)),
          zone,
        );
      const cohorts = cohortsOf(counted?.schemaIds ?? []);
      const [live, gap, values, fast] = await Promise.all([
        profile(window, series, { revision, recount, counted, cohorts }),
        gapOf(window),
        monitors.observe(before, window, schemas),
        readFastFindings(facts, { environment, model: model.name, window }),
      ]);
      const rows = rowsDecidedOn(counted?.rows ?? 0, live);
      const told = toldOf(fast, baselineId);
      const step = decider.step(before, window, live, gap, values, told);
      const evaluatedAtMs = options.clock.now();
      const predictions = predictionsVerdict(step.evaluations, monitoring.effectFloor);
      const reference = referenceInWindow(loaded.reference, live);
      const facing = {
        model,
        live,
        reference,
        referenceWindows,
        spec: loaded.baseline.spec,
        liveSeries: series,
        referenceSeries: binnedExpressions(loaded, model, schemas, loaded.schemaIds),
        liveCohorts: cohorts,
        referenceCohorts: cohortsOf(loaded.schemaIds),
        liveScope,
        referenceScope: loaded.rowScope,
        referenceSlices,
        gap,
        predictions,
      };
      const bySize = step.findings
        .filter((finding) => finding.state === "open")
        .toSorted((a, b) => b.magnitude - a.magnitude)
        .slice(0, findingsWithSlices);
      const made: Finding[] = [];
      for (const decision of step.findings) {
        made.push(
          await createFinding(facts, decision, facing, {
            revision,
            evaluatedAtMs,
            withSlices: bySize.includes(decision),
          }),
        );
      }
      const known = new Set([...before.findings, ...told].map((finding) => finding.findingId));
      const isNew = ({ state, findingId }: Finding) => state === "open" && !known.has(findingId);
      const findings = await traceFindings(made, {
        tracing,
        isNew,
        exampleOf: (finding) => exampleInWindow(facts, finding, facing),
      });
      const liveCounts = new Map(live.map((one) => [seriesText(one.series), one.counts]));
      const evaluations = step.evaluations.map((evaluation): Evaluation => {
        const current = liveCounts.get(seriesText(evaluation.series)) ?? null;
        const observed =
          evaluation.signal === "custom" || evaluation.signal === "joint"
            ? values.find(({ name }) => name === evaluation.series.feature)
            : undefined;
        return {
          ...evaluation,
          methods:
            observed !== undefined
              ? valueNumbers(observed)
              : measuredNumbers(evaluation.signal, referenceOf(reference, evaluation.series), current, gap),
        };
      });
      const key = { environment, model: model.name, baselineId, window, revision };
      await insertEvaluations(facts, key, evaluations, evaluatedAtMs);
      await insertFindings(facts, findings, evaluatedAtMs);
      await insertDecisionState(
        facts,
        { environment, model: model.name },
        { baselineId, window, revision, rows, state: JSON.stringify(step.state), evaluatedAtMs },
      );
      options.metrics?.windowDecided({
        model: model.name,
        environment,
        rows,
        level: step.level,
        openFindings: findings.filter((finding) => finding.state === "open").length,
        states: countStates(evaluations),
        features: featureReadings(evaluations, findings),
        evaluatedAtMs,
        windowEndMs: window.endMs,
      });
      return { state: step.state, findings, rows };
    },
  };
  return {
    ...windowDecider,
    decide: (before, window, how) =>
      tracing.span("decide window", { attributes: windowAttributes(model, environment, window, how) }, async (span) => {
        const decided = await windowDecider.decide(before, window, how);
        const open = decided.findings.filter((finding) => finding.state === "open");
        span.set({ "leeway.rows": decided.rows, "leeway.findings.open": open.length });
        return decided;
      }),
  };
}

/** Counts windows' rows into the bins of a baseline: features also in each watched slice, results in each version. */
export async function writeLiveProfiles(
  facts: Facts,
  {
    environment,
    model,
    loaded,
  }: { readonly environment: string; readonly model: string; readonly loaded: LoadedBaseline },
  windows: readonly Window[],
  options: {
    /** As the windows' rows hold them. */
    readonly series: readonly BinnedExpression[];
    readonly cohorts: readonly CohortExpression[];
    readonly weighted: boolean;
    /** That the windows' rows have. */
    readonly versions: readonly string[];
    readonly revision: number;
    readonly computedAtMs: number;
  },
): Promise<void> {
  const { series, cohorts, weighted, versions, revision, computedAtMs } = options;
  await writeProfiles(facts, {
    rows: { environment, model },
    environment,
    baselineId: loaded.baseline.baselineId,
    kind: "live",
    revision,
    windows,
    series,
    slices: slicesWithSql(loaded, cohorts),
    resultsByVersion: true,
    versions,
    weighted,
    reference: loaded.rowScope,
    computedAtMs,
    expiresOn: dateText(computedAtMs + profileRetentionMs),
  });
}

/** The watched slices that the baseline knows, as these rows hold them. */
function slicesWithSql(loaded: LoadedBaseline, cohorts: readonly CohortExpression[]) {
  return loaded.slices.flatMap(({ attribute, values }) => {
    const cohort = cohorts.find((one) => one.attribute === attribute);
    return cohort === undefined ? [] : [{ ...cohort, values }];
  });
}

/** What the fast cadence held open, as the decision takes it up. */
function toldOf(recorded: readonly Finding[], baselineId: string): ToldFinding[] {
  return recorded.flatMap(({ state, ...finding }) =>
    state === "withdrawn" || finding.baselineId !== baselineId ? [] : [{ ...finding, state }],
  );
}

function windowAttributes(model: ModelSpec, environment: string, window: Window, { revision }: { revision: number }) {
  return {
    "leeway.model": model.name,
    "leeway.environment": environment,
    "leeway.window.start": new Date(window.startMs).toISOString(),
    "leeway.window.end": new Date(window.endMs).toISOString(),
    "leeway.revision": revision,
  };
}

/** The pure function that decides a model's windows against a baseline. */
export function deciderOf(loaded: LoadedBaseline, model: ModelSpec, environment: string): Decider {
  const { baselineId, windowMs } = loaded.baseline;
  return createLearntDecider({
    learnt: loaded.learnt,
    monitoring: model.monitoring,
    windowsPerWeek: weekMs / windowMs,
    horizon: horizonOf(windowMs),
    watchedSlices: sliceNames(loaded).length,
    monitors: model.monitors.length,
    performance: isPerformanceJudged(model.task, loaded),
    subWindowsKnown: loaded.subWindowsKnown,
    environment,
    model: model.name,
    baselineId,
    windowMs,
    weekdayZone: loaded.weekdayZone,
  });
}

/**
 * The live profiles of a window as they are stored, and empty ones for features without a row.
 * @param revision Null: the latest that is stored.
 */
export async function storedProfiles(
  facts: Facts,
  of: { readonly environment: string; readonly model: string; readonly loaded: LoadedBaseline },
  window: Window,
  revision: number | null,
): Promise<LiveProfile[]> {
  const { environment, model, loaded } = of;
  const stored = await readProfiles(
    facts,
    {
      environment,
      model,
      baselineId: loaded.baseline.baselineId,
      kind: "live",
      fromMs: window.startMs,
      toMs: window.startMs + 1,
    },
    (series) => {
      const reference = referenceOf(loaded.reference, series);
      return reference === null ? null : binCount(reference.binning);
    },
  );
  const wantedRevision = revision ?? stored.reduce((latest, one) => Math.max(latest, one.revision), 0);
  const live: LiveProfile[] = [];
  for (const { series, counts, revision: of } of stored) {
    // A version or slice of an earlier revision that the later one does not have is gone.
    if (of === wantedRevision) live.push({ series, window, counts });
  }
  const counted = new Set(live.map(({ series }) => seriesText(series)));
  for (const { series: wanted, binning } of loaded.reference) {
    if (wanted.role !== "feature" || counted.has(seriesText(wanted))) continue;
    live.push({ series: wanted, window, counts: emptyCounts(binning) });
  }
  return besideControl(loaded.baseline, live);
}

/**
 * The rows that a decision knows of: no more than its profile counted. A profile that an earlier attempt stored is not
 * counted again, and rows that came since must still be found late.
 */
function rowsDecidedOn(counted: number, live: readonly LiveProfile[]): number {
  const whole = live.filter(({ series }) => series.role === "feature" && series.slice === "");
  const profiled = Math.max(0, ...whole.map(({ counts }) => counts.rows));
  return profiled > 0 ? Math.min(counted, profiled) : counted;
}

function countStates(evaluations: readonly Evaluation[]): Partial<Record<SeriesState, number>> {
  const states: Partial<Record<SeriesState, number>> = {};
  for (const { state } of evaluations) states[state] = (states[state] ?? 0) + 1;
  return states;
}

/** Whole-model distributions; the score and class of each version under a name of their own. */
function featureReadings(evaluations: readonly Evaluation[], findings: readonly Finding[]): FeatureReading[] {
  const open = findings.filter((finding) => finding.state === "open");
  return evaluations
    .filter(({ series, signal }) => series.slice === "" && signal === "distribution")
    .map(({ series, effect, threshold, methods }) => ({
      feature: series.version === "" ? series.feature : `${series.feature}@${series.version}`,
      effect,
      threshold,
      methods,
      inFinding: open.some((finding) => sameSeries(finding.series, series)),
    }));
}
