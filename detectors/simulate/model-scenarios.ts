import type { FeatureType } from "../../core/feature-schema.ts";
import type { PerformanceSpec } from "../../core/model.ts";
import { dayMs, weekMs } from "../../core/window.ts";
import { warmUpWindows } from "../decisions/judged-window.ts";
import type { PerformanceStream } from "./performance.ts";
import type { Scenario } from "./scenarios.ts";
import type { Calendar, Change, StreamSpec } from "./streams.ts";
import type { RowWeights } from "./weights.ts";

/** A model as its configuration has it: all that simulated decisions depend on. Plain, so that it can go to another thread. */
export interface ConfiguredModel {
  readonly types: readonly FeatureType[];
  /** Judged beside the features. */
  readonly results: readonly ("score" | "class")[];
  readonly calendar: Calendar;
  /** n, and N in windows of n rows. */
  readonly rows: number;
  readonly referenceWindows: number;
  /** As `DeciderOptions.subWindowsKnown`. */
  readonly subWindowsKnown: boolean;
  /** Rows of one user in a window; 1: rows are independent, and no scenario says otherwise. */
  readonly rowsPerUser: number;
  /** `monitoring.season: weekdays`. */
  readonly weekdays: boolean;
  /** Windows between a trailing reference and the present week; null: the reference stands still. */
  readonly trailingGapWindows: number | null;
  /** The new version's share of the rows beside a concurrent control; null: there is none. */
  readonly canaryShare: number | null;
  /** Rows a window of each watched slice. */
  readonly sliceRows: readonly number[];
  readonly monitors: number;
  /** What is judged once labels are due; null: nothing. */
  readonly performance: {
    readonly task: PerformanceStream["task"];
    readonly metrics: PerformanceSpec["metrics"];
  } | null;
  /** How rows are weighted; null: all alike. */
  readonly weights: RowWeights | null;
}

export const rowWeights: readonly RowWeights[] = ["lognormal", "sampled"];

/** CPU time that the scenarios of one model are meant to take together, with `--quick` and without. */
const quickMs = 70_000;
const wholeMs = 30 * 60_000;
/** Measured on one core: to draw and count a value, and to decide a series in a window. */
const drawMs = 0.00009;
const decideMs = 0.08;
/** A trailing reference is counted anew each week, and seasons are told from each reference. */
const movingFactor = 2;
const seasonFactor = 2;
const fewestModels = 3;
const mostModels = { rate: { quick: 50, whole: 300 }, delay: { quick: 100, whole: 1000 } };

type Own = Extract<Scenario, { kind: "false_incidents" | "delay" }>;

/** The kinds of healthy traffic, and the planted changes, that a model of a configuration is simulated with. */
export function modelScenarios(model: ConfiguredModel): readonly Scenario[] {
  const { calendar, types, rows, sliceRows, performance, canaryShare } = model;
  const stream: StreamSpec = {
    kind: "iid",
    features: types.length,
    types,
    calendar,
    results: canaryShare === null ? model.results : [],
    referenceRows: rows * model.referenceWindows,
    rows,
    volumeSpread: 0.3,
    clusterSize: 1,
    wander: 0,
    ...(sliceRows.length > 0 && { slices: sliceRows.length, sliceRows }),
  };
  const common = {
    models: 0,
    subWindowsKnown: model.subWindowsKnown,
    weekdays: model.weekdays,
    beside: { monitors: model.monitors, performance: performance !== null },
  };
  const warmUp = model.subWindowsKnown ? 0 : warmUpWindows;
  const trails = model.trailingGapWindows !== null;
  const windows = liveWindows(calendar) * (trails ? 2 : 1) + warmUp;

  const healthy = (name: string, title: string, more: Partial<StreamSpec> = {}): Own => ({
    kind: "false_incidents",
    name,
    title: trails ? `${title}; trailing reference` : title,
    stream: { ...stream, ...more },
    ...common,
    windows,
    bar: true,
    ...(trails && { trailing: true, gapWindows: model.trailingGapWindows }),
  });
  const delay = (name: string, title: string, change: Omit<Change, "strength">): Own => ({
    kind: "delay",
    name,
    title,
    stream: { ...stream, volumeSpread: 0 },
    ...common,
    change: { ...change, strength: (window) => (window >= warmUp ? 1 : 0) },
    from: warmUp,
    marks: [1, 2, calendar.horizon].map((within) => ({ within, atLeast: null })),
  });

  const numbers = types.includes("numeric");
  const categories = types.includes("categorical");
  const own: Own[] = types.length === 0 ? [] : [healthy("iid", "independent rows")];
  if (types.length > 0) {
    const season = seasonOf(calendar);
    if (season !== null) own.push(healthy("season", season.title, { kind: season.kind }));
    if (model.rowsPerUser > 1) {
      const users = { kind: "cluster", clusterSize: model.rowsPerUser } as const;
      own.push(healthy("users", `${model.rowsPerUser} rows a user`, users));
    }
    own.push(healthy("wander", "means wander slowly by 0.01σ", { kind: "wander", wander: 0.01 }));
    if (numbers) own.push(healthy("heavy-tails", "lognormal and Cauchy numbers", { columns: "heavy_tailed" }));
    if (categories)
      own.push(healthy("high-cardinality", "categories: Zipf over 1,000", { columns: "high_cardinality" }));
    if (types.length > 1)
      own.push(healthy("correlated", "half of every row's variance is common", { correlation: 0.5 }));
    own.push(healthy("unequal-windows", "volumes from 0.1 to 1.9 of n", { volumeSpread: 0.9 }));
    if (model.weights !== null) own.push(weighted(healthy, model.weights));
  }
  if (canaryShare !== null) own.push(...canaries(healthy, delay, model, canaryShare));
  if (numbers) {
    for (const size of [0.1, 0.2, 0.5]) {
      own.push(delay(`mean-${size}`, `mean of a number +${size}σ`, { kind: "mean", size, categories: 2 }));
    }
  }
  if (categories || types.includes("boolean")) {
    own.push(delay("flag", "a flag from 10 to 15 %", { kind: "share", size: 0.15, categories: 2 }));
  }
  if (categories) {
    own.push(
      delay("category-10", "one of 10 categories from 10 to 15 %", { kind: "share", size: 0.15, categories: 10 }),
      delay("new-category", "a new category of 1 %, 4 known", { kind: "new_category", size: 0.01, categories: 4 }),
    );
  }
  if (types.length > 0)
    own.push(delay("missing", "missing from 0 to 2 %", { kind: "missing", size: 0.02, categories: 2 }));
  return [...affordable(own), ...performanceOf(model)];
}

/** Four weeks of days; of shorter windows two weeks, or one where an hour has several; of longer ones as many windows. */
function liveWindows({ windowsPerWeek }: Calendar): number {
  if (windowsPerWeek <= 7) return 28;
  return Math.round(windowsPerWeek <= 168 ? 2 * windowsPerWeek : windowsPerWeek);
}

function seasonOf({ windowMs }: Calendar): (Pick<StreamSpec, "kind"> & { readonly title: string }) | null {
  if (windowMs < dayMs) return { kind: "hourly", title: "hours differ by up to 0.15σ in every third feature" };
  return windowMs < weekMs ? { kind: "season", title: "weekends differ by 0.15σ in every third feature" } : null;
}

type Healthy = (name: string, title: string, more?: Partial<StreamSpec>) => Own;
type Delay = (name: string, title: string, change: Omit<Change, "strength">) => Own;

/** Of the features of the whole model, with a reference that stands still: weights are simulated of those alone. */
function weighted(healthy: Healthy, weights: RowWeights): Own {
  const title = {
    lognormal: "features alone; lognormal weights (n effective 0.37 n)",
    sampled: "features alone; a tenth of the rows with weight 20 (n effective 0.21 n)",
  };
  const { trailing: _, ...scenario } = healthy("weights", title[weights], { results: [], slices: 0 }) as Extract<
    Own,
    { kind: "false_incidents" }
  >;
  return { ...scenario, title: title[weights], source: { kind: "weights", weights } };
}

/** Features beside a version that takes a share of the traffic, whose results are held against the control's. */
function canaries(healthy: Healthy, delay: Delay, model: ConfiguredModel, share: number): Own[] {
  const { rows, referenceWindows, rowsPerUser } = model;
  const canary = { traffic: "iid", rows, share, rate: 0.1, change: 0, referenceWindows } as const;
  const part = `a new version of ${Math.round(share * 1000) / 10} %`;
  const changed = delay("canary-changed", `${part} decides 15 instead of 10 % positive`, {
    kind: "share",
    size: 0,
    categories: 2,
  });
  return [
    { ...healthy("canary-iid", `${part}: independent rows`), canary },
    ...(rowsPerUser > 1
      ? [{ ...healthy("canary-users", `${part}: ten rows a user`), canary: { ...canary, traffic: "users" } } as Own]
      : []),
    {
      ...changed,
      change: null,
      canary: { ...canary, change: 0.5 },
      marks: [1, 4, 13].map((within) => ({ within, atLeast: null })),
    } as Own,
  ];
}

/** With as many models as the time allows. */
function affordable(own: readonly Own[]): Own[] {
  return own.map((scenario) => {
    const most = mostModels[scenario.kind === "delay" ? "delay" : "rate"];
    const share = costMs(scenario) * own.length;
    const models = (totalMs: number, atMost: number) =>
      Math.max(fewestModels, Math.min(atMost, Math.floor(totalMs / share)));
    return { ...scenario, models: models(wholeMs, most.whole), quickModels: models(quickMs, most.quick) };
  });
}

/** About how long one model of a scenario takes. */
function costMs(scenario: Own): number {
  const { stream, canary } = scenario;
  const reference = Math.round(stream.referenceRows / stream.rows);
  const live = scenario.kind === "delay" ? (scenario.from ?? 0) + scenario.marks.at(-1)!.within : scenario.windows;
  const series = stream.features + (stream.results?.length ?? 0);
  const slices = (stream.sliceRows ?? []).reduce((sum, rows) => sum + rows, 0);
  const drawn = (series * (stream.rows + slices) + (canary?.rows ?? 0) * 2) * (reference + live);
  const decided = series * (1 + (stream.slices ?? 0)) * live;
  const moving = scenario.kind === "false_incidents" && scenario.trailing === true ? movingFactor : 1;
  return (drawn * drawMs + decided * decideMs) * moving * (scenario.weekdays === true ? seasonFactor : 1);
}

/** Performance from labels: every row has one. */
function performanceOf({ performance, rows, calendar, referenceWindows, rowsPerUser }: ConfiguredModel): Scenario[] {
  if (performance === null || performance.metrics.length === 0) return [];
  const { task, metrics } = performance;
  const stream: StreamSpec = {
    kind: "iid",
    features: metrics.length,
    calendar,
    referenceRows: rows * referenceWindows,
    rows,
    volumeSpread: 0,
    clusterSize: 1,
    wander: 0,
  };
  const usual: PerformanceStream = {
    ...{ task, metrics, rows, referenceWindows, calendar },
    ...{ accuracy: 0.9, volumeSpread: 0.3, weekend: 0, wander: 0, together: 1 },
  };
  const weeks = liveWindows(calendar) / calendar.windowsPerWeek;
  const models = { models: 1000, quickModels: Math.max(10, Math.min(100, Math.round(100_000 / rows))) };
  const names = metrics.map(({ metric }) => metric).join(", ");
  const healthy = (name: string, title: string, more: Partial<PerformanceStream>): Scenario => ({
    kind: "performance_false_incidents",
    name: `performance-${name}`,
    title: `performance (${names}): ${title}`,
    ...{ stream, weeks, bar: true, performance: { ...usual, ...more } },
    ...models,
  });
  const fall = (changed: number): Scenario => ({
    kind: "performance_delay",
    name: `performance-${changed}`,
    title: `performance: ${task === "regression" ? `mean error 0.10 to ${(1 - changed).toFixed(2)}` : `accuracy 0.90 to ${changed}`}`,
    ...{ stream, changed, performance: { ...usual, volumeSpread: 0 } },
    marks: [1, 2, calendar.horizon].map((within) => ({ within, atLeast: null })),
    ...models,
  });
  const weekends = calendar.windowMs < weekMs && task === "binary";
  return [
    healthy("iid", "independent rows", {}),
    ...(weekends ? [healthy("season", "accuracy is 0.03 lower at weekends", { weekend: 0.03 })] : []),
    ...(rowsPerUser > 1 && task === "binary"
      ? [healthy("users", `${rowsPerUser} rows a user`, { together: rowsPerUser })]
      : []),
    fall(0.87),
    fall(0.85),
  ];
}
