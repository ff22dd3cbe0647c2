import type { Clock } from "../../core/clock.ts";
import type { Finding, SeriesState } from "../../core/finding.ts";
import { usualPerformance } from "../../core/model.ts";
import { weekMs, type Window } from "../../core/window.ts";
import type { LoadedBaseline } from "../../detectors/baselines/baseline.ts";
import { versionSamples } from "../../detectors/performance/judged-metrics.ts";
import { modelIncident } from "../../detectors/performance/model-incident.ts";
import { createPerformanceDecider } from "../../detectors/performance/performance-decider.ts";
import { performanceFindingRecord } from "../../detectors/performance/performance-findings.ts";
import { isPerformanceJudged, performanceReference } from "../../detectors/performance/reference-windows.ts";
import { horizonOf } from "../../detectors/window-decision.ts";
import { countPerformance } from "../../store/facts/performance.ts";
import type { BacktestRun } from "./backtest.ts";

/** Judges performance in the windows whose labels are due, as the service does while time passes. */
export interface PerformanceJudge {
  /** A window was decided, and the ones before it: judges those whose labels are due by its end. */
  readonly windowPassed: (window: Window) => Promise<readonly Finding[]>;
  /** The data end: judges what is left, as far as its labels are due today. */
  readonly end: () => Promise<readonly Finding[]>;
  /** What performance says of a window; nothing where it says nothing. */
  readonly statesOf: (window: Window) => readonly SeriesState[];
  readonly notes: () => readonly string[];
}

/**
 * @param firstMs Where the judged windows begin.
 * @returns null if nothing of the run can be judged by labels; a reason is among the notes otherwise.
 */
export async function createPerformanceJudge(
  run: BacktestRun,
  loaded: LoadedBaseline,
  { clock, firstMs }: { readonly clock: Clock; readonly firstMs: number },
): Promise<PerformanceJudge | null> {
  const { facts, environment, labelled, model } = run;
  const { task, monitoring } = model;
  if (labelled === null || task.kind === "unknown" || !isPerformanceJudged(task, loaded)) return null;
  const performance = model.performance ?? usualPerformance(task);
  if (performance.metrics.length === 0) return null;
  const { baselineId, windowMs, spec } = loaded.baseline;
  // Of a file baseline the rows have an environment of their own.
  const rowScope = spec.kind === "file" ? loaded.rowScope : { ...loaded.rowScope, environment: labelled.environment };
  const alignment = { lengthMs: windowMs, zone: monitoring.zone };
  const reference = await performanceReference(facts, { baseline: loaded.baseline, rowScope }, task, performance, {
    alignment,
    beforeMs: firstMs,
  });
  if (reference === null) {
    const note =
      "performance is measured, and not judged: fewer than five whole windows of the reference have labels enough; give a reference with labels in five windows or more";
    return {
      windowPassed: () => Promise.resolve([]),
      end: () => Promise.resolve([]),
      statesOf: () => [],
      notes: () => [note],
    };
  }
  const horizon = horizonOf(windowMs);
  const key = { environment, model: model.name };
  const decider = createPerformanceDecider({
    ...key,
    baselineId,
    windowMs,
    windowsPerWeek: weekMs / windowMs,
    horizon,
    falseIncidentsPerModelWeek: monitoring.falseIncidentsPerModelWeek,
    performance,
  });
  const states = new Map<number, readonly SeriesState[]>();
  const waiting: Window[] = [];
  let memory = decider.initialMemory();

  const judged = async (window: Window): Promise<Finding[]> => {
    const scope = { environment: labelled.environment, model: model.name, fromMs: window.startMs, toMs: window.endMs };
    const parts = await countPerformance(facts, scope, task);
    const observed = { window, versions: versionSamples(parts, performance.metrics) };
    const before = new Set(memory.findings.map(({ findingId }) => findingId));
    let step = decider.step(memory, { ...observed, incident: null }, reference);
    if (step.findings.some(({ findingId }) => !before.has(findingId))) {
      const known = { horizon, windowMs, labelDelayMs: task.labelDelayMs };
      const incident = await modelIncident(facts, key, window, known);
      step = decider.step(memory, { ...observed, incident }, reference);
    }
    memory = step.memory;
    states.set(
      window.startMs,
      step.decisions.map(({ state }) => state).filter((state) => state === "drift" || state === "watching"),
    );
    return step.findings.map((finding) =>
      performanceFindingRecord(finding, {
        ...key,
        baselineId,
        window,
        revision: 0,
        state: finding.closedIndex === null ? "open" : "closed",
        referenceCoverage: reference.coverage,
        labelDelayMs: task.labelDelayMs,
        evaluatedAtMs: clock.now(),
      }),
    );
  };

  const dueBy = async (ms: number): Promise<Finding[]> => {
    const findings: Finding[] = [];
    while (waiting[0] !== undefined && waiting[0].endMs + task.labelDelayMs <= ms) {
      findings.push(...(await judged(waiting.shift()!)));
    }
    return findings;
  };

  return {
    windowPassed: (window) => {
      waiting.push(window);
      return dueBy(window.endMs);
    },
    end: () => dueBy(labelled.dueByMs ?? Number.POSITIVE_INFINITY),
    statesOf: (window) => states.get(window.startMs) ?? [],
    notes: () =>
      waiting.length === 0
        ? []
        : [
            `the labels of the last ${waiting.length === 1 ? "window are" : `${waiting.length} windows are`} not due yet: its performance is not judged`,
          ],
  };
}
