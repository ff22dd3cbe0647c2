import type { Binning, Series } from "../../core/baseline.ts";
import type { LiveProfile, ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import { dayMs, hourMs, type Window } from "../../core/window.ts";
import { binOf, numericBinning } from "../decisions/binning.ts";
import { normalTailInverse } from "../decisions/normal-tail.ts";
import { createRandom, type Random } from "./random.ts";

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
  live(window: number): { readonly window: Window; readonly profiles: readonly LiveProfile[] };
}

/** A Monday. */
const startMs = Date.UTC(2024, 0, 1);
const usersInPool = 3000;
const wanderMemory = 10;
const userShare = 0.4;
const favouriteShare = 0.6;
const seasonShift = 0.15;
const missingShare = 0.03;
const discreteShares = [0.5, 0.2, 0.12, 0.08, 0.05, 0.03, 0.02];

const equal = (count: number) => Array.from({ length: count }, () => 1 / count);
const zipf = (count: number) => {
  const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
};
const categoricalShares = [
  [0.9, 0.1],
  [0.5, 0.5],
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
  readonly kind: "continuous" | "discrete" | "categorical";
  readonly shares: readonly number[];
  readonly missing: number;
  readonly seasonal: boolean;
  /** Per user of the pool: latent normal, or favourite category. */
  readonly users: Float64Array;
}

/** What holds for one column in one window. */
interface Condition {
  /** Shift of a numeric column in σ; of a category's logit, alternately up and down. */
  readonly shift: number;
  readonly shares: readonly number[];
  readonly missing: number;
  readonly newCategory: number;
}

/** Makes one simulated model: its reference, and its live windows as they are asked for, in order. */
export function createModel(spec: StreamSpec, change: Change | null, ...seeds: readonly number[]): SimulatedModel {
  const random = createRandom(...seeds);
  const hourly = spec.kind === "hourly";
  const windowMs = hourly ? hourMs : dayMs;
  const referenceWindows = Math.max(1, Math.round(spec.referenceRows / spec.rows));
  const columns = Array.from({ length: spec.features }, (_, feature) => columnOf(feature, spec, change, random));
  const changed = change === null ? null : changedFeature(change);
  const means = columns.map(() => spec.wander * random.normal());
  const userRows = spec.kind === "cluster" ? new Int32Array(Math.ceil(spec.rows * 2)) : null;

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
    if (hourly && column.seasonal) shift = seasonShift * Math.sin((2 * Math.PI * w) / 24);
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
    return columns.map((column, feature) => drawColumn(column, conditionOf(feature, w), rows, userRows, random));
  }

  const drawn = Array.from({ length: referenceWindows }, (_, i) => drawWindow(i - referenceWindows));
  const counters = columns.map((column, feature) =>
    counterOf(
      column,
      drawn.map((window) => window[feature]!),
    ),
  );
  const seriesOf = (feature: number): Series => ({ role: "feature", feature: `f${feature}`, version: "", slice: "" });
  const reference = counters.map(({ binning, count }, feature): ReferenceProfile => ({
    series: seriesOf(feature),
    binning,
    pooled: count(concatenate(drawn.map((window) => window[feature]!))),
    subWindows: drawn.map((window) => count(window[feature]!)),
  }));

  return {
    reference,
    windowMs,
    windowsPerWeek: hourly ? 168 : 7,
    horizon: hourly ? 24 : 7,
    changed: changed === null ? null : `f${changed}`,
    live: (w) => {
      const window = { startMs: startMs + w * windowMs, endMs: startMs + (w + 1) * windowMs };
      const profiles = drawWindow(w).map((values, feature) => ({
        series: seriesOf(feature),
        window,
        counts: counters[feature]!.count(values),
      }));
      return { window, profiles };
    },
  };
}

function isWeekend(w: number): boolean {
  return ((w % 7) + 7) % 7 >= 5;
}

/** A mean moves feature 0 (continuous), missing values appear in feature 3, categories change in feature 1. */
function changedFeature(change: Change): number {
  if (change.kind === "mean") return 0;
  return change.kind === "missing" ? 3 : 1;
}

function oneAt(share: number, categories: number): number[] {
  return [share, ...Array.from({ length: categories - 1 }, () => (1 - share) / (categories - 1))];
}

function columnOf(feature: number, spec: StreamSpec, change: Change | null, random: Random): Column {
  const numeric = feature % 2 === 0;
  const turn = feature >> 1;
  const discrete = numeric && turn % 5 === 4;
  const replaced = change !== null && change.kind !== "mean" && changedFeature(change) === feature;
  const shares = numeric
    ? discreteShares
    : replaced && change.kind === "share"
      ? oneAt(0.1, change.categories)
      : replaced && change.kind === "new_category"
        ? zipf(change.categories)
        : categoricalShares[turn % categoricalShares.length]!;
  const kind = numeric ? (discrete ? "discrete" : "continuous") : "categorical";
  const users = new Float64Array(spec.kind === "cluster" ? usersInPool : 0);
  const draw = kind === "categorical" ? categorySampler(shares, random) : () => random.normal();
  for (let user = 0; user < users.length; user += 1) users[user] = draw();
  return {
    kind,
    shares,
    missing: feature % 4 === 1 && !replaced ? missingShare : 0,
    seasonal: feature % 3 === 0,
    users,
  };
}

/** Values of one column in one window: numbers, or categories by number (the new one is `shares.length`); NaN is missing. */
function drawColumn(
  column: Column,
  condition: Condition,
  rows: number,
  userRows: Int32Array | null,
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
      else values[row] = draw();
    }
    return values;
  }
  const own = Math.sqrt(1 - userShare);
  const shared = Math.sqrt(userShare);
  for (let row = 0; row < rows; row += 1) {
    const latent = random.normal();
    values[row] = shift + (userRows === null ? latent : own * latent + shared * column.users[userRows[row]!]!);
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
function categorySampler(shares: readonly number[], random: Random): () => number {
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
  return () => {
    const u = random.uniform();
    let index = guides[Math.floor(u * guides.length)]!;
    while (cumulative[index]! <= u) index += 1;
    return index;
  };
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const result = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

/** The binning of a column's reference and the counting in it (as the store does in SQL, without a string per row). */
function counterOf(
  column: Column,
  drawn: readonly Float64Array[],
): { binning: Binning; count: (values: Float64Array) => SeriesCounts } {
  const all = concatenate(drawn).filter((value) => !Number.isNaN(value));
  if (column.kind !== "categorical") {
    const binning = numericBinning(all.sort());
    const edges = Float64Array.from(binning.edges);
    return { binning, count: (values) => numericCounts(edges, values) };
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

function numericCounts(edges: Float64Array, values: Float64Array): SeriesCounts {
  const bins = new Float64Array(edges.length + 1);
  let present = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    present += 1;
    bins[binOf(edges, value)]! += 1;
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
