import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createDetectorMetrics } from "./metrics.ts";
import type { FeatureReading, WindowReading } from "./metrics.ts";

const feature = (name: string, effect: number | null, inFinding = false): FeatureReading => ({
  feature: name,
  effect,
  threshold: 0.001,
  methods: { psi: effect ?? 0 },
  inFinding,
});

const reading = (features: readonly FeatureReading[]): WindowReading => ({
  model: "m",
  environment: "production",
  rows: 1000,
  level: 0.1,
  openFindings: 1,
  states: { ok: 3, drift: 1 },
  features,
  evaluatedAtMs: 5000,
  windowEndMs: 4000,
});

async function featuresShown(registry: Registry, metric: string): Promise<string[]> {
  const { values } = (await registry.getSingleMetric(metric)?.get()) ?? { values: [] };
  return values.map(({ labels }) => String(labels["feature"])).toSorted();
}

test("only the worst features and those in a finding are shown, and they go when they leave", async () => {
  const registry = new Registry();
  const metrics = createDetectorMetrics(registry, { worstFeatures: 2 });
  metrics.windowDecided(reading([feature("a", 0.5), feature("b", 0.4), feature("c", 0.1), feature("d", 0.01, true)]));
  for (const metric of ["leeway_drift_effect", "leeway_drift_score", "leeway_drift_threshold"]) {
    expect(await featuresShown(registry, metric)).toEqual(["a", "b", "d"]);
  }
  expect(await registry.getSingleMetricAsString("leeway_drift_features_not_shown")).toContain('"production"} 1');
  metrics.windowDecided(reading([feature("a", 0), feature("b", 0.4), feature("c", 0.1), feature("d", 0.01)]));
  expect(await featuresShown(registry, "leeway_drift_score")).toEqual(["b", "c"]);
  metrics.modelRemoved("m", "production");
  expect(await featuresShown(registry, "leeway_drift_score")).toEqual([]);
  expect(await registry.getSingleMetricAsString("leeway_model_level")).not.toContain('model="m"');
});

test("what was not measured has no number", async () => {
  const registry = new Registry();
  const metrics = createDetectorMetrics(registry);
  metrics.windowDecided(reading([feature("a", 0.5)]));
  metrics.windowDecided(reading([{ ...feature("a", null), methods: {} }]));
  expect(await featuresShown(registry, "leeway_drift_effect")).toEqual([]);
  expect(await featuresShown(registry, "leeway_drift_score")).toEqual([]);
});

test("names and types are those that dashboards and rules build on", async () => {
  const registry = new Registry();
  createDetectorMetrics(registry);
  expect(registry.getMetricsAsArray().map((metric) => metric.name)).toEqual(
    expect.arrayContaining([
      "leeway_drift_score",
      "leeway_drift_threshold",
      "leeway_drift_effect",
      "leeway_window_rows",
      "leeway_evaluation_timestamp_seconds",
      "leeway_model_level",
      "leeway_model_state",
    ]),
  );
});
