import type { ModelSpec } from "../../core/model.ts";
import { dayMs, minuteMs } from "../../core/window.ts";

/** A model as configuration would give it, with the defaults filled in. */
export function testModel(
  overrides: Partial<Omit<ModelSpec, "monitoring">> & { readonly monitoring?: Partial<ModelSpec["monitoring"]> } = {},
): ModelSpec {
  const { monitoring, ...rest } = overrides;
  return {
    name: "m",
    origin: "declared",
    tags: {},
    task: { kind: "binary", positive: "yes", labelDelayMs: dayMs, labelWindowMs: 7 * dayMs },
    features: [],
    cohorts: [],
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
      ...monitoring,
    },
    alerting: {
      severity: { data_broken: "page", performance_fell: "page", predictions_moved: "page", inputs_moved: "ticket" },
    },
    retentionDays: 90,
    ...rest,
  };
}
