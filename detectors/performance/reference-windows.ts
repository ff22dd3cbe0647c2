import type { JudgedMetric, PerformanceSpec, Task } from "../../core/model.ts";
import { windowsBetween } from "../../core/window.ts";
import type { Window, WindowAlignment } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { countPerformanceByWindow } from "../../store/facts/performance.ts";
import type { LoadedBaseline } from "../baselines/baseline.ts";
import { metricSample } from "./judged-metrics.ts";
import { metricReference, type MetricReference } from "./metric-evidence.ts";
import type { PerformanceReference } from "./performance-decider.ts";

type KnownTask = Exclude<Task, { readonly kind: "unknown" }>;

/** A window at an end of the reference counts as whole if no more than this share of it lies outside. */
const partialShare = 0.05;
/** Rows of the baseline that one statement joins with their labels. */
const rowsPerStatement = 1_000_000;

/** Whether performance may be judged at all: what the budget sets a part aside for. */
export function isPerformanceJudged(task: Task, { baseline }: Pick<LoadedBaseline, "baseline">): boolean {
  const { spec } = baseline;
  return task.kind !== "unknown" && (spec.kind === "range" || (spec.time !== null && spec.label !== null));
}

/**
 * What the baseline's whole windows before `beforeMs` say, by the labels of all versions in it that came so far. A
 * baseline without times has no windows, and says nothing.
 *
 * @returns null if fewer than five of them have labels.
 */
export async function performanceReference(
  facts: Facts,
  { baseline, rowScope }: Pick<LoadedBaseline, "baseline" | "rowScope">,
  task: KnownTask,
  performance: PerformanceSpec,
  { alignment, beforeMs }: { readonly alignment: WindowAlignment; readonly beforeMs: number },
): Promise<PerformanceReference | null> {
  if (!isPerformanceJudged(task, { baseline })) return null;
  const { fromMs, toMs, windowMs, spec } = baseline;
  const slackMs = windowMs * partialShare;
  // Of a range that moves along, the newest windows may come after the window at hand.
  const endMs = spec.kind === "range" ? Math.min(toMs + slackMs, beforeMs) : toMs + slackMs;
  const windows: Window[] = [...windowsBetween(fromMs - slackMs, endMs, alignment)];
  const perStatement = Math.max(1, Math.floor((windows.length * rowsPerStatement) / Math.max(1, baseline.rows)));
  const counted = [];
  for (let start = 0; start < windows.length; start += perStatement) {
    const chunk = windows.slice(start, start + perStatement);
    counted.push(...(await countPerformanceByWindow(facts, rowScope, task, chunk)));
  }
  const labelled = counted.filter((one) => one.labelled > 0);
  const rows = labelled.reduce((sum, one) => sum + one.rows, 0);
  const labels = labelled.reduce((sum, one) => sum + one.labelled, 0);
  const metrics: Partial<Record<JudgedMetric, MetricReference>> = {};
  for (const { metric } of performance.metrics) {
    const byStart = new Map(labelled.map((one) => [one.window.startMs, metricSample(metric, one.counts)]));
    const found = metricReference(windows.map(({ startMs }) => byStart.get(startMs) ?? null));
    if (found !== null) metrics[metric] = found;
  }
  return Object.keys(metrics).length === 0 ? null : { coverage: labels / rows, metrics };
}
