import type { Trailing } from "../core/baseline.ts";
import type { Clock } from "../core/clock.ts";
import type { FeatureSchema } from "../core/feature-schema.ts";
import type { ModelSpec } from "../core/model.ts";
import { noTracing } from "../core/tracing.ts";
import type { Tracing } from "../core/tracing.ts";
import type { Window } from "../core/window.ts";
import { readBaseline } from "../store/facts/baselines.ts";
import type { Facts } from "../store/facts/client.ts";
import type { CohortExpression } from "../store/facts/cohort-expressions.ts";
import { readDecidingBaselines } from "../store/facts/decision-states.ts";
import { readPerformanceState } from "../store/facts/performance-states.ts";
import { alignmentOf, loadStoredBaseline } from "./baselines/baseline.ts";
import type { LoadedBaseline } from "./baselines/baseline.ts";
import { modelFeatures } from "./baselines/model-features.ts";
import { isRangeOf } from "./baselines/trailing.ts";
import { decideLateWindows, findLateWindows } from "./late-windows.ts";
import type { ReaderConnection } from "./monitors/monitor-observations.ts";
import { createPerformanceRecorder, recheckedWindows } from "./performance-recorder.ts";
import type { PerformanceRecorder } from "./performance-recorder.ts";
import { createWindowDecider } from "./window-decision.ts";

/**
 * Ranges that a trailing baseline has left: what comes late for their windows decides those again, against the range that
 * they were held against. The present range, and its windows, stay as they are.
 */
export interface EarlierRanges {
  /** Their ids. */
  readonly baselineIds: readonly string[];
  /**
   * Decides windows with late rows again.
   * @param how.endAfterMs Windows that ended before stay as they are.
   * @param how.newest The model's newest decided window: what changed is recorded as of it.
   * @returns How many were.
   */
  reviseLateWindows(how: {
    readonly endAfterMs: number;
    readonly newest: Window;
    readonly schemas: readonly FeatureSchema[];
  }): Promise<number>;
  /** Measures windows again whose labels changed. @returns How many were. */
  recheckPerformance(schemas: readonly FeatureSchema[], cohorts: readonly CohortExpression[]): Promise<number>;
}

export async function findEarlierRanges(options: {
  readonly facts: Facts;
  readonly model: ModelSpec;
  readonly environment: string;
  readonly trailing: Trailing;
  /** The range that is in force. */
  readonly present: LoadedBaseline;
  /** Start of the newest decided window. */
  readonly newestMs: number;
  /** Baselines that a person replaced: their windows stay as they are. */
  readonly replaced: readonly string[];
  readonly clock: Clock;
  readonly tracing?: Tracing | undefined;
  readonly connectReader?: ReaderConnection | undefined;
}): Promise<EarlierRanges> {
  const { facts, model, environment, trailing, present, newestMs, clock } = options;
  const { task, monitoring } = model;
  const key = { environment, model: model.name };
  const recheckedMs = task.kind === "unknown" ? 0 : recheckedWindows * present.baseline.windowMs;
  const found = await readDecidingBaselines(facts, {
    ...key,
    endAfterMs: newestMs - Math.max(monitoring.lateHorizonMs, recheckedMs),
  });
  const ranges: { readonly baselineId: string; readonly decidedThroughMs: number }[] = [];
  for (const { baselineId, decidedThroughMs } of found) {
    if (baselineId === present.baseline.baselineId || options.replaced.includes(baselineId)) continue;
    const stored = await readBaseline(facts, { ...key, baselineId });
    if (stored !== null && isRangeOf(stored.spec, trailing)) ranges.push({ baselineId, decidedThroughMs });
  }
  const loaded = new Map<string, Promise<LoadedBaseline | null>>();
  const load = (baselineId: string, schemas: readonly FeatureSchema[]): Promise<LoadedBaseline | null> => {
    const known = loaded.get(baselineId);
    if (known !== undefined) return known;
    const features = modelFeatures(model, schemas);
    const loading = loadStoredBaseline(facts, { environment, model, features, schemas }, baselineId);
    loaded.set(baselineId, loading);
    return loading;
  };
  const recorders = new Map<string, PerformanceRecorder | null>();
  const recorderOf = async (baselineId: string, schemas: readonly FeatureSchema[]) => {
    const known = recorders.get(baselineId);
    if (known !== undefined || task.kind === "unknown") return known ?? null;
    const kept = await readPerformanceState(facts, { ...key, baselineId });
    const range = kept === null ? null : await load(baselineId, schemas);
    const recorder =
      range === null
        ? null
        : createPerformanceRecorder({
            facts,
            environment,
            model,
            task,
            alignment: alignmentOf(range.baseline, model),
            loaded: range,
            isOver: true,
            clock,
            // Gauges speak of the newest windows.
            metrics: null,
          });
    recorders.set(baselineId, recorder);
    return recorder;
  };

  return {
    baselineIds: ranges.map(({ baselineId }) => baselineId),
    reviseLateWindows: async ({ endAfterMs, newest, schemas }) => {
      let revised = 0;
      for (const { baselineId, decidedThroughMs } of ranges) {
        if (decidedThroughMs <= endAfterMs) continue;
        const late = await findLateWindows(facts, { ...key, baselineId }, endAfterMs);
        const range = late === null ? null : await load(baselineId, schemas);
        if (late === null || range === null) continue;
        const decider = createWindowDecider({
          facts,
          model,
          environment,
          loaded: range,
          clock,
          metrics: null,
          tracing: options.tracing ?? noTracing,
          connectReader: options.connectReader,
        });
        await decideLateWindows(facts, { ...key, baselineId }, late, {
          decider,
          revision: late.revision + 1,
          schemas,
          asOf: newest,
          now: () => clock.now(),
        });
        revised += late.windows.length;
      }
      return revised;
    },
    recheckPerformance: async (schemas, cohorts) => {
      let measured = 0;
      for (const { baselineId } of ranges) {
        const recorder = await recorderOf(baselineId, schemas);
        // Nothing becomes due against them any more.
        const nothingNew = { closedThroughMs: 0, dueThroughMs: 0 };
        measured += (await recorder?.record({ ...nothingNew, recheck: true, cohorts })) ?? 0;
      }
      return measured;
    },
  };
}
