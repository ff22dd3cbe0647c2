import type { Clock } from "../core/clock.ts";
import type { Task } from "../core/model.ts";
import { formatSlice } from "../core/slice.ts";
import { nextWindow, windowContaining, windowsBetween } from "../core/window.ts";
import type { Window, WindowAlignment } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import type { CohortExpression } from "../store/facts/cohort-expressions.ts";
import { insertEvaluations } from "../store/facts/evaluations.ts";
import type { Evaluation } from "../store/facts/evaluations.ts";
import { countPerformance, countSelections, labelsDue, lastPerformanceWindows } from "../store/facts/performance.ts";
import type { PerformanceCounts } from "../store/facts/performance.ts";
import { firstEventMs } from "../store/facts/windows.ts";
import type { DetectorMetrics } from "./metrics.ts";
import { attributeFairness } from "./performance/fairness.ts";
import type { AttributeFairness } from "./performance/fairness.ts";
import type { IsotonicCurve } from "./performance/isotonic.ts";
import { createReferenceCalibration } from "./performance/reference-calibration.ts";
import type { ReferenceRows } from "./performance/reference-calibration.ts";
import { estimatedMetrics, windowMetrics } from "./performance/window-metrics.ts";
import type { Metrics } from "./performance/window-metrics.ts";

/** Measured windows that are looked at again for labels that came still later. */
const recheckedWindows = 14;
/** Below this many labelled events a performance is stored, but as insufficient. */
const fewestLabelled = 30;
const estimatePrefix = "estimated_";

/**
 * Stores how well a model did in each window: as soon as the window is decided, as far as labels have come; again once its
 * labels are due; and again when still more came.
 */
export interface PerformanceRecorder {
  /**
   * @param closedThroughMs Windows that end at or before are closed.
   * @param dueThroughMs Those that end at or before have had the time that labels take.
   * @param recheck Look at the last due windows again.
   * @param cohorts Where the present rows hold the model's cohort attributes.
   * @returns How many measurements were stored.
   */
  record(options: {
    readonly closedThroughMs: number;
    readonly dueThroughMs: number;
    readonly recheck: boolean;
    readonly cohorts: readonly CohortExpression[];
  }): Promise<number>;
}

interface Measurement {
  readonly window: Window;
  readonly revision: number;
  readonly due: boolean;
  readonly cohorts: readonly CohortExpression[];
}

export function createPerformanceRecorder(options: {
  readonly facts: Facts;
  readonly environment: string;
  readonly model: string;
  readonly task: Exclude<Task, { readonly kind: "unknown" }>;
  readonly alignment: WindowAlignment;
  readonly baselineId: string;
  /** Watched attributes with the values that are measured on their own. */
  readonly slices: readonly { readonly attribute: string; readonly values: readonly string[] }[];
  /** Slices with fewer rows are not measured. */
  readonly minSliceRows: number;
  /** What scores are calibrated on, so that performance is estimated before labels come; null: it is not. */
  readonly reference: ReferenceRows | null;
  readonly clock: Clock;
  readonly metrics: DetectorMetrics | null;
}): PerformanceRecorder {
  const { facts, environment, model, task, alignment, clock, minSliceRows } = options;
  /** The newest due windows: how many labels each had, and how often it was measured. */
  const recent: { readonly window: Window; labelled: number; revision: number }[] = [];
  const calibration = createReferenceCalibration(facts, task, options.reference);
  /** Starts of the next windows to measure when they close, and when their labels are due. */
  let next: { closedMs: number; dueMs: number } | null = null;

  const start = async (): Promise<typeof next> => {
    const last = await lastPerformanceWindows(facts, { environment, model });
    const after = (startMs: number) => nextWindow(windowContaining(startMs, alignment), alignment).startMs;
    const first =
      last.closedMs !== null && last.dueMs !== null
        ? null
        : await firstEventMs(facts, { environment, model, fromMs: 0 });
    const firstMs = first === null ? null : windowContaining(first, alignment).startMs;
    const closedMs = last.closedMs === null ? firstMs : after(last.closedMs);
    const dueMs = last.dueMs === null ? firstMs : after(last.dueMs);
    return closedMs === null || dueMs === null ? null : { closedMs, dueMs };
  };

  /** Estimates are those of the newest window, all else of the newest whose labels are due. */
  const shown = { estimated: { atMs: 0, rows: [] as Evaluation[] }, due: { atMs: 0, rows: [] as Evaluation[] } };
  const showGauges = (window: Window, due: boolean, evaluations: readonly Evaluation[]): void => {
    const rows = evaluations.filter(({ series }) => series.slice === "").toSorted((a, b) => b.rows - a.rows);
    if (window.startMs >= shown.estimated.atMs) shown.estimated = { atMs: window.startMs, rows };
    if (due && window.startMs >= shown.due.atMs) shown.due = { atMs: window.startMs, rows };
    const values = new Map<string, Record<string, number>>();
    for (const [of, estimates] of [
      [shown.estimated, true],
      [shown.due, false],
    ] as const) {
      for (const { series, methods } of of.rows) {
        const own = Object.entries(methods).filter(
          ([name]) => name !== labelsDue && name.startsWith(estimatePrefix) === estimates,
        );
        values.set(series.version, { ...values.get(series.version), ...Object.fromEntries(own) });
      }
    }
    const measures = [...values].map(([version, measured]) => ({ version, values: measured }));
    options.metrics?.performanceMeasured({ model, environment, measures });
  };

  const measure = async ({ window, revision, due, cohorts }: Measurement): Promise<number> => {
    const attributes = options.slices.flatMap(({ attribute, values }) => {
      const cohort = cohorts.find((one) => one.attribute === attribute);
      return cohort === undefined ? [] : [{ ...cohort, values }];
    });
    const scope = { environment, model, fromMs: window.startMs, toMs: window.endMs };
    const parts = await countPerformance(facts, scope, task, attributes);
    const labelled = parts.reduce((sum, part) => sum + (part.slice === "" ? part.labelled : 0), 0);
    const known = recent.find((one) => one.window.startMs === window.startMs);
    if (known !== undefined && known.labelled === labelled) return labelled;
    const curve = await calibration();
    const selections =
      task.kind === "binary" ? await countSelections(facts, scope, task, { cohorts, minRows: minSliceRows }) : [];
    const fairness = attributeFairness(selections, { minRows: minSliceRows });
    const rows = withFairness(
      parts
        .filter((part) => part.slice === "" || part.rows >= minSliceRows)
        .map((part) => performanceRow(task, part, { due, minSliceRows, curve })),
      fairness,
    );
    await insertEvaluations(
      facts,
      { environment, model, baselineId: options.baselineId, window, revision },
      rows,
      clock.now(),
    );
    showGauges(window, due, rows);
    return labelled;
  };

  return {
    record: async ({ closedThroughMs, dueThroughMs, recheck, cohorts }) => {
      next ??= await start();
      if (next === null) return 0;
      let measured = 0;
      if (recheck) {
        for (const one of recent) {
          const labelled = await measure({ window: one.window, revision: one.revision + 1, due: true, cohorts });
          if (labelled === one.labelled) continue;
          one.labelled = labelled;
          one.revision += 1;
          measured += 1;
        }
      }
      for (const window of [...windowsBetween(next.dueMs, dueThroughMs, alignment)]) {
        // Revision 0 was measured when the window closed.
        const revision = window.startMs < next.closedMs ? 1 : 0;
        const labelled = await measure({ window, revision, due: true, cohorts });
        recent.push({ window, labelled, revision });
        if (recent.length > recheckedWindows) recent.shift();
        next.dueMs = window.endMs;
        next.closedMs = Math.max(next.closedMs, window.endMs);
        measured += 1;
      }
      for (const window of [...windowsBetween(next.closedMs, closedThroughMs, alignment)]) {
        await measure({ window, revision: 0, due: false, cohorts });
        next.closedMs = window.endMs;
        measured += 1;
      }
      return measured;
    },
  };
}

function performanceRow(
  task: Task,
  part: PerformanceCounts,
  {
    due,
    minSliceRows,
    curve,
  }: { readonly due: boolean; readonly minSliceRows: number; readonly curve: IsotonicCurve | null },
): Evaluation {
  const { version, slice, rows, labelled } = part;
  const result = task.kind === "regression" ? ("score" as const) : ("class" as const);
  const fewest = slice === "" ? fewestLabelled : Math.max(fewestLabelled, minSliceRows);
  const known = labelled > 0 && (slice === "" || labelled >= fewest);
  return {
    series: { role: result, feature: result, version, slice },
    signal: "performance" as const,
    state: labelled >= fewest ? ("reported" as const) : ("insufficient_data" as const),
    rows,
    referenceRows: 0,
    contrast: "",
    effect: null,
    effectLow: null,
    pValue: null,
    threshold: null,
    methods: {
      ...(known ? flattened(windowMetrics(part)) : {}),
      ...flattened(estimatedMetrics(part, curve), estimatePrefix),
      label_coverage: rows === 0 ? 0 : labelled / rows,
      labelled_rows: labelled,
      ...(due && { [labelsDue]: 1 }),
    },
  };
}

/**
 * Adds what was measured of the groups of cohort attributes: their rates to the row of their slice, which they have if it is
 * not watched too; the ratio of an attribute's rates to the row of the version, as `selection_rate_ratio:ATTRIBUTE`.
 */
function withFairness(rows: readonly Evaluation[], fairness: readonly AttributeFairness[]): Evaluation[] {
  const found = new Map(rows.map((row) => [JSON.stringify([row.series.version, row.series.slice]), row]));
  const add = (version: string, slice: string, known: Pick<Evaluation, "rows">, methods: Evaluation["methods"]) => {
    const key = JSON.stringify([version, slice]);
    const row = found.get(key) ?? {
      series: { role: "class" as const, feature: "class", version, slice },
      signal: "performance" as const,
      state: "reported" as const,
      referenceRows: 0,
      contrast: "",
      effect: null,
      effectLow: null,
      pValue: null,
      threshold: null,
      methods: {},
      ...known,
    };
    found.set(key, { ...row, methods: { ...methods, ...row.methods } });
  };
  for (const { version, attribute, groups, ...ratios } of fairness) {
    for (const { value, rows: groupRows, labelled, ...rates } of groups) {
      add(
        version,
        formatSlice({ [attribute]: value }),
        { rows: groupRows },
        {
          ...flattened(rates),
          label_coverage: labelled / groupRows,
          labelled_rows: labelled,
        },
      );
    }
    const named = Object.entries(flattened(ratios)).map(([name, value]) => [`${name}:${attribute}`, value]);
    add(version, "", { rows: 0 }, Object.fromEntries(named));
  }
  return [...found.values()];
}

/** `accuracy`, `accuracy_low`, `accuracy_high`: a number with its 95 % interval; what was not measured is left out. */
function flattened(metrics: Metrics, prefix = ""): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, measured]) =>
      measured === null
        ? []
        : [
            [`${prefix}${name}`, measured.value],
            [`${prefix}${name}_low`, measured.low],
            [`${prefix}${name}_high`, measured.high],
          ],
    ),
  );
}
