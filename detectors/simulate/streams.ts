import type { Binning, Series } from "../../core/baseline.ts";
import type { FeatureType } from "../../core/feature-schema.ts";
import type { LiveProfile, ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import { dayMs, hourMs, type Window } from "../../core/window.ts";
import type { GapObservation } from "../decisions/silence.ts";
import type { ValueObservation } from "../monitors/value-evidence.ts";
import { pooledCounts } from "../baselines/counts.ts";
import { binOf, numericBinning } from "../decisions/binning.ts";
import { normalTail, normalTailInverse } from "../decisions/normal-tail.ts";
import { binFinder } from "./bin-finder.ts";
import { createRandom, type Random } from "./random.ts";

/** How time is cut. */
export interface Calendar {
  readonly windowMs: number;
  readonly windowsPerWeek: number;
  /** Windows in the long horizon. */
  readonly horizon: number;
}

/** Healthy traffic of one kind; what differs is how windows vary without any drift. */
export interface StreamSpec {
  /**
   * `iid`: independent rows. `season`: every third feature moves at weekends, which have less
   * volume. `hourly`: the same over the hours of a day. `cluster`: rows come in groups per user of a fixed pool.
   * `wander`: each feature's mean follows a slow stationary AR(1).
   */
  readonly kind: "iid" | "season" | "hourly" | "cluster" | "wander";
  readonly features: number;
  /** N and n: the reference is cut into N/n windows. */
  readonly referenceRows: number;
  readonly rows: number;
  /** Live windows of `iid` and `wander` have n·U(1 − spread, 1 + spread) rows. */
  readonly volumeSpread: number;
  /** `cluster`: rows per user. */
  readonly clusterSize: number;
  /** `wander`: standard deviation of the means. */
  readonly wander: number;
  /**
   * `mixed`: numbers and categories in turn, every fifth number discrete. `heavy_tailed`: the numbers are lognormal or
   * Cauchy. `ties`: every number has seven values. `high_cardinality`: every feature is a category of Zipf(1,000).
   */
  readonly columns?: "mixed" | "heavy_tailed" | "ties" | "high_cardinality";
  /** Share of the variance that the numbers of one row have in common, and the chance that its categories are tied. */
  readonly correlation?: number;
  /** The last feature is the day of the week (the hour of the day in hourly streams): a function of time. */
  readonly timeFeature?: boolean;
  /** σ (of a category: logits, alternately up and down) by which every third feature moves with the season. */
  readonly seasonShift?: number;
  /** Watched slices, of 67 and of 200 rows a window in turn: independent series of every feature. */
  readonly slices?: number;
  /** Other rows a window of each slice, in turn. */
  readonly sliceRows?: readonly number[];
  /** What each feature is, instead of `columns`' turns: heavy tails are then those of the numbers, high cardinality that of the categories. */
  readonly types?: readonly FeatureType[];
  /** Other windows than the kind's: hours for `hourly`, else days. */
  readonly calendar?: Calendar;
  /** The results of one version that the model gives all the time. */
  readonly results?: readonly ("score" | "class")[];
  /** The model has a score and a class; from window 7 a second version takes half the traffic, from 14 on all of it. */
  readonly versions?: boolean;
}

/** A planted change of one feature, strength per live window (0, 1, 2 …): 0 is healthy, 1 the full change. */
export interface Change {
  readonly kind: "mean" | "share" | "missing" | "new_category";
  /** σ for a mean; the new share for the others. */
  readonly size: number;
  /** Categories of the changed feature: one of them has 10 %. Unused for `mean`. */
  readonly categories: number;
  readonly strength: (window: number) => number;
}

export interface SimulatedModel {
  readonly reference: readonly ReferenceProfile[];
  readonly windowMs: number;
  readonly windowsPerWeek: number;
  readonly horizon: number;
  /** The feature that `change` touches; null without a change. */
  readonly changed: string | null;
  /** The values of each window of the reference, as `LiveWindow` has them. */
  readonly referenceValues: readonly (readonly Float64Array[])[];
  /** Of each column of the whole model: whether its values are numbers, or categories by their number; NaN is missing. */
  readonly numeric: readonly boolean[];
  /** Number of the user's own values; none if it is left out. */
  readonly monitors?: number;
  live(window: number): LiveWindow;
  /** The same stream, going on, with these of its windows as the reference. */
  rebaselined(windows: readonly Pick<LiveWindow, "values">[], from: number): SimulatedModel;
}

export interface LiveWindow {
  readonly window: Window;
  readonly profiles: readonly LiveProfile[];
  /** One array a column of the whole model, features first; then those of the slices. */
  readonly values: readonly Float64Array[];
  /** The longest stretch without an event, and the values of monitors; where the model has none, nothing is said of them. */
  readonly gap?: GapObservation;
  readonly observations?: readonly ValueObservation[];
}

/** A Monday. */
const startMs = Date.UTC(2024, 0, 1);
const usersInPool = 3000;
const wanderMemory = 10;
const userShare = 0.4;
const favouriteShare = 0.6;
const usualSeasonShift = 0.15;
const missingShare = 0.03;
const discreteShares = [0.5, 0.2, 0.12, 0.08, 0.05, 0.03, 0.02];

const equal = (count: number) => Array.from({ length: count }, () => 1 / count);
const zipf = (count: number) => {
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
};
const flagShares = [
  [0.9, 0.1],
  [0.5, 0.5],
];
const categoricalShares = [
  ...flagShares,
  equal(3),
  zipf(4),
  zipf(5),
  equal(8),
  zipf(10),
  zipf(30),
  zipf(100),
  zipf(1000),
];

/** One column of the simulated model: continuous (a latent normal), the same cut into seven values, or categories. */
interface Column {
  readonly kind: "continuous" | "discrete" | "categorical" | "time";
  /** From a standard normal to the value that is seen. */
  readonly seen: (latent: number) => number;
  readonly shares: readonly number[];
  readonly missing: number;
  readonly seasonal: boolean;
  /** Per user of the pool: latent normal, or favourite category. */
  readonly users: Float64Array;
}

/** The score and the class of a model that has them. */
const predictions: Readonly<Record<"score" | "class", Column>> = {
  score: predictionColumn("continuous"),
  class: predictionColumn("categorical"),
};

function predictionColumn(kind: "continuous" | "categorical"): Column {
  const none = { missing: 0, seasonal: false, users: new Float64Array(0) };
  return { kind, seen: (latent) => latent, shares: [0.8, 0.2], ...none };
}

/** What holds for one column in one window. */
interface Condition {
  /** Shift of a numeric column in σ; of a category's logit, alternately up and down. */
  readonly shift: number;
  readonly shares: readonly number[];
  readonly missing: number;
  readonly newCategory: number;
}

const days: Calendar = { windowMs: dayMs, windowsPerWeek: 7, horizon: 7 };
const hours: Calendar = { windowMs: hourMs, windowsPerWeek: 168, horizon: 24 };

/** The windows of a stream. */
export function calendarOf({ calendar, kind }: Pick<StreamSpec, "calendar" | "kind">): Calendar {
  return calendar ?? (kind === "hourly" ? hours : days);
}

/** Makes one simulated model: its reference, and its live windows as they are asked for, in order. */
export function createModel(spec: StreamSpec, change: Change | null, ...seeds: readonly number[]): SimulatedModel {
  const random = createRandom(...seeds);
  const hourly = spec.kind === "hourly";
  const { seasonShift = usualSeasonShift } = spec;
  const { windowMs, windowsPerWeek, horizon } = calendarOf(spec);
  const windowsPerDay = dayMs / windowMs;
  const isWeekend = (w: number) => isWeekendDay(Math.floor(w / windowsPerDay));
  const referenceWindows = Math.max(1, Math.round(spec.referenceRows / spec.rows));
  const columns = Array.from({ length: spec.features }, (_, feature) => columnOf(feature, spec, change, random));
  const results = spec.results ?? (spec.versions === true ? (["score", "class"] as const) : []);
  for (const result of results) {
    const column = predictions[result];
    columns.push({ ...column, users: usersOf(column, spec, random) });
  }
  const changed = change === null ? null : changedFeature(change, spec);
  const correlation = spec.correlation ?? 0;
  const means = columns.map(() => spec.wander * random.normal());
  const userRows = spec.kind === "cluster" ? new Int32Array(Math.ceil(spec.rows * 2)) : null;

  const windowAt = (w: number) => ({ startMs: startMs + w * windowMs, endMs: startMs + (w + 1) * windowMs });

  /** Moves the stream to window `w` (negative: before the live ones) and says how many rows it has. */
  function volumeOf(w: number): number {
    if (spec.kind === "season") return Math.round(spec.rows * (isWeekend(w) ? 0.6 : 1.16));
    if ((spec.kind === "iid" || spec.kind === "wander") && w >= 0) {
      return Math.round(spec.rows * (1 + spec.volumeSpread * (2 * random.uniform() - 1)));
    }
    return spec.rows;
  }

  function conditionOf(feature: number, w: number): Condition {
    const column = columns[feature]!;
    let shift = 0;
    if (spec.kind === "season" && column.seasonal && isWeekend(w)) shift = seasonShift;
    if (hourly && column.seasonal) shift = seasonShift * Math.sin((2 * Math.PI * w) / windowsPerDay);
    if (spec.kind === "wander") shift = means[feature]!;
    const healthy = { shift, shares: column.shares, missing: column.missing, newCategory: 0 };
    const strength = change === null || feature !== changed || w < 0 ? 0 : change.strength(w);
    if (change === null || strength === 0) return healthy;
    switch (change.kind) {
      case "mean":
        return { ...healthy, shift: shift + strength * change.size };
      case "missing":
        return { ...healthy, missing: strength * change.size };
      case "new_category":
        return { ...healthy, newCategory: strength * change.size };
      case "share": {
        const target = 0.1 + strength * (change.size - 0.1);
        return { ...healthy, shares: oneAt(target, column.shares.length) };
      }
    }
  }

  function drawWindow(w: number): Float64Array[] {
    const rows = volumeOf(w);
    if (spec.kind === "wander") {
      const keep = Math.exp(-1 / wanderMemory);
      means.forEach((mean, f) => {
        means[f] = keep * mean + spec.wander * Math.sqrt(1 - keep ** 2) * random.normal();
      });
    }
    if (userRows !== null) {
      for (let row = 0; row < rows; row += spec.clusterSize) {
        userRows.fill(Math.floor(random.uniform() * usersInPool), row, row + spec.clusterSize);
      }
    }
    const common = correlation === 0 ? null : Float64Array.from({ length: rows }, () => random.normal());
    const period = hourly ? 24 : 7;
    return columns.map((column, feature) =>
      column.kind === "time"
        ? new Float64Array(rows).fill(((w % period) + period) % period)
        : drawColumn(column, conditionOf(feature, w), rows, { userRows, common, correlation }, random),
    );
  }

  const { sliceRows = usualSliceRows } = spec;
  /** Every series, its column, and how many rows a window of it has (`null`: those of the model). */
  const whole = columns.map((column, index): Plot => ({
    column,
    index,
    series: seriesOf(index, spec.features, results),
    rows: null,
  }));
  const slices = Array.from({ length: spec.slices ?? 0 }, (_, slice) =>
    whole.slice(0, spec.features).map((plot): Plot => ({
      ...plot,
      series: { ...plot.series, slice: `region=r${slice}` },
      rows: sliceRows[slice % sliceRows.length]!,
    })),
  );
  const plots = [...whole, ...slices.flat()];

  function drawAll(w: number): readonly Float64Array[] {
    const wholeModel = drawWindow(w);
    return plots.map(({ column, index, rows }) =>
      rows === null ? wholeModel[index]! : drawColumn(column, conditionOf(index, w), rows, independentRows, random),
    );
  }

  /** @param from The window that the first drawn one is. */
  function modelOn(drawn: readonly (readonly Float64Array[])[], from: number): SimulatedModel {
    const counters = plots.map(({ column }, plot) =>
      counterOf(
        column,
        drawn.map((window) => window[plot]!),
      ),
    );
    const reference = counters.flatMap(({ binning, count }, plot): ReferenceProfile[] => {
      const { series } = plots[plot]!;
      const subWindows = drawn.map((window) => count(window[plot]!));
      const profile = {
        series,
        binning,
        pooled: pooledCounts(subWindows, binning),
        subWindows,
        subWindowTimes: drawn.map((_, i) => windowAt(from + i)),
      };
      return series.role === "feature" ? [profile] : [profile, { ...profile, series: { ...series, version: "1" } }];
    });
    return {
      reference,
      windowMs,
      windowsPerWeek,
      horizon,
      changed: changed === null ? null : `f${changed}`,
      referenceValues: drawn,
      numeric: columns.map(({ kind }) => kind === "continuous" || kind === "discrete"),
      live: (w) => {
        const window = windowAt(w);
        const values = drawAll(w);
        const profiles = values.flatMap((column, plot) =>
          versionsOf(plots[plot]!.series, column, spec.results === undefined ? w : 0).map(({ series, rows }) => ({
            series,
            window,
            counts: counters[plot]!.count(rows),
          })),
        );
        return { window, profiles, values };
      },
      rebaselined: (windows, from) =>
        modelOn(
          windows.map(({ values }) => values),
          from,
        ),
    };
  }

  return modelOn(
    Array.from({ length: referenceWindows }, (_, i) => drawAll(i - referenceWindows)),
    -referenceWindows,
  );
}

/** One series of the model and where its values come from. */
interface Plot {
  readonly column: Column;
  readonly index: number;
  readonly series: Series;
  readonly rows: number | null;
}

const usualSliceRows = [67, 200];
const independentRows: RowContext = { userRows: null, common: null, correlation: 0 };

/** Features f0, f1 …, then the score and the class. */
function seriesOf(index: number, features: number, results: readonly ("score" | "class")[]): Series {
  const whole = { version: "", slice: "" };
  if (index < features) return { role: "feature", feature: `f${index}`, ...whole };
  return { role: results[index - features]!, feature: "", ...whole };
}

/** Score and class belong to the versions that are live in window `w`; features to none. */
function versionsOf(series: Series, rows: Float64Array, w: number): { series: Series; rows: Float64Array }[] {
  if (series.role === "feature") return [{ series, rows }];
  const first = { ...series, version: "1" };
  const second = { ...series, version: "2" };
  if (w < 7) return [{ series: first, rows }];
  if (w >= 14) return [{ series: second, rows }];
  const half = rows.length >> 1;
  return [
    { series: first, rows: rows.subarray(0, half) },
    { series: second, rows: rows.subarray(half) },
  ];
}

function isWeekendDay(day: number): boolean {
  return ((day % 7) + 7) % 7 >= 5;
}

/**
 * A mean moves feature 0 (continuous), missing values appear in feature 3, categories change in feature 1. Of a model with
 * types of its own it is the first feature that has such values: a flag is a boolean before it is a category.
 */
function changedFeature(change: Change, { types, features }: Pick<StreamSpec, "types" | "features">): number {
  if (types === undefined) {
    if (change.kind === "mean") return 0;
    return change.kind === "missing" ? 3 : 1;
  }
  if (change.kind === "mean") return types.indexOf("numeric");
  if (change.kind === "missing") return Math.min(3, features - 1);
  const flag = change.kind === "share" && change.categories === 2 ? types.indexOf("boolean") : -1;
  return flag >= 0 ? flag : types.indexOf("categorical");
}

function oneAt(share: number, categories: number): number[] {
  return [share, ...Array.from({ length: categories - 1 }, () => (1 - share) / (categories - 1))];
}

/** Where a model says which features are flags, its other categories are none. */
function categoriesOf(turn: number, withFlags: boolean): readonly number[] {
  const shares = withFlags ? categoricalShares : categoricalShares.slice(flagShares.length);
  return shares[turn % shares.length]!;
}

function columnOf(feature: number, spec: StreamSpec, change: Change | null, random: Random): Column {
  const { columns = "mixed", timeFeature = false } = spec;
  const period = spec.kind === "hourly" ? 24 : 7;
  if (timeFeature && feature === spec.features - 1) {
    const none = { missing: 0, seasonal: false, users: new Float64Array(0) };
    return { kind: "time", seen: (latent) => latent, shares: equal(period), ...none };
  }
  const { types } = spec;
  const type = types?.[feature] ?? (columns !== "high_cardinality" && feature % 2 === 0 ? "numeric" : "categorical");
  const numeric = type === "numeric";
  const turn = types === undefined ? feature >> 1 : types.slice(0, feature).filter((one) => one === type).length;
  const discrete = numeric && (columns === "ties" || turn % 5 === 4);
  const replaced = change !== null && change.kind !== "mean" && changedFeature(change, spec) === feature;
  const shares = numeric
    ? discreteShares
    : replaced && change.kind === "share"
      ? oneAt(0.1, change.categories)
      : replaced && change.kind === "new_category"
        ? zipf(change.categories)
        : type === "boolean"
          ? flagShares[turn % flagShares.length]!
          : columns === "high_cardinality"
            ? zipf(1000)
            : categoriesOf(turn, types === undefined);
  const kind = numeric ? (discrete ? "discrete" : "continuous") : "categorical";
  const users = usersOf({ kind, shares }, spec, random);
  return {
    kind,
    seen:
      columns === "heavy_tailed" && kind === "continuous" ? heavyTails[turn % heavyTails.length]! : (latent) => latent,
    shares,
    missing: feature % 4 === 1 && !replaced ? missingShare : 0,
    seasonal: feature % 3 === 0,
    users,
  };
}

/** What each user of the pool tends to, in a column of these. */
function usersOf(
  { kind, shares }: Pick<Column, "kind" | "shares">,
  { kind: traffic }: Pick<StreamSpec, "kind">,
  random: Random,
): Float64Array {
  const users = new Float64Array(traffic === "cluster" ? usersInPool : 0);
  const draw = kind === "categorical" ? categorySampler(shares, random) : () => random.normal();
  for (let user = 0; user < users.length; user += 1) users[user] = draw();
  return users;
}

/** Lognormal with σ = 1.5, and Cauchy: by inversion, so that a shift of the latent normal moves them. */
const heavyTails: readonly ((latent: number) => number)[] = [
  (latent) => Math.exp(1.5 * latent),
  (latent) => Math.tan(Math.PI * (0.5 - normalTail(latent))),
];

/** What the rows of a window share across columns. */
interface RowContext {
  readonly userRows: Int32Array | null;
  /** A standard normal per row; null if columns are independent. */
  readonly common: Float64Array | null;
  readonly correlation: number;
}

/** Values of one column in one window: numbers, or categories by number (the new one is `shares.length`); NaN is missing. */
function drawColumn(
  column: Column,
  condition: Condition,
  rows: number,
  { userRows, common, correlation }: RowContext,
  random: Random,
): Float64Array {
  const values = new Float64Array(rows);
  const { missing, shift, newCategory } = condition;
  if (column.kind === "categorical") {
    const draw = categorySampler(shift === 0 ? condition.shares : tilted(condition.shares, shift), random);
    for (let row = 0; row < rows; row += 1) {
      if (missing > 0 && random.uniform() < missing) values[row] = NaN;
      else if (newCategory > 0 && random.uniform() < newCategory) values[row] = column.shares.length;
      else if (userRows !== null && random.uniform() < favouriteShare) values[row] = column.users[userRows[row]!]!;
      else if (common !== null && random.uniform() < correlation) values[row] = draw(1 - normalTail(common[row]!));
      else values[row] = draw();
    }
    return values;
  }
  const own = Math.sqrt(1 - userShare);
  const shared = Math.sqrt(userShare);
  for (let row = 0; row < rows; row += 1) {
    const alone = random.normal();
    const latent = common === null ? alone : Math.sqrt(correlation) * common[row]! + Math.sqrt(1 - correlation) * alone;
    values[row] = shift + (userRows === null ? latent : own * latent + shared * column.users[userRows[row]!]!);
    if (column.kind === "continuous") values[row] = column.seen(values[row]!);
    if (missing > 0 && random.uniform() < missing) values[row] = NaN;
  }
  if (column.kind === "discrete") {
    const cuts = discreteCuts(column.shares);
    for (let row = 0; row < rows; row += 1) {
      if (!Number.isNaN(values[row]!)) values[row] = binOf(cuts, values[row]!);
    }
  }
  return values;
}

function tilted(shares: readonly number[], shift: number): number[] {
  const weights = shares.map((share, index) => share * Math.exp(index % 2 === 0 ? shift : -shift));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Where a standard normal must be cut to give these shares. */
function discreteCuts(shares: readonly number[]): Float64Array {
  let tail = 1;
  return Float64Array.from(shares.slice(0, -1), (share) => {
    tail -= share;
    return tail > 0.5 ? -normalTailInverse(1 - tail) : normalTailInverse(tail);
  });
}

/** Draws category numbers by inversion, with a guide table so that most draws look at one or two categories. */
function categorySampler(shares: readonly number[], random: Random): (u?: number) => number {
  const cumulative = new Float64Array(shares.length);
  let sum = 0;
  shares.forEach((share, index) => {
    cumulative[index] = sum += share;
  });
  cumulative[shares.length - 1] = 1;
  const guides = new Int32Array(shares.length);
  for (let index = 0, guide = 0; guide < guides.length; guide += 1) {
    while (cumulative[index]! <= guide / guides.length) index += 1;
    guides[guide] = index;
  }
  return (u = random.uniform()) => {
    let index = guides[Math.floor(u * guides.length)]!;
    while (cumulative[index]! <= u) index += 1;
    return index;
  };
}

function presentValues(parts: readonly Float64Array[]): Float64Array {
  const result = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let count = 0;
  for (const part of parts) {
    for (const value of part) if (!Number.isNaN(value)) result[count++] = value;
  }
  return result.subarray(0, count);
}

/** The binning of a column's reference and the counting in it (as the store does in SQL, without a string per row). */
function counterOf(
  column: Column,
  drawn: readonly Float64Array[],
): { binning: Binning; count: (values: Float64Array) => SeriesCounts } {
  const all = presentValues(drawn);
  if (column.kind === "continuous" || column.kind === "discrete") {
    const binning = numericBinning(all.sort());
    const bin = binFinder(Float64Array.from(binning.edges));
    return { binning, count: (values) => numericCounts(bin, binning.edges.length + 1, values) };
  }
  const totals = new Float64Array(column.shares.length + 1);
  for (const value of all) totals[value]! += 1;
  const seen = [...totals.keys()].filter((index) => totals[index]! > 0);
  // Names of one length, so that their bytes sort like their numbers.
  const name = (index: number) => `c${String(index).padStart(4, "0")}`;
  seen.sort((a, b) => totals[b]! - totals[a]! || a - b);
  const positions = new Int32Array(totals.length).fill(-1);
  seen.forEach((index, position) => {
    positions[index] = position;
  });
  return {
    binning: {
      kind: "categorical",
      categories: seen.map(name),
      distinct: seen.length,
      singletons: seen.filter((index) => totals[index] === 1).length,
    },
    count: (values) => categoricalCounts(positions, seen.length, values),
  };
}

function unweighted(rows: number, presentRows: number) {
  return {
    rows,
    weight: rows,
    weightSquares: rows,
    presentRows,
    presentWeight: presentRows,
    presentWeightSquares: presentRows,
    missing: rows - presentRows,
    nonFinite: 0,
  };
}

const noNumbers = { min: null, max: null, sum: 0, sumSquares: 0 };
const nothingUnseen = { unlisted: 0, unseen: 0, unseenTop: 0, unseenTopValue: null, unseenDistinct: 0 };

function numericCounts(bin: (value: number) => number, count: number, values: Float64Array): SeriesCounts {
  const bins = new Float64Array(count);
  let present = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    present += 1;
    bins[bin(value)]! += 1;
  }
  return { ...unweighted(values.length, present), bins, ...nothingUnseen, ...noNumbers };
}

function categoricalCounts(positions: Int32Array, listed: number, values: Float64Array): SeriesCounts {
  const bins = new Float64Array(listed);
  const unseen = new Map<number, number>();
  let present = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    present += 1;
    const position = positions[value]!;
    if (position >= 0) bins[position]! += 1;
    else unseen.set(value, (unseen.get(value) ?? 0) + 1);
  }
  let total = 0;
  let top = 0;
  for (const count of unseen.values()) {
    total += count;
    top = Math.max(top, count);
  }
  return {
    ...unweighted(values.length, present),
    bins,
    ...nothingUnseen,
    ...noNumbers,
    unseen: total,
    unseenTop: top,
    unseenDistinct: unseen.size,
  };
}
