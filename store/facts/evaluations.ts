import type { Series } from "../../core/baseline.ts";
import type { SeriesState, Signal } from "../../core/finding.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import { dateText, dateTimeText } from "./row-scope.ts";

/** What one window said about one series and signal; `performance` rows carry their metrics in `methods`. */
export interface Evaluation {
  readonly series: Series;
  readonly signal: Signal | "performance";
  readonly state: SeriesState;
  readonly rows: number;
  readonly referenceRows: number;
  readonly contrast: string;
  readonly effect: number | null;
  readonly effectLow: number | null;
  readonly pValue: number | null;
  readonly threshold: number | null;
  readonly methods: Readonly<Record<string, number>>;
}

export interface EvaluationKey {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  readonly window: Window;
  readonly revision: number;
}

const retentionMs = 400 * 86_400_000;

export async function insertEvaluations(
  facts: Facts,
  key: EvaluationKey,
  evaluations: readonly Evaluation[],
  evaluatedAtMs: number,
): Promise<void> {
  if (evaluations.length === 0) return;
  const rows = evaluations.map(({ series, ...evaluation }) => ({
    environment: key.environment,
    model: key.model,
    baseline_id: key.baselineId,
    window_start: dateTimeText(key.window.startMs),
    window_end: dateTimeText(key.window.endMs),
    revision: key.revision,
    role: series.role,
    feature: series.feature,
    version: series.version,
    slice: series.slice,
    signal: evaluation.signal,
    state: evaluation.state,
    rows: evaluation.rows,
    reference_rows: evaluation.referenceRows,
    effect: evaluation.effect,
    effect_low: evaluation.effectLow,
    p_value: evaluation.pValue,
    threshold: evaluation.threshold,
    contrast: evaluation.contrast,
    methods: finite(evaluation.methods),
    evaluated_at: dateTimeText(evaluatedAtMs),
    expires_on: dateText(evaluatedAtMs + retentionMs),
  }));
  const part = evaluations.every((evaluation) => evaluation.signal === "performance") ? "performance" : "window";
  await facts.insertRows(
    "evaluations",
    rows,
    `evaluations/${part}/${key.environment}/${key.model}/${key.baselineId}/${key.window.startMs}/${key.revision}`,
  );
}

/** What could not be computed is left out: JSON has no NaN, and a zero would be a claim. */
function finite(methods: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(methods).filter(([, value]) => Number.isFinite(value)));
}
