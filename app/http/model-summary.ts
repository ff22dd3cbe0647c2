import type { BaselineSpec } from "../../core/baseline.ts";
import type { ModelSpec } from "../../core/model.ts";
import { formatDuration } from "../config/duration.ts";

/** One model in `GET /api/v1/models` and `leeway models`. */
export interface ModelSummary {
  readonly model: string;
  readonly origin: ModelSpec["origin"];
  readonly task: string;
  /** Declared features; 0 for a model whose events say. */
  readonly features: number;
  readonly cohorts: number;
  readonly baseline: BaselineSpec["kind"] | "version" | "concurrent" | "none";
  /** As in configuration: `auto`, `1d`. */
  readonly window: string;
  readonly tags: Readonly<Record<string, string>>;
}

export function modelSummaries(models: readonly ModelSpec[]): readonly ModelSummary[] {
  return models.map((model) => ({
    model: model.name,
    origin: model.origin,
    task: model.task.kind,
    features: model.features.length,
    cohorts: model.cohorts.length,
    baseline: baselineKind(model.baseline),
    window: model.monitoring.windowMs === "auto" ? "auto" : formatDuration(model.monitoring.windowMs),
    tags: model.tags,
  }));
}

/** As the model's file calls it. */
function baselineKind(baseline: ModelSpec["baseline"]): ModelSummary["baseline"] {
  if (baseline === null) return "none";
  if (baseline.kind !== "range" || baseline.version === undefined) return baseline.kind;
  return baseline.concurrent === true ? "concurrent" : "version";
}
