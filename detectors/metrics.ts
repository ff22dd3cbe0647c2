import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";
import { seriesStates } from "../core/finding.ts";
import type { SeriesState } from "../core/finding.ts";

/** One feature in one window, as far as a gauge shows it. */
export interface FeatureReading {
  readonly feature: string;
  readonly effect: number | null;
  readonly threshold: number | null;
  readonly methods: Readonly<Record<string, number>>;
  readonly inFinding: boolean;
}

export interface WindowReading {
  readonly model: string;
  readonly environment: string;
  readonly rows: number;
  readonly level: number;
  readonly openFindings: number;
  /** Number of series in each state. */
  readonly states: Readonly<Partial<Record<SeriesState, number>>>;
  readonly features: readonly FeatureReading[];
  /** Service-clock time of the evaluation. */
  readonly evaluatedAtMs: number;
  readonly windowEndMs: number;
}

export interface DetectorMetrics {
  windowDecided(reading: WindowReading): void;
  performanceMeasured(reading: {
    readonly model: string;
    readonly environment: string;
    /** By version, the one with the most rows first. */
    readonly measures: readonly { readonly version: string; readonly values: Readonly<Record<string, number>> }[];
  }): void;
  watermark(model: string, environment: string, watermarkMs: number): void;
  evaluationFailed(model: string, environment: string): void;
  modelRemoved(model: string, environment: string): void;
}

export const defaultWorstFeatures = 10;
/** Versions whose performance has gauges: those with the most rows. */
const mostVersions = 10;
const effectFloorUnit = "share of rows moved";

/**
 * Gauges of the latest decided window. Of a model's features only the worst few (by effect) and those in an open finding
 * are shown; a feature that leaves that set is removed, so that no stale number is scraped, and what was cut is counted.
 */
export function createDetectorMetrics(
  registry: Registry,
  options: { readonly worstFeatures?: number } = {},
): DetectorMetrics {
  const worstFeatures = options.worstFeatures ?? defaultWorstFeatures;
  const registers = [registry];
  const model = ["model", "environment"] as const;
  const score = new Gauge({
    name: "leeway_drift_score",
    help: "Statistic between the reference and the latest window, by method; the worst features and those in a finding.",
    labelNames: [...model, "feature", "method"],
    registers,
  });
  const threshold = new Gauge({
    name: "leeway_drift_threshold",
    help: "Significance level that the feature's p-value is held against.",
    labelNames: [...model, "feature"],
    registers,
  });
  const effect = new Gauge({
    name: "leeway_drift_effect",
    help: `Change of the feature in the latest window, in ${effectFloorUnit}.`,
    labelNames: [...model, "feature"],
    registers,
  });
  const windowRows = new Gauge({
    name: "leeway_window_rows",
    help: "Rows in the latest decided window.",
    labelNames: model,
    registers,
  });
  const evaluation = new Gauge({
    name: "leeway_evaluation_timestamp_seconds",
    help: "Wall time at which the latest window was decided.",
    labelNames: model,
    registers,
  });
  const windowEnd = new Gauge({
    name: "leeway_window_end_timestamp_seconds",
    help: "End of the latest decided window, in event time.",
    labelNames: model,
    registers,
  });
  const watermark = new Gauge({
    name: "leeway_watermark_timestamp_seconds",
    help: "Event time up to which the model's events are known to be complete.",
    labelNames: model,
    registers,
  });
  const level = new Gauge({
    name: "leeway_model_level",
    help: "Sum over features of the change beyond its standard error, in share of rows moved.",
    labelNames: model,
    registers,
  });
  const state = new Gauge({
    name: "leeway_model_state",
    help: "Number of the model's series in each state in the latest window.",
    labelNames: [...model, "state"],
    registers,
  });
  const findings = new Gauge({
    name: "leeway_findings_open",
    help: "Open findings of the model.",
    labelNames: model,
    registers,
  });
  const performance = new Gauge({
    name: "leeway_model_performance",
    help: "Performance with 95 % intervals (_low, _high): from labels in the latest window whose labels are due, estimated_* before labels in the latest one; the versions with the most rows.",
    labelNames: [...model, "version", "measure"],
    registers,
  });
  const hidden = new Gauge({
    name: "leeway_drift_features_not_shown",
    help: "Features whose gauges are left out because they are not among the worst.",
    labelNames: model,
    registers,
  });
  const decided = new Counter({
    name: "leeway_windows_decided_total",
    help: "Windows decided, repeated decisions after late rows included.",
    labelNames: model,
    registers,
  });
  const failed = new Counter({
    name: "leeway_evaluations_failed_total",
    help: "Passes over a model that ended in an error; they are repeated.",
    labelNames: model,
    registers,
  });

  const shown = new Map<string, Map<string, ReadonlySet<string>>>();
  const shownVersions = new Map<string, Map<string, ReadonlySet<string>>>();

  const removeFeature = (labels: { model: string; environment: string }, feature: string, names: Iterable<string>) => {
    for (const method of names) score.remove({ ...labels, feature, method });
    threshold.remove({ ...labels, feature });
    effect.remove({ ...labels, feature });
  };

  return {
    windowDecided: (reading) => {
      const labels = { model: reading.model, environment: reading.environment };
      windowRows.set(labels, reading.rows);
      evaluation.set(labels, reading.evaluatedAtMs / 1000);
      windowEnd.set(labels, reading.windowEndMs / 1000);
      level.set(labels, reading.level);
      findings.set(labels, reading.openFindings);
      decided.inc(labels);
      for (const name of seriesStates) state.set({ ...labels, state: name }, reading.states[name] ?? 0);

      const ranked = reading.features.toSorted((a, b) => (b.effect ?? -1) - (a.effect ?? -1));
      const visible = ranked.filter((feature, index) => index < worstFeatures || feature.inFinding);
      hidden.set(labels, ranked.length - visible.length);
      const key = JSON.stringify(labels);
      const before = shown.get(key) ?? new Map<string, ReadonlySet<string>>();
      const after = new Map(visible.map((feature) => [feature.feature, new Set(Object.keys(feature.methods))]));
      for (const [feature, names] of before) {
        if (!after.has(feature)) removeFeature(labels, feature, names);
        else {
          for (const method of names) {
            if (after.get(feature)?.has(method) !== true) score.remove({ ...labels, feature, method });
          }
        }
      }
      shown.set(key, after);
      for (const { feature, methods, ...numbers } of visible) {
        for (const [method, value] of Object.entries(methods)) score.set({ ...labels, feature, method }, value);
        // Not measured is no number: a zero would say "no drift".
        if (numbers.effect === null) effect.remove({ ...labels, feature });
        else effect.set({ ...labels, feature }, numbers.effect);
        if (numbers.threshold === null) threshold.remove({ ...labels, feature });
        else threshold.set({ ...labels, feature }, numbers.threshold);
      }
    },
    performanceMeasured: (reading) => {
      const labels = { model: reading.model, environment: reading.environment };
      const key = JSON.stringify(labels);
      // Whoever makes a version a day must not make a series a day.
      const busiest = reading.measures.slice(0, mostVersions);
      const after = new Map<string, ReadonlySet<string>>(
        busiest.map(({ version, values }) => [version, new Set(Object.keys(values))]),
      );
      for (const [version, names] of shownVersions.get(key) ?? []) {
        for (const measure of names) {
          if (after.get(version)?.has(measure) !== true) performance.remove({ ...labels, version, measure });
        }
      }
      shownVersions.set(key, after);
      for (const { version, values } of busiest) {
        for (const [measure, value] of Object.entries(values)) performance.set({ ...labels, version, measure }, value);
      }
    },
    watermark: (name, environment, watermarkMs) => {
      watermark.set({ model: name, environment }, watermarkMs / 1000);
    },
    evaluationFailed: (name, environment) => {
      failed.inc({ model: name, environment });
    },
    modelRemoved: (name, environment) => {
      const labels = { model: name, environment };
      const key = JSON.stringify(labels);
      for (const [feature, names] of shown.get(key) ?? []) removeFeature(labels, feature, names);
      for (const [version, names] of shownVersions.get(key) ?? []) {
        for (const measure of names) performance.remove({ ...labels, version, measure });
      }
      shown.delete(key);
      shownVersions.delete(key);
      for (const gauge of [windowRows, evaluation, windowEnd, watermark, level, findings, hidden]) gauge.remove(labels);
      for (const name of seriesStates) state.remove({ ...labels, state: name });
    },
  };
}
