import type { JudgedMetric } from "../../core/model.ts";
import type { Moments, PerformanceCounts, TaskCounts } from "../../store/facts/performance.ts";
import { outcomesByScore } from "./window-metrics.ts";
import { rocArea } from "./roc-auc.ts";
import { sumOf } from "./score-tally.ts";

/** One metric over the labelled rows of a window: its standard error is √(variance / rows), so that windows can be pooled. */
export interface MetricSample {
  /** Rows that the metric speaks of; weighted ones count for their share of (Σw)²/Σw². */
  readonly rows: number;
  readonly value: number;
  /** Of one row. */
  readonly variance: number;
}

/** How a metric is held against the baseline. */
export interface JudgedMetricKind {
  /** What of the model's results it speaks of: there is one finding of each. */
  readonly of: "class" | "score";
  readonly better: "high" | "low";
  /**
   * `share`: rows that are right or wrong; `area`: under the ROC curve, tested on the scale of log odds; `ratio`: a mean of losses, tested on that
   * of logarithms, its change told as a share of the baseline's value.
   */
  readonly scale: "share" | "area" | "ratio";
}

export const judgedMetricKinds: Readonly<Record<JudgedMetric, JudgedMetricKind>> = {
  accuracy: { of: "class", better: "high", scale: "share" },
  precision: { of: "class", better: "high", scale: "share" },
  recall: { of: "class", better: "high", scale: "share" },
  roc_auc: { of: "score", better: "high", scale: "area" },
  brier: { of: "score", better: "low", scale: "ratio" },
  log_loss: { of: "score", better: "low", scale: "ratio" },
  mae: { of: "score", better: "low", scale: "ratio" },
};

/** Fewer labelled rows, or of either class for an area, say nothing. */
export const fewestLabelled = 30;
const fewestOfEachClass = 10;

/** What labels say of one version in a window: the metrics that were measured. */
export interface VersionSamples {
  readonly version: string;
  readonly rows: number;
  readonly labelled: number;
  readonly metrics: Readonly<Partial<Record<JudgedMetric, MetricSample>>>;
}

/** The judged metrics of each whole version; slices and arms are measured, not judged. */
export function versionSamples(
  parts: readonly PerformanceCounts[],
  judged: readonly { readonly metric: JudgedMetric }[],
): VersionSamples[] {
  return parts
    .filter(({ slice }) => slice === "")
    .map(({ version, rows, labelled, counts }) => ({
      version,
      rows,
      labelled,
      metrics: Object.fromEntries(
        judged.flatMap(({ metric }) => {
          const sample = metricSample(metric, counts);
          return sample === null ? [] : [[metric, sample]];
        }),
      ),
    }));
}

/** A metric of a window; null where it was not measured, or on too few rows. */
export function metricSample(metric: JudgedMetric, counts: TaskCounts): MetricSample | null {
  const sample = sampleOf(metric, counts);
  return sample === null || !(sample.rows >= fewestLabelled) || !Number.isFinite(sample.value + sample.variance)
    ? null
    : sample;
}

function sampleOf(metric: JudgedMetric, counts: TaskCounts): MetricSample | null {
  switch (counts.kind) {
    case "regression":
      return metric === "mae" ? meanSample(counts.absolute) : null;
    case "multiclass":
      if (metric === "accuracy") return meanSample(counts.accuracy);
      return metric === "log_loss" ? meanSample(counts.log_loss) : null;
    case "binary": {
      const [tp, fp, fn, tn, weightSquares] = counts.confusion;
      const weight = tp + fp + fn + tn;
      const scale = weightSquares > 0 ? weight / weightSquares : 0;
      const share = (right: number, of: number): MetricSample | null => {
        if (!(of > 0)) return null;
        const value = right / of;
        return { rows: of * scale, value, variance: value * (1 - value) };
      };
      switch (metric) {
        case "accuracy":
          return share(tp + tn, weight);
        case "precision":
          return share(tp, tp + fp);
        case "recall":
          return share(tp, tp + fn);
        case "brier":
        case "log_loss":
          return counts.outside === 0 ? meanSample(counts[metric]) : null;
        case "roc_auc":
          return areaSample(counts);
        case "mae":
          return null;
      }
    }
  }
}

function meanSample([weight, weightSquares, sum, squares]: Moments): MetricSample | null {
  if (!(weight > 0)) return null;
  const value = sum / weight;
  return { rows: (weight * weight) / weightSquares, value, variance: Math.max(0, squares / weight - value * value) };
}

function areaSample(counts: Extract<TaskCounts, { readonly kind: "binary" }>): MetricSample | null {
  const outcomes = outcomesByScore(counts);
  const [positives, negatives] = [sumOf(outcomes.yes), sumOf(outcomes.no)];
  if (positives < fewestOfEachClass || negatives < fewestOfEachClass) return null;
  const area = rocArea(outcomes);
  if (area === null) return null;
  const rows = positives + negatives;
  // Scores that never err would have no error: Hanley & McNeil's bound for an area that half a pair is missing of stands for it.
  const least = 0.5 / (positives * negatives);
  const value = Math.min(1 - least, Math.max(least, area.value));
  return { rows, value, variance: Math.max(area.standardError, least) ** 2 * rows };
}

/** One sample of several windows' rows together; null without any. */
export function pooledSample(samples: readonly MetricSample[]): MetricSample | null {
  const rows = samples.reduce((sum, sample) => sum + sample.rows, 0);
  if (!(rows > 0)) return null;
  const mean = (of: (sample: MetricSample) => number) =>
    samples.reduce((sum, sample) => sum + sample.rows * of(sample), 0) / rows;
  return { rows, value: mean(({ value }) => value), variance: mean(({ variance }) => variance) };
}
