import type { ModelSpec } from "../../core/model.ts";
import { dayMs, minuteMs } from "../../core/window.ts";

/** The flights model of the tests, as a declared model with daily windows. */
export function sampleModel(changes: Partial<ModelSpec> = {}): ModelSpec {
  return {
    name: "flight-delay",
    origin: "declared",
    tags: { team: "ops", tier: "critical" },
    task: { kind: "binary", positive: "late", labelDelayMs: dayMs, labelWindowMs: 7 * dayMs },
    features: [
      { name: "hour", type: "numeric", unit: null },
      { name: "distance", type: "numeric", unit: "miles" },
      { name: "origin", type: "categorical", unit: null },
      { name: "haul", type: "categorical", unit: null },
    ],
    cohorts: [{ attribute: "origin_state", watch: false }],
    monitors: [],
    baseline: null,
    monitoring: {
      windowMs: dayMs,
      zone: "UTC",
      season: "none",
      allowedLatenessMs: 5 * minuteMs,
      lateHorizonMs: 7 * dayMs,
      idleAfterMs: 10 * minuteMs,
      falseIncidentsPerModelWeek: 0.05,
      effectFloor: 0.02,
      qualityFloor: 0.003,
      minSliceRows: 50,
      environments: ["production"],
    },
    alerting: {
      severity: { data_broken: "page", performance_fell: "page", predictions_moved: "page", inputs_moved: "ticket" },
    },
    retentionDays: 90,
    ...changes,
  };
}
