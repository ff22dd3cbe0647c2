import type { Clock } from "../core/clock.ts";
import type { Task } from "../core/model.ts";
import { nextWindow, windowContaining, windowsBetween } from "../core/window.ts";
import type { Window, WindowAlignment } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { insertEvaluations } from "../store/facts/evaluations.ts";
import { lastPerformanceWindow, measurePerformance } from "../store/facts/performance.ts";
import type { VersionPerformance } from "../store/facts/performance.ts";
import { firstEventMs } from "../store/facts/windows.ts";
import type { DetectorMetrics } from "./metrics.ts";

/** Measured windows that are looked at again for labels that came still later. */
const recheckedWindows = 14;
/** Below this many labelled events a performance is stored, but as insufficient. */
const fewestLabelled = 30;

/** Stores how well a model did in each window once its labels are due. */
export interface PerformanceRecorder {
  /** Measures every window that ends at or before `throughMs` and was not yet; `recheck` looks at the last ones again. */
  record(options: { readonly throughMs: number; readonly recheck: boolean }): Promise<number>;
}

export function createPerformanceRecorder(options: {
  readonly facts: Facts;
  readonly environment: string;
  readonly model: string;
  readonly task: Exclude<Task, { readonly kind: "unknown" }>;
  readonly alignment: WindowAlignment;
  readonly baselineId: string;
  readonly clock: Clock;
  readonly metrics: DetectorMetrics | null;
}): PerformanceRecorder {
  const { facts, environment, model, task, alignment, clock } = options;
  /** The newest windows: how many labels each had, and how often it was measured. */
  const recent: { readonly window: Window; labelled: number; revision: number }[] = [];
  let nextMs: number | null = null;

  const startMs = async (): Promise<number | null> => {
    const last = await lastPerformanceWindow(facts, { environment, model });
    if (last !== null) return nextWindow(windowContaining(last, alignment), alignment).startMs;
    const first = await firstEventMs(facts, { environment, model, fromMs: 0 });
    return first === null ? null : windowContaining(first, alignment).startMs;
  };

  const measure = async (window: Window, revision: number): Promise<number> => {
    const versions = await measurePerformance(
      facts,
      { environment, model, fromMs: window.startMs, toMs: window.endMs },
      task,
    );
    const labelled = versions.reduce((sum, version) => sum + version.labelled, 0);
    const known = recent.find((one) => one.window.startMs === window.startMs);
    if (known !== undefined && known.labelled === labelled) return labelled;
    await insertEvaluations(
      facts,
      { environment, model, baselineId: options.baselineId, window, revision },
      versions.map((version) => performanceRow(task, version)),
      clock.now(),
    );
    if (window.startMs >= (recent.at(-1)?.window.startMs ?? 0)) {
      options.metrics?.performanceMeasured({
        model,
        environment,
        measures: versions.map(({ version, measures }) => ({ version, values: measures })),
      });
    }
    return labelled;
  };

  return {
    record: async ({ throughMs, recheck }) => {
      nextMs ??= await startMs();
      if (nextMs === null) return 0;
      let measured = 0;
      const due = [...windowsBetween(nextMs, throughMs, alignment)];
      if (recheck) {
        for (const one of recent) {
          const labelled = await measure(one.window, one.revision + 1);
          if (labelled === one.labelled) continue;
          one.labelled = labelled;
          one.revision += 1;
          measured += 1;
        }
      }
      for (const window of due) {
        const labelled = await measure(window, 0);
        recent.push({ window, labelled, revision: 0 });
        if (recent.length > recheckedWindows) recent.shift();
        nextMs = window.endMs;
        measured += 1;
      }
      return measured;
    },
  };
}

function performanceRow(task: Task, { version, rows, labelled, measures }: VersionPerformance) {
  const result = task.kind === "regression" ? ("score" as const) : ("class" as const);
  return {
    series: { role: result, feature: result, version, slice: "" },
    signal: "performance" as const,
    state: labelled >= fewestLabelled ? ("reported" as const) : ("insufficient_data" as const),
    rows,
    referenceRows: 0,
    contrast: "",
    effect: null,
    effectLow: null,
    pValue: null,
    threshold: null,
    methods: { ...measures, labelled_rows: labelled },
  };
}
