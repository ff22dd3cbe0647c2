import { setTimeout as sleep } from "node:timers/promises";
import { baselineInForce } from "../core/accepted-baseline.ts";
import type { AcceptedBaseline } from "../core/accepted-baseline.ts";
import type { BaselineSpec, PinnedBaselineSpec, Trailing } from "../core/baseline.ts";
import type { Clock } from "../core/clock.ts";
import { LeewayError } from "../core/errors.ts";
import type { FeatureSchema } from "../core/feature-schema.ts";
import type { Finding } from "../core/finding.ts";
import type { Logger } from "../core/logger.ts";
import type { ModelSpec, ServiceClockKind } from "../core/model.ts";
import { noTracing } from "../core/tracing.ts";
import type { Tracing } from "../core/tracing.ts";
import { dayMs, nextWindow, windowContaining } from "../core/window.ts";
import type { Window, WindowAlignment } from "../core/window.ts";
import { readAcceptedBaselines } from "../store/facts/accepted-baselines.ts";
import type { Facts } from "../store/facts/client.ts";
import { cohortExpressions } from "../store/facts/cohort-expressions.ts";
import type { CohortExpression } from "../store/facts/cohort-expressions.ts";
import { insertDecisionState, readLatestState } from "../store/facts/decision-states.ts";
import type { StoredDecisionState } from "../store/facts/decision-states.ts";
import { insertEvaluations } from "../store/facts/evaluations.ts";
import { readBaseline } from "../store/facts/baselines.ts";
import { readFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { insertFindings, readLatestFindings } from "../store/facts/finding-history.ts";
import { countRows } from "../store/facts/windows.ts";
import { createFastCadence } from "./fast-cadence.ts";
import type { FastCadence, FastNow } from "./fast-cadence.ts";
import { alignmentOf, ensureBaseline } from "./baselines/baseline.ts";
import type { LoadedBaseline } from "./baselines/baseline.ts";
import { modelFeatures } from "./baselines/model-features.ts";
import { isRangeOf, trailingStep } from "./baselines/trailing.ts";
import type { TrailingStep } from "./baselines/trailing.ts";
import type { DecisionState } from "./decisions/decision-state.ts";
import { notMeasured } from "./decisions/evaluations.ts";
import { findEarlierRanges } from "./earlier-ranges.ts";
import type { EarlierRanges } from "./earlier-ranges.ts";
import { decideLateWindows, findLateWindows } from "./late-windows.ts";
import type { DetectorMetrics } from "./metrics.ts";
import { createPerformanceRecorder, recheckedWindows } from "./performance-recorder.ts";
import type { PerformanceRecorder } from "./performance-recorder.ts";
import type { ReaderConnection } from "./monitors/monitor-observations.ts";
import { restatedFindings } from "./restated-findings.ts";
import { firstWindow } from "./schedule/first-window.ts";
import { modelWatermark } from "./schedule/model-watermark.ts";
import { createProgressBook } from "./schedule/progress-book.ts";
import { ownsModel } from "./schedule/shard.ts";
import type { Shard } from "./schedule/shard.ts";
import { createWindowDecider } from "./window-decision.ts";
import type { WindowDecider } from "./window-decision.ts";

export interface DetectorOptions {
  readonly facts: Facts;
  /** Asked anew at each pass, so that configuration can be reloaded. */
  readonly models: () => readonly ModelSpec[];
  readonly serviceClock: ServiceClockKind;
  /** Which models are this process's; all by default. */
  readonly shard?: Shard;
  readonly pollIntervalMs: number;
  /** Wall time. */
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: DetectorMetrics | null;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** For the statements of monitors: facts with a reader's rights. Absent: `facts` itself. */
  readonly connectReader?: ReaderConnection | undefined;
  /** How often closed windows are asked for late rows; 60 s by default. */
  readonly lateCheckIntervalMs?: number;
}

/** What one pass found of one model in one environment. */
export interface ModelPass {
  readonly model: string;
  readonly environment: string;
  readonly watermarkMs: number | null;
  /** End of the newest decided window. */
  readonly decidedThroughMs: number | null;
  readonly windowsDecided: number;
  readonly windowsRevised: number;
  readonly openFindings: number;
  readonly baselineId: string | null;
  readonly failure: LeewayError | null;
}

export interface PassReport {
  readonly models: readonly ModelPass[];
  readonly windowsDecided: number;
  readonly windowsRevised: number;
}

export interface Detector extends AsyncDisposable {
  /** Looks at all models every `pollIntervalMs` until disposed. */
  start(): void;
  /** One look at all models: closes and decides every window that is due. Passes never overlap. */
  pass(): Promise<PassReport>;
}

const defaultLateCheckIntervalMs = 60_000;
/** A baseline that could not be made is tried again after this long. */
const baselineRetryMs = 60_000;
/** A look costs the engine a query: no model is looked at more often, however many events it has. */
const shortestLookMs = 5_000;
/** Nor less often: a model may become busy at any time. */
const longestLookMs = 60_000;

/** What is known of one model in one environment between passes. */
interface Tracked {
  readonly environment: string;
  readonly name: string;
  /** JSON of what the model's specification says about decisions. */
  specification: string;
  baseline: LoadedBaseline | null;
  decider: WindowDecider | null;
  fast: FastCadence | null;
  /** Wall time before which another look at a model that is up to date would find nothing to judge. */
  fastLookAtMs: number;
  baselineRetryAtMs: number;
  baselineFailure: LeewayError | null;
  /** The newest decided window, the state after it, and the count of history's rewrites. */
  last: { readonly window: Window; readonly state: DecisionState | null; readonly revision: number } | null;
  loadedLast: boolean;
  lateCheckAtMs: number;
  openFindings: number;
  performance: PerformanceRecorder | null;
  /** Of a trailing baseline; null: not looked for yet. */
  earlier: EarlierRanges | null;
  /** What was last said of a trailing baseline that does not move. */
  standsBecause: string;
}

export function createDetector(options: DetectorOptions): Detector {
  const { facts, clock, log, metrics, serviceClock } = options;
  const lateCheckIntervalMs = options.lateCheckIntervalMs ?? defaultLateCheckIntervalMs;
  const book = createProgressBook(facts);
  const trackedModels = new Map<string, Tracked>();
  const stopping = new AbortController();
  let schemas: readonly FeatureSchema[] = [];
  let accepted: readonly AcceptedBaseline[] = [];
  let queue: Promise<unknown> = Promise.resolve();
  let loop: Promise<void> | null = null;

  /** What a model is held against in an environment; null: nothing, so it is not judged. */
  const baselineOf = (model: ModelSpec, environment: string): BaselineSpec | null => {
    if (model.origin !== "declared") return null;
    return baselineInForce(model.baseline, acceptedOf(model, environment) ?? null);
  };

  const acceptedOf = (model: ModelSpec, environment: string): AcceptedBaseline | undefined =>
    accepted.find((one) => one.environment === environment && one.model === model.name);

  const specificationOf = (model: ModelSpec, environment: string): string =>
    JSON.stringify([model, modelFeatures(model, schemas), baselineOf(model, environment)]);

  const trackedOf = (model: ModelSpec, environment: string): Tracked => {
    const key = JSON.stringify([model.name, environment]);
    let tracked = trackedModels.get(key);
    const specification = specificationOf(model, environment);
    if (tracked === undefined || tracked.specification !== specification) {
      // A changed specification starts from what is stored: the same baseline goes on, another one begins anew.
      tracked = {
        environment,
        name: model.name,
        specification,
        baseline: null,
        decider: null,
        fast: null,
        fastLookAtMs: 0,
        baselineRetryAtMs: 0,
        baselineFailure: null,
        last: null,
        loadedLast: false,
        lateCheckAtMs: 0,
        openFindings: 0,
        performance: null,
        earlier: null,
        standsBecause: "",
      };
      trackedModels.set(key, tracked);
    }
    return tracked;
  };

  /** Makes or loads the baseline once there is enough to make it of. */
  const prepareBaseline = async (tracked: Tracked, model: ModelSpec, spec: PinnedBaselineSpec): Promise<void> => {
    if (tracked.baseline !== null || clock.now() < tracked.baselineRetryAtMs) return;
    try {
      const features = modelFeatures(model, schemas);
      const request = {
        environment: tracked.environment,
        model,
        features,
        schemas: ofModel(schemas, model.name),
        spec,
      };
      tracked.baseline = await ensureBaseline(facts, request, { clock, log });
      tracked.baselineFailure = null;
      // A file's rows have a schema of their own.
      schemas = await readFeatureSchemas(facts);
      tracked.specification = specificationOf(model, tracked.environment);
      tracked.decider = createWindowDecider({
        facts,
        model,
        environment: tracked.environment,
        loaded: tracked.baseline,
        clock,
        metrics,
        tracing: options.tracing ?? noTracing,
        log,
        connectReader: options.connectReader,
      });
      const { baseline } = tracked.baseline;
      tracked.fast = createFastCadence({
        facts,
        model,
        environment: tracked.environment,
        loaded: tracked.baseline,
        decider: tracked.decider,
        windowOf: (timeMs) => windowContaining(timeMs, alignmentOf(baseline, model)),
        serviceClock,
        clock,
        tracing: options.tracing ?? noTracing,
      });
      tracked.loadedLast = false;
    } catch (error) {
      if (!(error instanceof LeewayError) || error.code !== "baseline_unreadable") throw error;
      tracked.baselineRetryAtMs = clock.now() + baselineRetryMs;
      tracked.baselineFailure = error;
      log.error({ model: model.name, environment: tracked.environment, code: error.code }, error.message);
    }
  };

  /** A trailing baseline goes on with the range that decided last, whichever process that was. */
  const takeUpTrailing = async (tracked: Tracked, model: ModelSpec, trailing: Trailing): Promise<void> => {
    if (tracked.baseline !== null) return;
    const key = { environment: tracked.environment, model: model.name };
    const newest = await readLatestState(facts, { ...key, baselineId: null, startBeforeMs: Date.UTC(2299, 0, 1) });
    if (newest === null || newest.baselineId === "") return;
    const stored = await readBaseline(facts, { ...key, baselineId: newest.baselineId });
    if (stored !== null && isRangeOf(stored.spec, trailing)) await prepareBaseline(tracked, model, stored.spec);
  };

  /** Before a window is decided: the range it is held against, which is a new one each week unless it has to stand still. */
  const moveTrailing = async (
    tracked: Tracked,
    model: ModelSpec,
    trailing: Trailing,
    window: Window,
    alignment: WindowAlignment,
  ): Promise<void> => {
    const { environment, baseline, decider, fast } = tracked;
    const spec = baseline?.baseline.spec;
    const present =
      baseline === null || spec?.kind !== "range"
        ? null
        : { ...baseline.baseline, range: spec, state: tracked.last?.state ?? null };
    const step = await trailingStep(facts, { environment, model: model.name, trailing }, window, alignment, present);
    if (step.kind === "moves") {
      Object.assign(tracked, { baseline: null, baselineRetryAtMs: 0, standsBecause: "" });
      await prepareBaseline(tracked, model, step.range);
      if (tracked.baseline === null) Object.assign(tracked, { baseline, decider, fast });
      else {
        tracked.performance = null;
        await loadLast(tracked, model, environment, tracked.baseline);
      }
      return;
    }
    const because = step.kind === "too_short" ? `too_short ${step.windows}` : step.reason;
    if (because === tracked.standsBecause || because === "same_week") return;
    tracked.standsBecause = because;
    const from = (ms: number) => new Date(ms).toISOString();
    const said =
      step.kind === "too_short"
        ? `no baseline yet: the trailing range ${from(step.range.startMs)} to ${from(step.range.endMs)} has ${step.windows} windows with rows, and ${step.needed} are needed; windows are not judged until then`
        : `the trailing baseline stands still: ${standsText[step.reason]}`;
    log.info({ model: model.name, environment, window: from(window.startMs) }, said);
  };

  const passModel = async (model: ModelSpec, environment: string): Promise<ModelPass> => {
    const tracked = trackedOf(model, environment);
    const events = book.events(environment, model.name);
    const spec = baselineOf(model, environment);
    const report = (pass: Partial<ModelPass>): ModelPass => ({
      model: model.name,
      environment,
      watermarkMs: null,
      decidedThroughMs: tracked.last?.window.endMs ?? null,
      windowsDecided: 0,
      windowsRevised: 0,
      openFindings: tracked.openFindings,
      baselineId: tracked.baseline?.baseline.baselineId ?? null,
      failure: tracked.baselineFailure,
      ...pass,
    });
    if (events.length === 0) return report({});

    const { allowedLatenessMs, idleAfterMs } = model.monitoring;
    const watermarkOf = (alignment: WindowAlignment) =>
      modelWatermark(events, {
        reports: book.reports,
        partitionEventTimeMs: book.partitionEventTimeMs,
        serviceClock,
        wallMs: clock.now(),
        allowedLatenessMs,
        idleAfterMs,
        windowEndMs: (timeMs) => windowContaining(timeMs, alignment).endMs,
      });
    const withoutBaseline = plainAlignment(model);
    if (spec?.kind === "trailing") await takeUpTrailing(tracked, model, spec);
    else if (spec !== null) {
      // A range is counted once it is complete.
      const complete = spec.kind === "file" || (watermarkOf(withoutBaseline) ?? 0) >= spec.toMs;
      if (complete) await prepareBaseline(tracked, model, spec);
      else return report({ watermarkMs: watermarkOf(withoutBaseline) });
    }
    const { baseline } = tracked;
    let alignment = baseline === null ? withoutBaseline : alignmentOf(baseline.baseline, model);
    const watermarkMs = watermarkOf(alignment);
    if (watermarkMs === null) return report({});
    metrics?.watermark(model.name, environment, watermarkMs);

    if (!tracked.loadedLast) await loadLast(tracked, model, environment, baseline);
    let window =
      tracked.last === null
        ? await firstWindow(facts, { environment, model: model.name, alignment, baseline: baseline?.baseline ?? null })
        : nextWindow(tracked.last.window, alignment);
    let windowsDecided = 0;
    let windowsRevised = 0;
    let recheck = false;
    const due = window !== null && window.endMs <= watermarkMs;
    if (tracked.last !== null && (due || clock.now() >= tracked.lateCheckAtMs)) {
      // Late rows come first: the windows after them are decided from a state that knows of them.
      recheck = !due;
      if (spec?.kind === "trailing") {
        windowsRevised += await reviseEarlierRanges(tracked, model, spec, watermarkMs, recheck);
      }
      windowsRevised += await reviseLateWindows(tracked, model, watermarkMs);
      tracked.lateCheckAtMs = clock.now() + lateCheckIntervalMs;
    }
    const newestMs = Math.max(...events.map((event) => event.maxEventTimeMs));
    while (window !== null && window.endMs <= watermarkMs && !stopping.signal.aborted) {
      if (spec?.kind === "trailing") {
        await moveTrailing(tracked, model, spec, window, alignment);
        if (baseline === null && tracked.baseline !== null) {
          // Its first range says how long windows are.
          alignment = alignmentOf(tracked.baseline.baseline, model);
          window = windowContaining(window.startMs, alignment);
        }
      }
      // What began within the window is known before the window is decided, so that it goes on with the same finding.
      await lookFast(tracked, model, { newestMs, watermarkMs, throughMs: window.endMs });
      await decideNext(tracked, model, window);
      windowsDecided += 1;
      await measurePerformance(tracked, model, Math.min(window.endMs, watermarkMs), alignment, false);
      window = nextWindow(window, alignment);
    }
    if (window !== null && clock.now() >= tracked.fastLookAtMs) {
      await lookFast(tracked, model, { newestMs, watermarkMs, throughMs: Math.max(newestMs + 1, watermarkMs) });
    }
    await measurePerformance(tracked, model, watermarkMs, alignment, recheck);
    return report({
      watermarkMs,
      windowsDecided,
      windowsRevised,
      decidedThroughMs: tracked.last?.window.endMs ?? null,
      openFindings: tracked.openFindings,
    });
  };

  const lookFast = async (
    tracked: Tracked,
    model: ModelSpec,
    times: Pick<FastNow, "newestMs" | "watermarkMs" | "throughMs">,
  ): Promise<void> => {
    if (tracked.fast === null) return;
    const seen = { ...times, last: tracked.last, schemas: ofModel(schemas, model.name) };
    const { quietMs } = await tracked.fast.look(seen);
    tracked.fastLookAtMs = clock.now() + Math.min(longestLookMs, Math.max(shortestLookMs, quietMs));
  };

  const loadLast = async (
    tracked: Tracked,
    model: ModelSpec,
    environment: string,
    baseline: LoadedBaseline | null,
  ): Promise<void> => {
    const key = { environment, model: model.name, startBeforeMs: Date.UTC(2299, 0, 1) };
    const baselineId = baseline?.baseline.baselineId ?? "";
    const own = await readLatestState(facts, { ...key, baselineId });
    const newest = await readLatestState(facts, { ...key, baselineId: null });
    // Another baseline decided before, or since: its windows stay decided, ours begin after them, and anew.
    const goesOn = own !== null && own.window.startMs >= (newest?.window.startMs ?? 0);
    const last = goesOn ? own : newest;
    tracked.last =
      last === null
        ? null
        : {
            window: last.window,
            state: goesOn && last.state !== "" ? (JSON.parse(last.state) as DecisionState) : null,
            revision: last.revision,
          };
    if (last !== null) await closeReplaced(model, environment, baselineId, last);
    if (tracked.last !== null && tracked.last.state !== null) {
      const { window, state } = tracked.last;
      tracked.openFindings = state.findings.filter((finding) => finding.closedIndex === null).length;
      const recorded = await readLatestFindings(facts, {
        environment,
        model: model.name,
        endAfterMs: window.startMs - model.monitoring.lateHorizonMs,
      });
      const nowMs = clock.now();
      const own = recorded.filter((finding) => finding.baselineId === baselineId && finding.signal !== "performance");
      await insertFindings(facts, restatedFindings(own, { ...tracked.last, state }, null, nowMs), nowMs);
    }
    tracked.earlier = null;
    tracked.loadedLast = true;
  };

  /** What is still open against a baseline that a person replaced ends with the last window that was decided. */
  const closeReplaced = async (
    model: ModelSpec,
    environment: string,
    baselineId: string,
    last: Pick<StoredDecisionState, "window" | "revision">,
  ): Promise<void> => {
    const replaced = acceptedOf(model, environment)?.replaced.filter((id) => id !== baselineId) ?? [];
    const windowEndMs = last.window.endMs;
    const asOfNow = { windowEndMs, closedWindowEndMs: windowEndMs, revision: last.revision };
    await closeOf(model, environment, replaced, last, () => asOfNow);
  };

  /** What is still open against baselines that decide nothing any more is recorded as closed. */
  const closeOf = async (
    model: ModelSpec,
    environment: string,
    baselineIds: readonly string[],
    last: Pick<StoredDecisionState, "window">,
    asOf: (finding: Finding) => Pick<Finding, "windowEndMs" | "closedWindowEndMs" | "revision">,
  ): Promise<void> => {
    if (baselineIds.length === 0) return;
    // Findings of performance speak of windows as old as labels are late.
    const labelDelayMs = model.task.kind === "unknown" ? 0 : model.task.labelDelayMs;
    const recheckedMs = recheckedWindows * (last.window.endMs - last.window.startMs);
    const endAfterMs = last.window.startMs - Math.max(model.monitoring.lateHorizonMs, recheckedMs) - labelDelayMs;
    const recorded = await readLatestFindings(facts, { environment, model: model.name, endAfterMs });
    const nowMs = clock.now();
    const closed = recorded
      .filter((finding) => finding.state === "open" && baselineIds.includes(finding.baselineId))
      .map((finding): Finding => ({ ...finding, state: "closed", ...asOf(finding), evaluatedAtMs: nowMs }));
    await insertFindings(facts, closed, nowMs);
  };

  const decideNext = async (tracked: Tracked, model: ModelSpec, window: Window): Promise<void> => {
    const { environment, decider } = tracked;
    const revision = tracked.last?.revision ?? 0;
    if (decider === null) {
      await recordWithoutBaseline(model, environment, window, revision);
      tracked.last = { window, state: null, revision };
      return;
    }
    const before = tracked.last?.state ?? decider.initialState();
    const decided = await decider.decide(before, window, {
      revision,
      recount: true,
      schemas: ofModel(schemas, model.name),
    });
    tracked.last = { window, state: decided.state, revision };
    tracked.openFindings = decided.findings.filter((finding) => finding.state === "open").length;
  };

  const recordWithoutBaseline = async (
    model: ModelSpec,
    environment: string,
    window: Window,
    revision: number,
  ): Promise<void> => {
    const nowMs = clock.now();
    const [rows = 0] = await countRows(facts, { environment, model: model.name }, [window]);
    await insertEvaluations(
      facts,
      { environment, model: model.name, baselineId: "", window, revision },
      [
        {
          ...notMeasured(
            { role: "feature", feature: "", version: "", slice: "" },
            "distribution",
            "no_baseline",
            rows,
            0,
          ),
          methods: {},
        },
      ],
      nowMs,
    );
    await insertDecisionState(
      facts,
      { environment, model: model.name },
      { baselineId: "", window, revision, rows, state: "", evaluatedAtMs: nowMs },
    );
    metrics?.windowDecided({
      model: model.name,
      environment,
      rows,
      level: 0,
      openFindings: 0,
      states: { no_baseline: 1 },
      features: [],
      evaluatedAtMs: nowMs,
      windowEndMs: window.endMs,
    });
  };

  /**
   * Decides again from the first closed window that has more rows than when it was decided, through the newest. Windows that
   * ended more than `lateHorizonMs` before the watermark stay as they are.
   */
  const reviseLateWindows = async (tracked: Tracked, model: ModelSpec, watermarkMs: number): Promise<number> => {
    const { environment, decider, baseline, last } = tracked;
    if (decider === null || baseline === null || last === null || last.state === null) return 0;
    const key = { environment, model: model.name, baselineId: baseline.baseline.baselineId };
    const late = await findLateWindows(facts, key, watermarkMs - model.monitoring.lateHorizonMs);
    if (late === null) return 0;
    const revision = Math.max(last.revision, late.revision) + 1;
    const { withdrawn } = await decideLateWindows(facts, key, late, {
      decider,
      revision,
      schemas: ofModel(schemas, model.name),
      asOf: last.window,
      now: () => clock.now(),
      decided: (window, state, findings) => {
        tracked.last = { window, state, revision };
        tracked.openFindings = findings.filter((finding) => finding.state === "open").length;
      },
    });
    const windows = late.windows.length;
    log.info({ model: model.name, environment, windows, revision, withdrawn }, "late rows: windows were decided again");
    return windows;
  };

  /**
   * Late rows, and on a recheck late labels, of windows that were held against ranges which a trailing baseline has left. What
   * is open after the last window of such a range ends with it: if it lasts, the present range finds it as well.
   */
  const reviseEarlierRanges = async (
    tracked: Tracked,
    model: ModelSpec,
    trailing: Trailing,
    watermarkMs: number,
    recheck: boolean,
  ): Promise<number> => {
    const { environment, baseline: present, last } = tracked;
    if (present === null || last === null) return 0;
    const of = { facts, model, environment, trailing, present, newestMs: last.window.startMs, clock };
    const { tracing, connectReader } = options;
    const replaced = acceptedOf(model, environment)?.replaced ?? [];
    const known = tracked.earlier;
    const earlier = known ?? (await findEarlierRanges({ ...of, replaced, tracing, connectReader }));
    tracked.earlier = earlier;
    const own = ofModel(schemas, model.name);
    const endAfterMs = watermarkMs - model.monitoring.lateHorizonMs;
    const windows = await earlier.reviseLateWindows({ endAfterMs, newest: last.window, schemas: own });
    const measured = recheck ? await earlier.recheckPerformance(own, cohortsOf(model)) : 0;
    // Also at a start: who was here before may have been cut off.
    if (known === null || windows + measured > 0) {
      // As of the range's last window: what still more late rows or labels make of it is later than that.
      await closeOf(model, environment, earlier.baselineIds, last, ({ windowEndMs, revision }) => ({
        windowEndMs,
        closedWindowEndMs: windowEndMs,
        revision: revision + 1,
      }));
    }
    if (windows + measured === 0) return 0;
    log.info(
      { model: model.name, environment, windows, measured },
      "late rows or labels: windows of an earlier range were decided again",
    );
    return windows;
  };

  const measurePerformance = async (
    tracked: Tracked,
    model: ModelSpec,
    watermarkMs: number,
    alignment: WindowAlignment,
    recheck: boolean,
  ): Promise<void> => {
    const { task } = model;
    if (task.kind === "unknown" || tracked.last === null) return;
    tracked.performance ??= createPerformanceRecorder({
      facts,
      environment: tracked.environment,
      model,
      task,
      alignment,
      loaded: tracked.baseline,
      clock,
      metrics,
    });
    await tracked.performance.record({
      closedThroughMs: tracked.last.window.endMs,
      dueThroughMs: Math.min(tracked.last.window.endMs, watermarkMs - task.labelDelayMs),
      recheck,
      cohorts: cohortsOf(model),
    });
  };

  const cohortsOf = (model: ModelSpec): CohortExpression[] => {
    const own = ofModel(schemas, model.name);
    return cohortExpressions(model.cohorts, modelFeatures(model, own), own, model.monitoring.zone);
  };

  const pass = async (): Promise<PassReport> => {
    const { shard } = options;
    const models = options.models().filter((model) => shard === undefined || ownsModel(shard, model.name));
    const keys = models.flatMap((model) =>
      model.monitoring.environments.map((environment) => ({ model, environment })),
    );
    schemas = await readFeatureSchemas(facts);
    accepted = await readAcceptedBaselines(facts);
    const wanted = new Set(keys.map(({ model, environment }) => JSON.stringify([model.name, environment])));
    for (const [key, tracked] of trackedModels) {
      if (wanted.has(key)) continue;
      trackedModels.delete(key);
      metrics?.modelRemoved(tracked.name, tracked.environment);
    }
    await book.refresh(
      keys.map(({ model, environment }) => ({
        environment,
        model: model.name,
        floorMs: trackedOf(model, environment).last?.window.startMs ?? null,
      })),
    );
    const passes: ModelPass[] = [];
    for (const { model, environment } of keys) {
      if (stopping.signal.aborted) break;
      try {
        passes.push(await passModel(model, environment));
      } catch (error) {
        const tracked = trackedOf(model, environment);
        // Whatever was half done is read again from the store: what is stored there is whole.
        tracked.loadedLast = false;
        tracked.last = null;
        tracked.performance = null;
        const failure =
          error instanceof LeewayError
            ? error
            : new LeewayError("store_rejected", `deciding model ${model.name} failed: ${String(error)}`, {
                cause: error,
              });
        metrics?.evaluationFailed(model.name, environment);
        log.error({ err: error, model: model.name, environment, code: failure.code }, failure.message);
        passes.push({
          model: model.name,
          environment,
          watermarkMs: null,
          decidedThroughMs: null,
          windowsDecided: 0,
          windowsRevised: 0,
          openFindings: tracked.openFindings,
          baselineId: tracked.baseline?.baseline.baselineId ?? null,
          failure,
        });
      }
    }
    return {
      models: passes,
      windowsDecided: passes.reduce((sum, one) => sum + one.windowsDecided, 0),
      windowsRevised: passes.reduce((sum, one) => sum + one.windowsRevised, 0),
    };
  };

  const exclusivePass = (): Promise<PassReport> => {
    const result = queue.then(pass);
    queue = result.catch(() => {});
    return result;
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await exclusivePass();
      } catch (error) {
        log.error({ err: error }, "a pass over the models failed; it is repeated");
      }
      await sleep(options.pollIntervalMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };

  return {
    start: () => {
      loop ??= run();
    },
    pass: exclusivePass,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await loop;
      await queue;
    },
  };
}

const standsText: Readonly<Record<Extract<TrailingStep, { kind: "stands" }>["reason"], string>> = {
  same_week: "it moves on with the week",
  finding_open: "a finding is open, or could still reopen",
  mostly_changed: "findings were open in more than a quarter of where it would go",
  too_few_windows: "too few windows have rows where it would go",
};

/** How windows lie as long as no baseline fixes their length. */
function plainAlignment(model: ModelSpec): WindowAlignment {
  const { windowMs, zone } = model.monitoring;
  return { lengthMs: windowMs === "auto" ? dayMs : windowMs, zone };
}

function ofModel(schemas: readonly FeatureSchema[], model: string): FeatureSchema[] {
  return schemas.filter((schema) => schema.model === model);
}
