import { canaryScenarios, type CanarySpec } from "./canary.ts";
import type { FastStream } from "./fast.ts";
import { sourcedScenarios, type ModelSource } from "./model-source.ts";
import type { BudgetBeside } from "./outcome.ts";
import { performanceScenarios, type PerformanceScenario } from "./performance.ts";
import type { Change, StreamSpec } from "./streams.ts";

/**
 * One line of the simulation's table. `models` of the whole form are enough for the bar to be decided by an interval;
 * the short form runs a fraction of them and says `open` where that does not decide.
 */
export type Scenario = {
  readonly name: string;
  /** What the traffic is like, for the table. */
  readonly title: string;
  readonly stream: StreamSpec;
  readonly models: number;
  /** False if the reference has no times: 14 windows warm up, and only what comes after them is counted. */
  readonly subWindowsKnown?: boolean;
  /** Beside the stream's features a second version gets a share of the traffic. */
  readonly canary?: CanarySpec;
  readonly source?: ModelSource;
  /** With `monitoring.season: weekdays`; none by default. */
  readonly weekdays?: boolean;
  /** The part of the budget that false incidents are held against; all of it by default. */
  readonly share?: number;
  readonly beside?: BudgetBeside;
  /** Models of the short form; a fraction of `models` by default. */
  readonly quickModels?: number;
} & (FalseIncidents | FastFalseIncidents | PerformanceScenario | Delay | Identity | Floor);

interface FalseIncidents {
  readonly kind: "false_incidents";
  /** Live windows of each model. */
  readonly windows: number;
  /** False for streams that change in truth, reported only. */
  readonly bar: boolean;
  /** The seven windows after a change that lasts become the reference; what opens from then on is counted. */
  readonly rebaseline?: boolean;
  /** The reference moves along each week, a week behind, as a trailing baseline does; it stands still with a finding. */
  readonly trailing?: boolean;
  /** How many windows before the present week a trailing reference ends; a week of them by default. */
  readonly gapWindows?: number;
}

/** The fast cadence on healthy traffic, against its own share of the budget. */
interface FastFalseIncidents {
  readonly kind: "fast_false_incidents";
  readonly fast: FastStream;
  readonly weeks: number;
}

interface Delay {
  readonly kind: "delay";
  /** Null: the canary's own. */
  readonly change: Change | null;
  /** The share of runs that must have found the change within so many windows; null: reported only. */
  readonly marks: readonly { readonly within: number; readonly atLeast: number | null }[];
  /** The window in which the change begins; 0 by default. */
  readonly from?: number;
}

interface Identity {
  readonly kind: "identity";
  /** The change, by window; it begins at `identityFrom`. */
  readonly shape: keyof typeof identityShapes;
  readonly size: number;
}

interface Floor {
  readonly kind: "floor";
  readonly change: Change;
  readonly windows: number;
  /** The share of models in which the feature may ever open; null: reported only. */
  readonly atMost: number | null;
}

export const identityFrom = 14;
export const identityWindows = 42;
const begun = (window: number) => window - identityFrom;
/** Strength of the change in each window, 0 to 1. */
export const identityShapes = {
  step: (window: number) => (begun(window) >= 0 ? 1 : 0),
  "one window": (window: number) => (begun(window) === 0 ? 1 : 0),
  "seven windows": (window: number) => (begun(window) >= 0 && begun(window) < 7 ? 1 : 0),
  "two on, two off": (window: number) => (begun(window) >= 0 && begun(window) % 4 < 2 ? 1 : 0),
  "one on, six off": (window: number) => (begun(window) >= 0 && begun(window) % 7 === 0 ? 1 : 0),
  "ramp over 14": (window: number) => Math.min(1, Math.max(0, (begun(window) + 1) / 14)),
} as const;

const independent: StreamSpec = {
  kind: "iid",
  features: 20,
  referenceRows: 10_000,
  rows: 1000,
  volumeSpread: 0.3,
  clusterSize: 10,
  wander: 0,
};
const season: StreamSpec = { ...independent, kind: "season", referenceRows: 28_000 };
const users: StreamSpec = { ...independent, kind: "cluster", referenceRows: 28_000 };
const wander: StreamSpec = { ...independent, kind: "wander", referenceRows: 28_000, wander: 0.01 };
const hourly: StreamSpec = { ...independent, kind: "hourly", referenceRows: 33_600, rows: 200 };

/** Four weeks of a healthy model, days as windows. */
function healthy(name: string, title: string, stream: StreamSpec, models: number): Scenario {
  return { kind: "false_incidents", name, title, stream, models, windows: 28, bar: true };
}

/** Eight weeks, so that most of them are held against a reference of live rows. */
function trailing(name: string, title: string, stream: StreamSpec, models: number): Scenario {
  const moving = { ...healthy(name, `trailing reference: ${title}`, stream, models), windows: 56, trailing: true };
  return moving as Scenario;
}

function healthyHours(name: string, title: string, stream: StreamSpec, models: number): Scenario {
  return { ...healthy(name, title, stream, models), windows: 336 } as Scenario;
}

/** The same without times in the reference: two weeks warm up, the four after them are counted. */
function unwindowed(name: string, title: string, stream: StreamSpec, models: number): Scenario {
  return { ...healthy(name, title, stream, models), subWindowsKnown: false, windows: 42 } as Scenario;
}

function fast(name: string, title: string, traffic: Pick<FastStream, "rows" | "together" | "wander">): Scenario {
  const stretches = 28 * 288;
  return {
    kind: "fast_false_incidents",
    name,
    title: `fast cadence: ${title}`,
    stream: { ...independent, rows: traffic.rows, referenceRows: traffic.rows * stretches },
    fast: { features: 20, referenceDays: 28, ...traffic },
    models: 320,
    weeks: 4,
  };
}

function delay(
  name: string,
  title: string,
  change: Omit<Change, "strength" | "categories"> & { readonly categories?: number },
  marks: readonly (readonly [within: number, atLeast: number | null])[],
  stream: StreamSpec = independent,
): Scenario {
  return {
    kind: "delay",
    name,
    title,
    stream: { ...stream, volumeSpread: 0 },
    models: 3000,
    change: { categories: 2, ...change, strength: () => 1 },
    marks: marks.map(([within, atLeast]) => ({ within, atLeast })),
  };
}

function identity(name: string, shape: Identity["shape"], size: number): Scenario {
  const title = `one feature by ${size}σ: ${shape}`;
  return { kind: "identity", name, title, stream: { ...season, kind: "iid" }, models: 300, shape, size };
}

function floor(name: string, size: number, atMost: number | null, models: number): Scenario {
  const change: Change = { kind: "mean", size, categories: 2, strength: () => 1 };
  const stream = { ...independent, rows: 10_000, referenceRows: 50_000 };
  return { kind: "floor", name, title: `mean +${size}σ, n 10,000`, stream, models, change, windows: 28, atMost };
}

/** The same with `monitoring.season: weekdays`. */
function onWeekdays(scenario: Scenario): Scenario {
  // Telling seasons costs more than deciding two windows.
  const models = scenario.kind === "delay" ? 500 : scenario.models;
  return { ...scenario, models, title: `season: weekdays; ${scenario.title}`, weekdays: true };
}

const weekdayMarks = [
  [1, null],
  [2, 0.95],
] as const;

export const scenarios: readonly Scenario[] = [
  healthy("iid", "independent rows", independent, 720),
  healthy("iid-5", "independent rows", { ...independent, features: 5 }, 600),
  healthy("iid-200", "independent rows", { ...independent, features: 200 }, 300),
  healthy("iid-small-reference", "independent rows", { ...independent, referenceRows: 1000, rows: 200 }, 480),
  healthy(
    "iid-5-small-reference",
    "independent rows",
    { ...independent, features: 5, referenceRows: 1000, rows: 200 },
    600,
  ),
  healthy(
    "iid-200-small-reference",
    "independent rows",
    { ...independent, features: 200, referenceRows: 1000, rows: 200 },
    300,
  ),
  healthy(
    "iid-single-window",
    "independent rows; the reference is one window",
    { ...independent, referenceRows: 1000 },
    480,
  ),
  healthy("iid-small-windows", "independent rows", { ...independent, rows: 200 }, 480),
  healthy("iid-large-reference", "independent rows", { ...independent, referenceRows: 100_000 }, 480),
  healthy("iid-large-windows", "independent rows", { ...independent, referenceRows: 100_000, rows: 10_000 }, 250),
  healthy("heavy-tails", "lognormal and Cauchy numbers", { ...independent, columns: "heavy_tailed" }, 300),
  healthy("ties", "numbers of seven values", { ...independent, columns: "ties" }, 480),
  healthy("high-cardinality", "categories: Zipf over 1,000", { ...independent, columns: "high_cardinality" }, 300),
  healthy("correlated", "half of every row's variance is common", { ...independent, correlation: 0.5 }, 480),
  healthy("unequal-windows", "volumes from 0.1 to 1.9 of n", { ...independent, volumeSpread: 0.9 }, 300),
  healthy("versions", "score and class; version 2 takes over", { ...independent, versions: true }, 300),
  healthy(
    "too-variable",
    "one feature is the weekday",
    { ...independent, timeFeature: true, referenceRows: 28_000 },
    300,
  ),
  healthy("season", "weekends differ by 0.15σ in every third feature", season, 600),
  healthy(
    "season-14-days",
    "weekends differ by 0.15σ; 14 days of reference",
    { ...season, referenceRows: 14_000 },
    300,
  ),
  healthy(
    "season-small",
    "weekends differ by 0.15σ in every third feature",
    { ...season, referenceRows: 5600, rows: 200 },
    480,
  ),
  healthyHours("hourly-iid", "independent rows, hourly windows", { ...hourly, seasonShift: 0 }, 1200),
  healthyHours(
    "hourly-iid-small",
    "independent rows, hourly windows",
    { ...hourly, seasonShift: 0, referenceRows: 8400, rows: 50 },
    600,
  ),
  healthyHours("hourly-season", "hourly windows; hours differ by up to 0.15σ", hourly, 600),
  healthy("users-10", "ten rows a user", users, 300),
  healthy("users-10-5", "ten rows a user", { ...users, features: 5 }, 600),
  healthy("users-25", "25 rows a user", { ...users, clusterSize: 25 }, 300),
  healthy("wander", "means wander slowly by 0.01σ", wander, 720),
  {
    ...healthy("wander-0.02", "means wander by 0.02σ: extremes cross the floor", { ...wander, wander: 0.02 }, 300),
    bar: false,
  } as Scenario,
  healthy("slices", "50 watched slices × 10 features", { ...independent, features: 10, slices: 50 }, 250),
  {
    ...healthy("rebaseline", "after a lasting change became the baseline", independent, 300),
    rebaseline: true,
  } as Scenario,
  trailing("trailing-iid", "independent rows", { ...independent, referenceRows: 28_000 }, 150),
  trailing("trailing-season", "weekends differ by 0.15σ in every third feature", season, 150),
  trailing("trailing-users", "ten rows a user", users, 150),
  trailing("trailing-wander", "means wander slowly by 0.01σ", wander, 150),
  unwindowed("no-times-iid", "no times; independent rows", independent, 300),
  unwindowed("no-times-season", "no times; weekends", season, 300),
  unwindowed("no-times-users", "no times; ten rows a user", users, 300),
  unwindowed("no-times-wander", "no times; means wander by 0.01σ", wander, 300),

  onWeekdays(healthy("weekdays-iid", "independent rows", { ...independent, referenceRows: 28_000 }, 480)),
  onWeekdays(healthy("weekdays-season", "weekends differ by 0.15σ in every third feature", season, 600)),
  onWeekdays(
    healthy("weekdays-season-small", "the same, few rows", { ...season, referenceRows: 5600, rows: 200 }, 750),
  ),
  onWeekdays(healthy("weekdays-users", "ten rows a user", users, 300)),
  onWeekdays(healthy("weekdays-wander", "means wander slowly by 0.01σ", wander, 720)),
  onWeekdays(trailing("weekdays-trailing-season", "weekends differ by 0.15σ in every third feature", season, 150)),

  fast("fast-iid", "independent rows", { rows: 300, together: 1, wander: 0 }),
  fast("fast-few-rows", "independent rows, few", { rows: 40, together: 1, wander: 0 }),
  fast("fast-users", "five rows a user", { rows: 300, together: 5, wander: 0 }),
  // Nearest to its bar: only many model-weeks can tell.
  {
    ...fast("fast-wander", "shares and volume wander by 0.5", { rows: 60, together: 1, wander: 0.5 }),
    models: 2400,
  } as Scenario,
  ...sourcedScenarios,
  ...canaryScenarios,
  ...performanceScenarios,

  delay("mean-0.1", "mean +0.1σ", { kind: "mean", size: 0.1 }, [
    [1, null],
    [2, null],
    [7, 0.95],
  ]),
  delay("mean-0.2", "mean +0.2σ", { kind: "mean", size: 0.2 }, [
    [1, null],
    [2, 0.95],
    [7, null],
  ]),
  delay("mean-0.5", "mean +0.5σ", { kind: "mean", size: 0.5 }, [[1, 0.995]]),
  delay("flag", "a flag from 10 to 15 %", { kind: "share", size: 0.15 }, [
    [1, 0.85],
    [2, 0.97],
  ]),
  delay("category-5", "one of 5 categories from 10 to 15 %", { kind: "share", size: 0.15, categories: 5 }, [
    [1, null],
    [2, 0.88],
  ]),
  delay("category-10", "one of 10 categories from 10 to 15 %", { kind: "share", size: 0.15, categories: 10 }, [
    [1, null],
    [2, 0.88],
  ]),
  delay("category-30", "one of 30 categories from 10 to 15 %", { kind: "share", size: 0.15, categories: 30 }, [
    [1, null],
    [2, null],
    [7, null],
  ]),
  delay("missing", "missing from 0 to 2 %", { kind: "missing", size: 0.02 }, [[1, 0.95]]),
  delay("new-4", "a new category of 1 %, 4 known", { kind: "new_category", size: 0.01, categories: 4 }, [
    [1, null],
    [2, 0.95],
  ]),
  delay("new-1000", "a new category of 1 %, 1,000 known", { kind: "new_category", size: 0.01, categories: 1000 }, [
    [1, null],
    [2, 0.95],
  ]),
  delay(
    "season-0.2",
    "a feature with weekends, +0.2σ",
    { kind: "mean", size: 0.2 },
    [
      [2, null],
      [7, null],
    ],
    season,
  ),
  delay(
    "season-0.3",
    "a feature with weekends, +0.3σ",
    { kind: "mean", size: 0.3 },
    [
      [2, null],
      [7, null],
    ],
    season,
  ),
  delay(
    "season-0.5",
    "a feature with weekends, +0.5σ",
    { kind: "mean", size: 0.5 },
    [
      [1, null],
      [2, 0.95],
    ],
    season,
  ),

  onWeekdays(
    delay("weekdays-season-0.2", "a feature with weekends, +0.2σ", { kind: "mean", size: 0.2 }, weekdayMarks, season),
  ),
  onWeekdays(
    delay("weekdays-season-0.3", "a feature with weekends, +0.3σ", { kind: "mean", size: 0.3 }, weekdayMarks, season),
  ),

  identity("one-step-0.1", "step", 0.1),
  identity("one-step-0.2", "step", 0.2),
  identity("one-step-1", "step", 1),
  identity("one-window", "one window", 0.5),
  identity("one-week", "seven windows", 0.2),
  identity("one-flapping", "two on, two off", 0.5),
  identity("one-rare", "one on, six off", 0.5),
  identity("one-ramp", "ramp over 14", 0.5),

  floor("floor-0.02", 0.02, 0.02, 300),
  floor("floor-0.05", 0.05, null, 100),
];

/** @throws RangeError for a name that no scenario has. */
export function scenarioNamed(name: string, among: readonly Scenario[] = scenarios): Scenario {
  const found = among.find((scenario) => scenario.name === name);
  if (found === undefined) throw new RangeError(`unknown scenario ${name}`);
  return found;
}
