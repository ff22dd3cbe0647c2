import { usualPerformance, type PerformanceSpec } from "../../core/model.ts";
import { dayMs } from "../../core/window.ts";
import type { TaskCounts } from "../../store/facts/performance.ts";
import { metricSample } from "../performance/judged-metrics.ts";
import { metricReference } from "../performance/metric-evidence.ts";
import { createPerformanceDecider, type PerformanceWindow } from "../performance/performance-decider.ts";
import { z95 } from "../performance/measured.ts";

import type { SimulatedMonitoring } from "./outcome.ts";
import { createRandom, type Random } from "./random.ts";
import { calendarOf, type Calendar } from "./streams.ts";

/** A model's results with their labels, in daily windows. */
export interface PerformanceStream {
  /**
   * `binary`: half of the rows are positive, scores are normal about ±separation, decided at 0. `regression`: absolute errors are
   * exponential.
   */
  readonly task: "binary" | "regression";
  /** Share of rows decided right in an ordinary window; of a regression 1 less its mean error. */
  readonly accuracy: number;
  readonly rows: number;
  readonly referenceWindows: number;
  /** Volumes lie within 1 ± this. */
  readonly volumeSpread: number;
  /** At weekends accuracy is lower by so much. */
  readonly weekend: number;
  /** Standard deviation of a slow wander of accuracy, with a memory of ten windows. */
  readonly wander: number;
  /** Rows of one user come together and share two fifths of their variance. */
  readonly together: number;
  /** Other windows than days. */
  readonly calendar?: Calendar;
  /** Other metrics than the task's usual ones; of a class those that its confusion gives, and ROC AUC. */
  readonly metrics?: PerformanceSpec["metrics"];
}

const startMs = Date.UTC(2024, 0, 1);
const memory = 10;
const sharedVariance = 0.4;

/** What performance deciders did on one simulated model: windows in which incidents opened, the first live one being 0. */
export function performanceOutcome(
  stream: PerformanceStream,
  options: {
    readonly windows: number;
    /** Accuracy in live windows, if it fell; null: all is as it was. */
    readonly changed: number | null;
    readonly monitoring: SimulatedMonitoring;
    /** Stops at the first incident. */
    readonly first?: boolean;
  },
  ...seeds: readonly number[]
): {
  readonly incidents: readonly number[];
  readonly findings: number;
  /** Windows in which the 95 % interval of some metric leaves out the baseline's value: what would be told without gates. */
  readonly ungated: number;
} {
  const random = createRandom(...seeds);
  const keep = Math.exp(-1 / memory);
  let wandered = random.normal();
  const task = { kind: stream.task, positive: "yes", labelDelayMs: 0, labelWindowMs: 0 } as const;
  const usual = usualPerformance(task);
  const performance = { ...usual, metrics: stream.metrics ?? usual.metrics };
  const { windowMs, windowsPerWeek, horizon } = calendarOf({ kind: "iid", ...stream });

  const draw = (window: number, ordinary: number): TaskCounts => {
    const rows = Math.round(stream.rows * (1 + stream.volumeSpread * (2 * random.uniform() - 1)));
    const weekday = ((Math.floor((window * windowMs) / dayMs) % 7) + 7) % 7;
    const accuracy = ordinary + stream.wander * wandered - (weekday >= 5 ? stream.weekend : 0);
    wandered = keep * wandered + Math.sqrt(1 - keep ** 2) * random.normal();
    return stream.task === "binary"
      ? binaryCounts(rows, separationOf(accuracy), stream.together, random)
      : regressionCounts(rows, 1 - accuracy, random);
  };

  const reference = Array.from({ length: stream.referenceWindows }, (_, at) =>
    draw(at - stream.referenceWindows, stream.accuracy),
  );
  const metrics = Object.fromEntries(
    performance.metrics.map(({ metric }) => [
      metric,
      metricReference(reference.map((counts) => metricSample(metric, counts)))!,
    ]),
  );
  const decider = createPerformanceDecider({
    environment: "production",
    model: "simulated",
    baselineId: "simulated",
    windowMs,
    windowsPerWeek,
    horizon,
    falseIncidentsPerModelWeek: options.monitoring.falseIncidentsPerModelWeek,
    performance,
  });
  const incidents = new Map<string, number>();
  const findings = new Set<string>();
  let ungated = 0;
  let state = decider.initialMemory();
  for (let at = 0; at < options.windows; at += 1) {
    const counts = draw(at, options.changed ?? stream.accuracy);
    const samples = performance.metrics.flatMap(({ metric }) => {
      const sample = metricSample(metric, counts);
      return sample === null ? [] : [[metric, sample] as const];
    });
    const out = samples.some(
      ([metric, { rows, value, variance }]) =>
        Math.abs(value - metrics[metric]!.value) > z95 * Math.sqrt(variance / rows),
    );
    if (out) ungated += 1;
    const window: PerformanceWindow = {
      window: { startMs: startMs + at * windowMs, endMs: startMs + (at + 1) * windowMs },
      incident: null,
      versions: [{ version: "1", rows: 1, labelled: 1, metrics: Object.fromEntries(samples) }],
    };
    const step = decider.step(state, window, { coverage: 1, metrics });
    state = step.memory;
    for (const finding of step.findings) {
      findings.add(finding.findingId);
      if (!incidents.has(finding.incidentId)) incidents.set(finding.incidentId, at);
    }
    if (options.first === true && incidents.size > 0) break;
  }
  return { incidents: [...incidents.values()], findings: findings.size, ungated };
}

/** Half the distance between the classes' mean scores at which so many rows lie on their own side of 0. */
function separationOf(accuracy: number): number {
  let [low, high] = [0, 6];
  for (let round = 0; round < 50; round += 1) {
    const middle = (low + high) / 2;
    if (normalBelow(middle) < accuracy) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(Z < z), to 1e-7 (Abramowitz & Stegun 26.2.17). */
function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)) * polynomial;
}

/** Scores are told apart to a twentieth of their standard deviation. */
const binsPerUnit = 20;
const largestScore = 8;

function binaryCounts(rows: number, separation: number, together: number, random: Random): TaskCounts {
  const bins = 2 * largestScore * binsPerUnit + 1;
  const positive = new Float64Array(bins);
  const negative = new Float64Array(bins);
  let [tp, fp, fn, tn] = [0, 0, 0, 0];
  let [label, own] = [false, 0];
  for (let row = 0; row < rows; row += 1) {
    if (row % together === 0) {
      label = random.uniform() < 0.5;
      own = together > 1 ? Math.sqrt(sharedVariance) * random.normal() : 0;
    }
    const noise = together > 1 ? own + Math.sqrt(1 - sharedVariance) * random.normal() : random.normal();
    const score = (label ? separation : -separation) + noise;
    if (score > 0) {
      if (label) tp += 1;
      else fp += 1;
    } else if (label) fn += 1;
    else tn += 1;
    const bin = Math.round((Math.min(largestScore, Math.max(-largestScore, score)) + largestScore) * binsPerUnit);
    if (label) positive[bin]! += 1;
    else negative[bin]! += 1;
  }
  const filled = Array.from({ length: bins }, (_, bin) => bin).filter((bin) => positive[bin]! + negative[bin]! > 0);
  const of = (counts: Float64Array) => filled.map((bin) => counts[bin]!);
  const weight = filled.map((bin) => positive[bin]! + negative[bin]!);
  const score = filled.map((bin, at) => (bin / binsPerUnit - largestScore) * weight[at]!);
  const all = [rows, rows, 0, 0] as const;
  return {
    kind: "binary",
    confusion: [tp, fp, fn, tn, rows],
    selection: all,
    positive: all,
    log_loss: all,
    brier: all,
    calibration: all,
    mean_score: all,
    outside: 0,
    tenths: [[], [], [], []],
    scored: all,
    histogram: [filled, weight, score, of(positive), of(negative), [], []],
  };
}

/** Of exponential errors the mean and the mean square, by what the rows add up to. */
function regressionCounts(rows: number, meanError: number, random: Random): TaskCounts {
  let [sum, squares] = [0, 0];
  for (let row = 0; row < rows; row += 1) {
    const error = -meanError * Math.log(1 - random.uniform());
    sum += error;
    squares += error * error;
  }
  const absolute = [rows, rows, sum, squares] as const;
  return {
    kind: "regression",
    bias: absolute,
    absolute,
    squared: absolute,
    relative: absolute,
    spread: [0, 0, 0, 0, 0, 0],
  };
}

interface PerformanceFalseIncidents {
  readonly kind: "performance_false_incidents";
  readonly performance: PerformanceStream;
  readonly weeks: number;
  /** False for streams that change in truth, reported only. */
  readonly bar: boolean;
}

interface PerformanceDelay {
  readonly kind: "performance_delay";
  readonly performance: PerformanceStream;
  /** Accuracy of the live windows. */
  readonly changed: number;
  /** The share of runs that must have found the change within so many windows; null: reported only. */
  readonly marks: readonly { readonly within: number; readonly atLeast: number | null }[];
}

/** Scenarios of performance, as part of a `Scenario`. */
export type PerformanceScenario = PerformanceFalseIncidents | PerformanceDelay;

const usual: PerformanceStream = {
  task: "binary",
  accuracy: 0.9,
  rows: 1000,
  referenceWindows: 28,
  volumeSpread: 0.3,
  weekend: 0,
  wander: 0,
  together: 1,
};

/** What the table says of the stream; its traffic is the performance's own. */
const tableOf = ({ rows, referenceWindows }: PerformanceStream) => ({
  kind: "iid" as const,
  features: 1,
  referenceRows: rows * referenceWindows,
  rows,
  volumeSpread: 0,
  clusterSize: 1,
  wander: 0,
});

function healthy(name: string, title: string, performance: PerformanceStream, bar = true) {
  const of = { title: `performance: ${title}`, stream: tableOf(performance), models: 2000, weeks: 4 };
  return { kind: "performance_false_incidents" as const, name: `performance-${name}`, performance, bar, ...of };
}

function fall(
  name: string,
  title: string,
  performance: PerformanceStream,
  changed: number,
  marks: readonly (readonly [within: number, atLeast: number | null])[],
) {
  const of = { title: `performance: ${title}`, stream: tableOf(performance), models: 1000, changed };
  const at = marks.map(([within, atLeast]) => ({ within, atLeast }));
  return { kind: "performance_delay" as const, name: `performance-${name}`, performance, marks: at, ...of };
}

const steady = { ...usual, volumeSpread: 0 };

export const performanceScenarios = [
  healthy("iid", "independent rows, accuracy and ROC AUC", usual),
  healthy("small-windows", "200 rows, volumes from 0.1 to 1.9", { ...usual, rows: 200, volumeSpread: 0.9 }),
  healthy("season", "accuracy is 0.03 lower at weekends", { ...usual, weekend: 0.03 }),
  healthy("users", "ten rows a user", { ...usual, together: 10 }),
  healthy("wander", "accuracy wanders slowly by 0.005", { ...usual, wander: 0.005 }),
  healthy("wander-0.01", "accuracy wanders by 0.01: extremes cross the floor", { ...usual, wander: 0.01 }, false),
  healthy("errors", "mean absolute error of exponential errors, 200 rows", { ...usual, task: "regression", rows: 200 }),
  fall("0.87", "accuracy 0.90 to 0.87", steady, 0.87, [
    [1, null],
    [2, null],
    [7, null],
  ]),
  fall("0.85", "accuracy 0.90 to 0.85", steady, 0.85, [
    [1, null],
    [2, 0.9],
    [7, null],
  ]),
];
