import type { BaselineSpec } from "../../core/baseline.ts";
import type { FeatureType } from "../../core/feature-schema.ts";
import { usualPerformance, type ModelSpec } from "../../core/model.ts";
import { dayMs, weekMs } from "../../core/window.ts";
import { fewestSubWindows } from "../../detectors/baselines/baseline.ts";
import { minReferenceRows } from "../../detectors/decisions/contrasts.ts";
import { minWindowRows } from "../../detectors/decisions/learning.ts";
import type { ConfiguredReport } from "../../detectors/simulate/measured.ts";
import type { ConfiguredModel } from "../../detectors/simulate/model-scenarios.ts";
import type { RowWeights } from "../../detectors/simulate/weights.ts";
import { horizonOf } from "../../detectors/window-decision.ts";
import { formatDuration } from "../config/duration.ts";
import { listed } from "../files/column-mapping.ts";

/** What a configuration cannot tell, as it was given; null: see `usual`. */
export interface SimulatedTraffic {
  readonly rowsPerWindow: number | null;
  readonly rowsPerUser: number | null;
  readonly referenceWindows: number | null;
  readonly valuesPerCohort: number | null;
  /** Share of the rows of a version beside the control. */
  readonly canaryShare: number | null;
  readonly windowMs: number | null;
  readonly weights: RowWeights | null;
}

/** What is assumed where nothing says otherwise. */
export const usualTraffic = {
  rowsPerWindow: 1000,
  rowsPerUser: 10,
  referenceDays: 28,
  valuesPerCohort: 10,
  canaryShare: 0.05,
  features: Array.from({ length: 20 }, (_, index): FeatureType => (index % 2 === 0 ? "numeric" : "categorical")),
} as const;

const weekdays = 7;
const hourBands = 4;
const lengthBands = 7;
const mostSliceValues = 50;
/** Metrics whose counts the simulation draws. */
const simulatedMetrics = ["accuracy", "precision", "recall", "roc_auc", "mae"];
const fewestLabelledWindows = 5;
const seasonDays = 28;

/**
 * All of a model's configuration that simulated decisions depend on, and what it was taken for.
 *
 * @param types Of its features; null: nobody knows them.
 * @param typesFrom Where those come from, such as "declared".
 */
export function configuredModel(
  spec: ModelSpec,
  types: readonly FeatureType[] | null,
  typesFrom: string,
  traffic: SimulatedTraffic,
): { readonly model: ConfiguredModel; readonly report: ConfiguredReport } {
  const configuration: string[] = [];
  const assumed: string[] = [];
  const cannotHold: string[] = [];
  const { monitoring, task } = spec;

  const windowMs = traffic.windowMs ?? (monitoring.windowMs === "auto" ? dayMs : monitoring.windowMs);
  const windows = `windows of ${formatDuration(windowMs)}`;
  if (traffic.windowMs === null && monitoring.windowMs === "auto") {
    assumed.push(`${windows}: \`monitoring.window\` is auto, which the baseline's rows decide (--window)`);
  } else configuration.push(windows);
  const { falseIncidentsPerModelWeek: budget, effectFloor, qualityFloor } = monitoring;
  configuration.push(`a budget of ${budget} false incidents a week, floors of ${effectFloor} and ${qualityFloor}`);

  const features = types ?? usualTraffic.features;
  const featuresText = ofTypes(features);
  if (types === null) {
    assumed.push(
      `${featuresText}: no feature is declared, and no store has the model's (declare them under features:)`,
    );
  } else configuration.push(`${featuresText}, ${typesFrom}`);

  const rows = traffic.rowsPerWindow ?? usualTraffic.rowsPerWindow;
  assumed.push(`${count(rows)} rows a window${given(traffic.rowsPerWindow, "--rows-per-window")}`);
  const reference = referenceOf(spec.baseline, windowMs, traffic.referenceWindows);
  if (reference.stated === null) {
    assumed.push(
      `a reference of ${count(reference.windows)} windows${given(traffic.referenceWindows, "--reference-windows")}`,
    );
  } else configuration.push(`${reference.stated}: ${count(reference.windows)} windows`);
  if (spec.baseline === null) {
    cannotHold.push("the model has no baseline, so nothing of it is judged: name one (baseline:)");
  }
  const untimed = spec.baseline?.kind === "file" && spec.baseline.time === null;
  const subWindowsKnown = !untimed && reference.windows >= fewestSubWindows;
  if (!subWindowsKnown) {
    const why = untimed
      ? "the baseline's file names no time column (baseline.time)"
      : `a reference of ${reference.windows} windows is fewer than ${fewestSubWindows}`;
    configuration.push(
      `${why}: fourteen windows warm up, in which only gross changes are found, and are not counted here`,
    );
  }
  if (windowMs < dayMs && reference.windows * windowMs < weekMs && subWindowsKnown) {
    configuration.push("a reference of less than a week knows no weekend: expect more incidents on real weekends");
  }

  const asked = monitoring.season === "weekdays";
  const seasonKnown = windowMs === dayMs && reference.windows >= seasonDays;
  if (asked && seasonKnown) configuration.push("season: weekdays");
  if (asked && !seasonKnown) {
    cannotHold.push(
      `season: weekdays needs windows of a day and a reference of ${seasonDays} days: it does nothing with ${windows} and ${count(reference.windows)} of them; set season: none, or lengthen the baseline`,
    );
  }

  const results: ConfiguredModel["results"] =
    task.kind === "unknown" ? [] : task.kind === "regression" ? ["score"] : ["score", "class"];
  if (task.kind === "unknown") assumed.push("no score and no class: the task is unknown (task:)");
  else
    configuration.push(
      `${task.kind}: ${results.join(" and ")} ${results.length === 1 ? "is" : "are"} judged beside the features`,
    );

  const concurrent = spec.baseline?.kind === "range" && spec.baseline.concurrent === true;
  const canaryShare = concurrent ? (traffic.canaryShare ?? usualTraffic.canaryShare) : null;
  if (canaryShare !== null) {
    assumed.push(
      `a new version with ${canaryShare * 100} % of the rows${given(traffic.canaryShare, "--canary-share")}`,
    );
    const fewest = Math.round(rows * Math.min(canaryShare, 1 - canaryShare));
    if (fewest < minWindowRows) {
      cannotHold.push(
        `beside the control a window has ${count(fewest)} rows of the other version, fewer than ${minWindowRows}: its results are judged only over many windows together; take longer windows, or a larger share`,
      );
    }
  }

  const slices = slicesOf(spec, features, rows, traffic.valuesPerCohort);
  configuration.push(...slices.configuration);
  assumed.push(...slices.assumed);
  cannotHold.push(...slices.cannotHold);

  const performance = performanceOf(spec, reference.windows, { configuration, assumed, cannotHold });
  if (spec.monitors.length > 0) {
    configuration.push(
      `${spec.monitors.length} of your own monitors have their tenth of the budget; their values are not simulated`,
    );
  }
  const rowsPerUser = traffic.rowsPerUser ?? usualTraffic.rowsPerUser;
  if (rowsPerUser > 1) {
    assumed.push(`${rowsPerUser} rows a user where rows repeat users${given(traffic.rowsPerUser, "--rows-per-user")}`);
  } else assumed.push("independent rows: one row a user (--rows-per-user)");
  if (traffic.weights === null) assumed.push("rows without weights (--weights)");
  else assumed.push(`${traffic.weights} weights, in one scenario of the features alone (--weights)`);

  const horizon = horizonOf(windowMs);
  if (rows * horizon < minWindowRows) {
    cannotHold.push(
      `a window of ${count(rows)} rows is never judged, ${minWindowRows} are needed: take longer windows (monitoring.window)`,
    );
  } else if (rows < minWindowRows) {
    cannotHold.push(
      `a window of ${count(rows)} rows is not judged by itself, ${minWindowRows} are needed: only the last ${horizon} together are, and nothing is learnt of how much healthy windows vary: take longer windows (monitoring.window)`,
    );
  }
  const referenceRows = rows * reference.windows;
  if (referenceRows < minReferenceRows) {
    cannotHold.push(
      `a reference of ${count(referenceRows)} rows is no baseline, ${minReferenceRows} are needed: lengthen it`,
    );
  }

  const trailing = spec.baseline?.kind === "trailing" ? spec.baseline : null;
  return {
    model: {
      types: features,
      results,
      calendar: { windowMs, windowsPerWeek: weekMs / windowMs, horizon },
      rows,
      referenceWindows: reference.windows,
      subWindowsKnown,
      rowsPerUser,
      weekdays: asked && seasonKnown,
      trailingGapWindows: trailing === null ? null : Math.round(trailing.gapMs / windowMs),
      canaryShare,
      sliceRows: slices.rows,
      monitors: spec.monitors.length,
      performance,
      weights: traffic.weights,
    },
    report: { model: spec.name, configuration, assumed, cannotHold },
  };
}

/** How many windows the reference has, and the words of the configuration that say so. */
function referenceOf(
  baseline: BaselineSpec | null,
  windowMs: number,
  windows: number | null,
): { readonly windows: number; readonly stated: string | null } {
  const whole = (lengthMs: number) => Math.max(1, Math.floor(lengthMs / windowMs));
  if (windows !== null) return { windows, stated: null };
  switch (baseline?.kind) {
    case "trailing": {
      const { lengthMs, gapMs } = baseline;
      const gap = gapMs === 0 ? "" : `, ${formatDuration(gapMs)} back`;
      return { windows: whole(lengthMs), stated: `a trailing baseline of ${formatDuration(lengthMs)}${gap}` };
    }
    case "range": {
      const { fromMs, toMs, version, concurrent } = baseline;
      const of = version === undefined ? "" : ` of version ${version}${concurrent === true ? ", concurrent" : ""}`;
      return { windows: whole(toMs - fromMs), stated: `a baseline from ${day(fromMs)} to ${day(toMs)}${of}` };
    }
    case "file":
    case undefined:
      return { windows: Math.max(whole(usualTraffic.referenceDays * dayMs), fewestSubWindows), stated: null };
  }
}

function slicesOf(
  { cohorts, features, monitoring }: ModelSpec,
  types: readonly FeatureType[],
  rows: number,
  valuesPerCohort: number | null,
): {
  readonly rows: readonly number[];
  readonly configuration: readonly string[];
  readonly assumed: readonly string[];
  readonly cannotHold: readonly string[];
} {
  const sizes: number[] = [];
  const configuration: string[] = [];
  const assumed: string[] = [];
  const cannotHold: string[] = [];
  const fewest = Math.max(monitoring.minSliceRows, minWindowRows);
  for (const { attribute, watch, derive } of cohorts) {
    if (!watch) continue;
    const type = features.find(({ name }) => name === attribute)?.type ?? null;
    const known = valuesOf(derive?.kind ?? null, type);
    const values = known ?? Math.min(mostSliceValues, valuesPerCohort ?? usualTraffic.valuesPerCohort);
    const each = Math.floor(rows / values);
    const watched = `${values} watched slices of ${attribute} with ${count(each)} rows each`;
    if (each < fewest) {
      const rule =
        each < monitoring.minSliceRows ? `min_slice_rows is ${monitoring.minSliceRows}` : `${minWindowRows} are needed`;
      cannotHold.push(`${watched} are not watched, ${rule}: take longer windows, or fewer values`);
      continue;
    }
    sizes.push(...Array.from({ length: values }, () => each));
    if (known === null) assumed.push(`${watched}${given(valuesPerCohort, "--values-per-cohort")}`);
    else configuration.push(watched);
  }
  return { rows: types.length === 0 ? [] : sizes, configuration, assumed, cannotHold };
}

/** How many values an attribute has, if that is known. */
function valuesOf(derive: "hour_band" | "weekday" | "length" | null, type: FeatureType | null): number | null {
  switch (derive) {
    case "weekday":
      return weekdays;
    case "hour_band":
      return hourBands;
    case "length":
      return lengthBands;
    case null:
      return type === "boolean" ? 2 : null;
  }
}

function performanceOf(
  spec: ModelSpec,
  referenceWindows: number,
  { configuration, assumed, cannotHold }: Record<"configuration" | "assumed" | "cannotHold", string[]>,
): ConfiguredModel["performance"] {
  const { task, baseline } = spec;
  const { metrics } = spec.performance ?? usualPerformance(task);
  const hasLabels =
    baseline !== null && (baseline.kind !== "file" || (baseline.time !== null && baseline.label !== null));
  if (task.kind === "unknown" || metrics.length === 0) return null;
  const names = metrics.map(({ metric }) => metric).join(" and ");
  if (!hasLabels) {
    if (baseline !== null) {
      cannotHold.push(
        `${names} cannot be judged: the baseline's file names no ${baseline.kind === "file" && baseline.time === null ? "time" : "label"} column (baseline.time, baseline.label)`,
      );
    }
    return null;
  }
  if (referenceWindows < fewestLabelledWindows) {
    cannotHold.push(
      `${names} cannot be judged: a reference of ${referenceWindows} windows is fewer than ${fewestLabelledWindows}`,
    );
  }
  const drawn = metrics.filter(({ metric }) => simulatedMetrics.includes(metric));
  const left = metrics.filter((one) => !drawn.includes(one)).map(({ metric }) => metric);
  if (left.length > 0) configuration.push(`${left.join(" and ")} of performance is judged, and not simulated`);
  if (drawn.length > 0) {
    configuration.push(`performance: ${drawn.map(({ metric }) => metric).join(" and ")}`);
    assumed.push(
      task.kind === "regression"
        ? "a mean error of 0.1, and a label for every row"
        : "an accuracy of 0.9, and a label for every row",
    );
  }
  return { task: task.kind === "regression" ? "regression" : "binary", metrics: drawn };
}

function ofTypes(types: readonly FeatureType[]): string {
  const words = { numeric: ["number", "numbers"], categorical: ["category", "categories"], boolean: ["flag", "flags"] };
  const parts = (["numeric", "categorical", "boolean"] as const).flatMap((type) => {
    const found = types.filter((one) => one === type).length;
    return found === 0 ? [] : [`${found} ${words[type][found === 1 ? 0 : 1]}`];
  });
  return parts.length === 0 ? "no features" : listed(parts);
}

const given = (value: number | null, option: string) => (value === null ? ` (${option})` : `, by ${option}`);
const count = (value: number) => value.toLocaleString("en-GB");
const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
