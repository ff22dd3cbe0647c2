import type { FeatureType } from "../../core/feature-schema.ts";
import type { Finding } from "../../core/finding.ts";
import type { ModelSpec } from "../../core/model.ts";
import { countText, durationText, numberText, shareText } from "./quantities.ts";

/** The only words for what the predictions did. */
export type PredictionsWord = "moved" | "did not move" | "not known";

/** The type of a finding's series, as its model declares it; for a model that registered itself, as its evidence shows. */
export function seriesType(finding: Finding, model: ModelSpec | null): FeatureType {
  const { series, evidence } = finding;
  if (series.role === "score") return "numeric";
  if (series.role === "class") return "categorical";
  const declared = model?.features.find((feature) => feature.name === series.feature)?.type;
  return declared ?? (Object.keys(evidence.summary).length > 0 ? "numeric" : "categorical");
}

export function seriesUnit(finding: Finding, model: ModelSpec | null): string | null {
  if (finding.series.role !== "feature") return null;
  return model?.features.find((feature) => feature.name === finding.series.feature)?.unit ?? null;
}

/** What the series is called: `hour`, `the score of version 7`, with its slice. */
export function seriesName(finding: Finding): string {
  const { role, feature, version, slice } = finding.series;
  if (finding.signal === "silence" || finding.signal === "volume") return "the flow of events";
  if (finding.signal === "error") return "the prediction";
  if (finding.signal === "latency") return "the answer's latency";
  const ofVersion = version === "" ? "" : ` of version ${version}`;
  if (finding.signal === "performance") return `${metricName(finding)}${ofVersion}`;
  const name =
    role === "feature" ? feature : role === "score" ? `the score${ofVersion}` : `the predicted class${ofVersion}`;
  return slice === "" ? name : `${name} (${slice})`;
}

/** Metrics as people say them. */
const metricNames: Readonly<Record<string, string>> = {
  roc_auc: "ROC AUC",
  brier: "the Brier score",
  log_loss: "log loss",
  mae: "the mean absolute error",
};
/** Told as shares; areas and losses as numbers. */
const shareMetrics: ReadonlySet<string> = new Set(["accuracy", "precision", "recall"]);

function metricName({ evidence }: Finding): string {
  return metricNames[evidence.contrast] ?? evidence.contrast;
}

function metricText({ evidence }: Finding, value: number): string {
  return shareMetrics.has(evidence.contrast) ? shareText(value) : numberText(value);
}

/** Whether the metric is a loss, told as a share of what it was. */
function isLoss(metric: string): boolean {
  return !shareMetrics.has(metric) && metric !== "roc_auc";
}

/** By how much a metric is worse: a share in points, a loss as a share of what it was, an area as a number. */
export function worseText(metric: string, size: number): string {
  if (isLoss(metric)) return shareText(size);
  return shareMetrics.has(metric) ? `${(size * 100).toFixed(1)} points` : numberText(size);
}

/** What happened to it, as the end of a sentence that begins with `seriesName`; silence is a sentence of its own. */
export function headline(finding: Finding): string {
  const name = seriesName(finding);
  // The numbers of what has ended are those of after it.
  const over = finding.state === "closed" ? headlineOfEnded(finding, name) : null;
  if (over !== null) return over;
  switch (finding.signal) {
    case "missing":
      return `${name} is missing in ${shareText(finding.evidence.current)} of rows`;
    case "unseen":
      return `${name} has values never seen before`;
    case "silence":
      return `no events for ${durationText(finding.evidence.current * 1000)}`;
    case "type_mismatch":
      return `${name} comes as another type in ${shareText(finding.evidence.current)} of rows`;
    case "out_of_range":
      return `${name} is outside the baseline's range in ${shareText(finding.evidence.current)} of rows`;
    case "constant":
      return `${name} is the same in every row`;
    case "error":
      return `${shareText(finding.evidence.current)} of events carry no prediction`;
    case "latency":
      return `${shareText(finding.evidence.current)} of answers are slower than 99 % of the baseline's`;
    case "volume":
      return finding.evidence.current < finding.evidence.reference
        ? "far fewer events than usual"
        : "far more events than usual";
    case "custom":
      return `${name} ${finding.evidence.current < finding.evidence.reference ? "fell" : "rose"} from ${numberText(finding.evidence.reference)} to ${numberText(finding.evidence.current)}`;
    case "joint":
      return `how features go together changed: ${finding.evidence.contrast}`;
    case "performance":
      return `${name} ${isLoss(finding.evidence.contrast) ? "rose" : "fell"} from ${metricText(finding, finding.evidence.reference)} to ${metricText(finding, finding.evidence.current)}`;
    case "distribution":
      if (finding.evidence.control !== undefined) {
        const verb = finding.state === "closed" ? "differed" : "differs";
        return `${name} ${verb} from version ${finding.evidence.control}'s`;
      }
      return finding.evidence.horizon === "long" ? `${name} is drifting` : `${name} changed`;
  }
}

function headlineOfEnded({ signal }: Finding, name: string): string | null {
  switch (signal) {
    case "missing":
      return `${name} was missing more often`;
    case "silence":
      return "events had stopped";
    case "type_mismatch":
      return `${name} came as another type`;
    case "out_of_range":
      return `${name} was outside the baseline's range`;
    case "constant":
      return `${name} was the same in every row`;
    case "error":
      return "events carried no prediction";
    case "latency":
      return "answers were slow";
    case "volume":
      return "the number of events was unusual";
    case "custom":
      return `${name} was not at its usual value`;
    case "joint":
      return "how features go together had changed";
    case "performance":
      return `${name} was worse than the baseline's`;
    case "unseen":
    case "distribution":
      return null;
  }
}

const either = new Intl.ListFormat("en-GB", { type: "disjunction" });

/** That a change is nobody's in particular; null if no attribute says so. */
export function alikeText(attributes: readonly string[]): string | null {
  return attributes.length === 0 ? null : `no value of ${either.format(attributes.slice(0, 3))} stands out`;
}

/** Before → after in the feature's own unit; null if the evidence does not say. */
export function beforeAfter(finding: Finding, model: ModelSpec | null): string | null {
  const { evidence, signal } = finding;
  switch (signal) {
    case "missing":
      return `missing in ${shareText(evidence.reference)} → ${shareText(evidence.current)} of rows`;
    case "unseen": {
      const worst = evidence.contributors[0];
      const share = worst === undefined ? "" : `, most often ${worst.name} (${shareText(worst.current)} of rows)`;
      return `values that the baseline does not have${share}`;
    }
    case "type_mismatch":
    case "out_of_range":
    case "error":
    case "latency":
      return `${finding.evidence.contrast} ${shareText(finding.evidence.reference)} → ${shareText(finding.evidence.current)} of rows`;
    case "constant":
      return `one value in all of ${countText(finding.evidence.rows)} rows`;
    case "volume":
      return `events in 5 minutes ${countText(finding.evidence.reference)} → ${countText(finding.evidence.current)}`;
    case "joint":
      return `rows told from the baseline's with an AUC of ${numberText((1 + evidence.reference) / 2)} → ${numberText((1 + evidence.current) / 2)}, most by ${evidence.contrast}`;
    case "performance":
      return `${metricText(finding, evidence.reference)} → ${metricText(finding, evidence.current)}${evidence.horizon === "long" ? ", over the last windows together" : ""}`;
    case "custom":
      return `value of a window ${numberText(evidence.reference)} → ${numberText(evidence.current)}`;
    case "silence":
      return `longest gap between two events ${durationText(evidence.reference * 1000)} → ${durationText(evidence.current * 1000)}`;
    case "distribution": {
      const numeric = seriesType(finding, model) === "numeric";
      const change = numeric ? numericChange(finding, model) : categoricalChange(finding);
      if (change !== null && evidence.weekdays !== undefined) return `${change}, against ${evidence.weekdays}`;
      if (change === null || evidence.control === undefined) return change;
      return `${change}, version ${evidence.control} → version ${finding.series.version}`;
    }
  }
}

function numericChange(finding: Finding, model: ModelSpec | null): string | null {
  const { summary } = finding.evidence;
  const unit = seriesUnit(finding, model);
  const change = (statistic: "median" | "mean") => {
    const reference = summary[`reference_${statistic}`];
    const current = summary[`current_${statistic}`];
    if (reference === undefined || current === undefined) return null;
    return `${statistic} ${numberText(reference)} → ${numberText(current)}${unit === null ? "" : ` ${unit}`}`;
  };
  const [median, mean] = [change("median"), change("mean")];
  if (median === null || mean === null) return median ?? mean;
  return `${median} (${mean})`;
}

function categoricalChange(finding: Finding): string | null {
  const worst = finding.evidence.contributors[0];
  return worst === undefined
    ? null
    : `${worst.name} ${shareText(worst.reference)} → ${shareText(worst.current)} of rows`;
}

/** How much, with its lower bound: `36.2 % of rows moved, at least 35.4 %`. */
export function sizeText(finding: Finding): string {
  const { evidence, signal } = finding;
  if (signal === "silence") return `${numberText(evidence.effect)} times the longest gap of the baseline`;
  if (signal === "joint") {
    return `rows told apart ${numberText(evidence.effect)} better than the baseline's own windows, at least ${numberText(evidence.effectLow)} (2·AUC − 1: 0 not at all, 1 always)`;
  }
  if (signal === "performance") {
    const by = (size: number) => worseText(evidence.contrast, size);
    return `${by(evidence.effect)} worse than the baseline's, at least ${by(evidence.effectLow)}`;
  }
  if (signal === "custom") {
    const side = evidence.current < evidence.reference ? "below" : "above";
    return `${shareText(evidence.effect)} ${side} the mean of the baseline's windows, at least ${shareText(evidence.effectLow)}`;
  }
  if (signal === "volume") {
    return `${shareText(evidence.effect)} away from what is usual at this hour`;
  }
  if (evidence.horizon === "fast") {
    return `${shareText(evidence.effect)} of rows beyond the worst few minutes of the baseline, at least ${shareText(evidence.effectLow)}`;
  }
  const moved = evidence.control === undefined ? "moved" : "differ";
  const size = `${shareText(evidence.effect)} of rows ${moved}, at least ${shareText(evidence.effectLow)}`;
  return evidence.horizon === "long" ? `${size}, over the last windows together` : size;
}

/** Rows behind both sides. */
export function rowsText(finding: Finding): string {
  const { rows, referenceRows, labels } = finding.evidence;
  if (finding.signal === "performance") {
    const coverage =
      labels === undefined || labels.rows === 0
        ? ""
        : `; ${shareText(labels.labelled / labels.rows)} of the window's ${countText(labels.rows)} rows have one so far (${shareText(labels.referenceCoverage)} of the baseline's)`;
    return `${countText(rows)} rows with a label against ${countText(referenceRows)} of the baseline${coverage}`;
  }
  if (finding.signal === "silence") {
    return `${countText(rows)} rows; against the longest gaps of ${countText(referenceRows)} windows of the baseline`;
  }
  if (finding.signal === "custom" || finding.signal === "joint") {
    return `${countText(rows)} rows in the window; against the values of ${countText(referenceRows)} windows of the baseline`;
  }
  const { control, weekdays } = finding.evidence;
  const days = weekdays === undefined ? "" : ` (${weekdays})`;
  const of = control === undefined ? `the baseline${days}` : `version ${control} in the same windows`;
  return `${countText(rows)} rows against ${countText(referenceRows)} of ${of}`;
}

/**
 * Factors between units that people mix up. A mean and a median that are both multiplied by one of them are worth
 * a question, no more.
 */
const unitMixUps: readonly (readonly [factor: number, question: string])[] = [
  [1.609344, "kilometres where miles are expected"],
  [1 / 1.609344, "miles where kilometres are expected"],
  [2.20462, "pounds where kilograms are expected"],
  [1 / 2.20462, "kilograms where pounds are expected"],
  [3.28084, "feet where metres are expected"],
  [1 / 3.28084, "metres where feet are expected"],
  [60, "a unit 60 times smaller, such as minutes for hours"],
  [1 / 60, "a unit 60 times larger, such as hours for minutes"],
  [100, "a factor of 100, such as cents or percent"],
  [1 / 100, "a factor of 1/100, such as cents or percent"],
  [1000, "a factor of 1,000, such as milliseconds for seconds"],
  [1 / 1000, "a factor of 1/1,000, such as seconds for milliseconds"],
];

/** `its mean and median are 1.61 times what they were: kilometres where miles are expected?`, or null. */
export function unitQuestion(finding: Finding): string | null {
  if (finding.signal !== "distribution") return null;
  const { summary } = finding.evidence;
  const ratio = (statistic: "mean" | "median") =>
    (summary[`current_${statistic}`] ?? Number.NaN) / (summary[`reference_${statistic}`] ?? Number.NaN);
  const mean = ratio("mean");
  const median = ratio("median");
  // Medians come from bins, so they are a little off.
  const mixUp = unitMixUps.find(
    ([factor]) => Math.abs(mean / factor - 1) < 0.03 && Math.abs(median / factor - 1) < 0.06,
  );
  if (mixUp === undefined) return null;
  return `its mean and median are ${numberText(mean)} times what they were: ${mixUp[1]}?`;
}
