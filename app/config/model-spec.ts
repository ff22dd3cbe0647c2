import { resolve } from "node:path";
import type { BaselineSpec } from "../../core/baseline.ts";
import { usualMinChange, usualPerformance } from "../../core/model.ts";
import type { CohortDerivation, ModelSpec, MonitorSpec, PerformanceSpec, Task } from "../../core/model.ts";
import { dayMs } from "../../core/window.ts";
import type { ModelFile } from "./schema.ts";

/**
 * A model file, merged with all that applies to it, in the program's own terms.
 * @param file Complete: the built-in defaults are among what was merged.
 * @param directory Relative paths start here.
 */
export function modelSpec(name: string, origin: ModelSpec["origin"], file: ModelFile, directory: string): ModelSpec {
  const monitoring = file.monitoring!;
  const severity = file.alerting!.severity!;
  return {
    name,
    origin,
    tags: file.tags ?? {},
    task: taskOf(file.task),
    features: Object.entries(file.features ?? {}).map(([feature, spec]) => ({
      name: feature,
      type: spec.type,
      unit: spec.unit ?? null,
    })),
    cohorts: Object.entries(file.cohorts ?? {}).map(([attribute, spec]) => ({
      attribute,
      watch: spec.watch,
      ...derivationOf(spec),
    })),
    monitors: (file.monitors ?? []).map((monitor): MonitorSpec => {
      const { name, min_change: minChange, harm } = monitor;
      const common = { name, minChange, harm };
      return monitor.kind === "sql" ? { ...common, kind: "sql", sql: monitor.sql } : { ...common, kind: monitor.kind };
    }),
    ...performanceOf(file.performance, file.task),
    ...(file.outcomes !== undefined && { outcomes: file.outcomes }),
    baseline: baselineOf(file.baseline, directory),
    monitoring: {
      windowMs: monitoring.window!,
      zone: monitoring.zone!,
      season: monitoring.season!,
      allowedLatenessMs: monitoring.allowed_lateness!,
      lateHorizonMs: monitoring.late_horizon!,
      idleAfterMs: monitoring.idle_after!,
      falseIncidentsPerModelWeek: monitoring.false_incidents_per_model_week!,
      effectFloor: monitoring.effect_floor!,
      qualityFloor: monitoring.quality_floor!,
      minSliceRows: monitoring.min_slice_rows!,
      environments: monitoring.environments!,
    },
    alerting: {
      severity: {
        data_broken: severity.data_broken!,
        performance_fell: severity.performance_fell!,
        predictions_moved: severity.predictions_moved!,
        inputs_moved: severity.inputs_moved!,
      },
    },
    retentionDays: file.retention!,
  };
}

function derivationOf({ derive, of = "" }: NonNullable<ModelFile["cohorts"]>[string]): {
  readonly derive?: CohortDerivation;
} {
  if (derive === undefined) return {};
  return { derive: derive === "length" ? { kind: "length", feature: of } : { kind: derive } };
}

function taskOf(task: ModelFile["task"]): Task {
  if (task === undefined || task.kind === "unknown") return { kind: "unknown" };
  const labels = { labelDelayMs: task.label_delay, labelWindowMs: task.label_window };
  return task.kind === "binary"
    ? { kind: "binary", positive: task.positive, ...labels }
    : { kind: task.kind, ...labels };
}

function performanceOf(
  file: ModelFile["performance"],
  task: ModelFile["task"],
): { readonly performance?: PerformanceSpec } {
  if (file === undefined) return {};
  const { metrics, min_coverage: minCoverage } = file;
  const usual = usualPerformance(taskOf(task));
  if (metrics === undefined) return { performance: { ...usual, minCoverage } };
  const judged = metrics.map(({ metric, min_change: minChange = usualMinChange[metric] }) => ({ metric, minChange }));
  return { performance: { metrics: judged, minCoverage } };
}

function baselineOf(baseline: ModelFile["baseline"], directory: string): BaselineSpec | null {
  if (baseline === undefined) return null;
  if (baseline.kind === "trailing") return { kind: "trailing", lengthMs: baseline.length, gapMs: baseline.gap };
  if (baseline.kind === "version" || baseline.kind === "concurrent") {
    const { kind, version, from, to = from + 28 * dayMs } = baseline;
    return { kind: "range", fromMs: from, toMs: to, version, ...(kind === "concurrent" && { concurrent: true }) };
  }
  if (baseline.kind === "range") return { kind: "range", fromMs: baseline.from, toMs: baseline.to };
  const { time = null, prediction = null, score = null, label = null } = baseline;
  return { kind: "file", path: resolve(directory, baseline.path), time, prediction, score, label };
}
