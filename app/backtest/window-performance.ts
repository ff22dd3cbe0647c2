import type { Task } from "../../core/model.ts";
import { averagePrecision } from "../../detectors/performance/average-precision.ts";
import { calibrationCurve } from "../../detectors/performance/calibration.ts";
import { estimatePerformance } from "../../detectors/performance/cbpe.ts";
import { classMetrics, confusion } from "../../detectors/performance/decided-classes.ts";
import { estimateMetrics } from "../../detectors/performance/estimates.ts";
import type { IsotonicCurve } from "../../detectors/performance/isotonic.ts";
import type { Measured } from "../../detectors/performance/measured.ts";
import { probabilityMetrics } from "../../detectors/performance/probabilities.ts";
import { rocAuc } from "../../detectors/performance/roc-auc.ts";
import { tallyScores } from "../../detectors/performance/score-tally.ts";
import { wilsonInterval } from "../../detectors/performance/wilson.ts";
import type { WindowOutcomes } from "../../store/facts/backtest-rows.ts";
import type { WindowPerformance } from "./result.ts";

/** Below this many rows a number says nothing. */
const fewestRows = 30;

/** What a decision is where a file has a score and no decided class. */
export const decisionThreshold = 0.5;

/** A curve from score to probability, fitted to the reference; null (not measured) where it has too few scores with labels. */
export function calibrationOf(reference: WindowOutcomes, task: Task): IsotonicCurve | null {
  if (task.kind !== "binary") return null;
  const rows = binaryRows(reference, task.positive, (row) => hasScore(reference, row) && hasLabel(reference, row));
  return calibrationCurve(tallyScores(rows.score, rows.positive));
}

/**
 * The metrics of one window, realised where labels came and estimated where scores can be calibrated. What could not be
 * measured is left out.
 *
 * @param probabilities False: scores are no probabilities, so that only their order says something.
 */
export function windowPerformance(
  window: number,
  outcomes: WindowOutcomes,
  {
    task,
    curve,
    probabilities,
  }: { readonly task: Task; readonly curve: IsotonicCurve | null; readonly probabilities: boolean },
): WindowPerformance[] {
  const realised = realisedMetrics(outcomes, task, probabilities);
  const estimated =
    task.kind === "binary" && curve !== null ? estimatedMetrics(outcomes, task.positive, curve, probabilities) : {};
  const metrics = [...new Set([...Object.keys(realised), ...Object.keys(estimated)])];
  return metrics.flatMap((metric) => {
    const [known, guessed] = [realised[metric] ?? null, estimated[metric] ?? null];
    const interval = guessed ?? known;
    return interval === null
      ? []
      : [
          {
            window,
            metric,
            realised: known?.value ?? null,
            estimated: guessed?.value ?? null,
            low: interval.low,
            high: interval.high,
          },
        ];
  });
}

type Metrics = Readonly<Record<string, Measured | null>>;

function realisedMetrics(outcomes: WindowOutcomes, task: Task, probabilities: boolean): Metrics {
  switch (task.kind) {
    case "unknown":
      return {};
    case "regression": {
      const rows = [...outcomes.outcome.keys()].filter(
        (row) => Number.isFinite(outcomes.outcome[row]) && Number.isFinite(outcomes.estimate[row] ?? Number.NaN),
      );
      if (rows.length < fewestRows) return {};
      const pick = (values: Float64Array) => Float64Array.from(rows, (row) => values[row]!);
      return { ...estimateMetrics(pick(outcomes.estimate), pick(outcomes.outcome)) };
    }
    case "multiclass": {
      const rows = [...outcomes.label.keys()].filter(
        (row) => hasLabel(outcomes, row) && (outcomes.decided[row] ?? "") !== "",
      );
      if (rows.length < fewestRows) return {};
      const right = rows.filter((row) => outcomes.decided[row] === outcomes.label[row]).length;
      return { accuracy: wilsonInterval(right, rows.length) };
    }
    case "binary": {
      const metrics: Record<string, Measured | null> = {};
      const decided = binaryRows(
        outcomes,
        task.positive,
        (row) => hasLabel(outcomes, row) && isDecided(outcomes, row, probabilities),
      );
      if (decided.positive.length >= fewestRows) {
        Object.assign(metrics, classMetrics(confusion(decided.predicted, decided.positive)));
      }
      const scored = binaryRows(outcomes, task.positive, (row) => hasLabel(outcomes, row) && hasScore(outcomes, row));
      if (scored.positive.length >= fewestRows) {
        metrics["roc_auc"] = rocAuc(scored.score, scored.positive);
        metrics["pr_auc"] = averagePrecision(scored.score, scored.positive);
        if (probabilities) Object.assign(metrics, probabilityMetrics(scored.score, scored.positive));
      }
      return metrics;
    }
  }
}

function estimatedMetrics(
  outcomes: WindowOutcomes,
  positive: string,
  curve: IsotonicCurve,
  probabilities: boolean,
): Metrics {
  const rows = binaryRows(outcomes, positive, (row) => hasScore(outcomes, row));
  if (rows.score.length < fewestRows) return {};
  const decided = binaryRows(
    outcomes,
    positive,
    (row) => hasScore(outcomes, row) && isDecided(outcomes, row, probabilities),
  );
  return {
    ...(decided.score.length < fewestRows ? {} : estimatePerformance(decided, curve)),
    roc_auc: estimatePerformance({ score: rows.score, predicted: null }, curve).roc_auc,
  };
}

const hasScore = (outcomes: WindowOutcomes, row: number) => Number.isFinite(outcomes.score[row] ?? Number.NaN);
const hasLabel = (outcomes: WindowOutcomes, row: number) => (outcomes.label[row] ?? "") !== "";
/** A class was decided, or follows from a probability. */
const isDecided = (outcomes: WindowOutcomes, row: number, probabilities: boolean) =>
  outcomes.decided.length > 0 ? outcomes.decided[row] !== "" : probabilities && hasScore(outcomes, row);

function binaryRows(outcomes: WindowOutcomes, positive: string, wanted: (row: number) => boolean) {
  const rows: number[] = [];
  const total = Math.max(outcomes.score.length, outcomes.decided.length, outcomes.label.length);
  for (let row = 0; row < total; row += 1) if (wanted(row)) rows.push(row);
  const isPositive = (row: number) =>
    outcomes.decided.length > 0 ? outcomes.decided[row] === positive : outcomes.score[row]! >= decisionThreshold;
  return {
    score: Float64Array.from(rows, (row) => outcomes.score[row] ?? Number.NaN),
    predicted: Uint8Array.from(rows, (row) => (isPositive(row) ? 1 : 0)),
    positive: Uint8Array.from(rows, (row) => (outcomes.label[row] === positive ? 1 : 0)),
  };
}
