import { fastShareOfBudget, monitorsShare, silenceShare } from "../decisions/budget.ts";
import { createMonitoredModel, type MonitoredStream, type ValueStream } from "./monitored.ts";
import { createArrivals, type ArrivalStream } from "./silence.ts";
import type { Change, SimulatedModel, StreamSpec } from "./streams.ts";
import { createWeightedModel, type RowWeights } from "./weights.ts";

/** Where a scenario's models come from, if not from its stream alone. */
export type ModelSource =
  | { readonly kind: "weights"; readonly weights: RowWeights }
  | { readonly kind: "arrivals"; readonly arrivals: ArrivalStream }
  | { readonly kind: "monitors"; readonly monitored: MonitoredStream };

/** @param change Of a weighted model; other sources have their own. */
export function createSourceModel(
  source: ModelSource,
  stream: StreamSpec,
  change: Change | null,
  ...seeds: readonly number[]
): SimulatedModel {
  switch (source.kind) {
    case "weights":
      return createWeightedModel(source.weights, stream, change, ...seeds);
    case "arrivals":
      return createArrivals(source.arrivals, ...seeds);
    case "monitors":
      return createMonitoredModel(source.monitored, stream, ...seeds);
  }
}

/** One line of the table about weights, silence or monitors. */
export type SourcedScenario = {
  readonly name: string;
  readonly title: string;
  readonly stream: StreamSpec;
  readonly models: number;
  readonly source: ModelSource;
  /** The part of the budget that the signal has; 1 if it is not said. */
  readonly share?: number;
} & (
  | { readonly kind: "false_incidents"; readonly windows: number; readonly bar: boolean }
  | {
      readonly kind: "delay";
      readonly change: Change | null;
      readonly marks: readonly { readonly within: number; readonly atLeast: number | null }[];
    }
);

const rows: StreamSpec = {
  kind: "iid",
  features: 20,
  referenceRows: 28_000,
  rows: 1000,
  volumeSpread: 0.3,
  clusterSize: 10,
  wander: 0,
};

function weighted(weights: RowWeights, title: string): SourcedScenario {
  const source = { kind: "weights", weights } as const;
  const name = `weights-${weights}`;
  return { kind: "false_incidents", name, title, stream: rows, models: 480, source, windows: 28, bar: true };
}

const arrivals: ArrivalStream = { arrivals: "steady", events: 1000, referenceDays: 28, silent: null };

/** Silence has a small share of the budget: that it is kept takes many models to show, and each costs little. */
function arriving(name: string, title: string, more: Partial<ArrivalStream>): SourcedScenario {
  const stream = { ...arrivals, ...more };
  return {
    kind: "false_incidents",
    name,
    title: `silence alone: ${title}`,
    ...ofArrivals(stream),
    models: 4000,
    share: fastShareOfBudget * silenceShare,
    windows: 28,
    bar: true,
  };
}

function silent(name: string, title: string, more: Partial<ArrivalStream>, atLeast: number | null): SourcedScenario {
  const stream = ofArrivals({ ...arrivals, ...more });
  return { kind: "delay", name, title, ...stream, models: 3000, change: null, marks: [{ within: 1, atLeast }] };
}

const ofArrivals = (stream: ArrivalStream) => ({
  source: { kind: "arrivals", arrivals: stream } as const,
  stream: { ...rows, features: 0, referenceRows: stream.events * stream.referenceDays, rows: stream.events },
});

const values: ValueStream = {
  kind: "values",
  monitors: 1,
  values: "normal",
  deviation: 0.1,
  referenceWindows: 28,
  change: 0,
};
function monitored(name: string, title: string, more: Partial<ValueStream>, bar = true): SourcedScenario {
  const stream = ofValues({ ...values, ...more });
  return {
    kind: "false_incidents",
    name,
    title: `monitors alone: ${title}`,
    ...stream,
    models: 8000,
    share: (1 - fastShareOfBudget) * monitorsShare,
    windows: 28,
    bar,
  };
}

function movedValue(name: string, title: string, more: Partial<ValueStream>, atLeast: number | null): SourcedScenario {
  const marks = [1, 2, 7].map((within) => ({ within, atLeast: within === 2 ? atLeast : null }));
  return { kind: "delay", name, title, ...ofValues({ ...values, ...more }), models: 3000, change: null, marks };
}

const ofValues = (stream: ValueStream) => ({
  source: { kind: "monitors", monitored: stream } as const,
  stream: { ...rows, features: 0, referenceRows: stream.referenceWindows, rows: 1 },
});

export const sourcedScenarios: readonly SourcedScenario[] = [
  weighted("lognormal", "independent rows with lognormal weights (n effective 0.37 n)"),
  weighted("sampled", "independent rows, a tenth of them with weight 20 (n effective 0.21 n)"),
  {
    kind: "delay",
    name: "weights-0.2",
    title: "mean +0.2σ, lognormal weights",
    stream: { ...rows, volumeSpread: 0 },
    models: 1000,
    source: { kind: "weights", weights: "lognormal" },
    change: { kind: "mean", size: 0.2, categories: 2, strength: () => 1 },
    marks: [1, 2, 7].map((within) => ({ within, atLeast: within === 7 ? 0.95 : null })),
  },

  arriving("silence-steady", "events at one rate", {}),
  arriving("silence-nights", "few events at night", { arrivals: "nights" }),
  arriving("silence-weekends", "few events at night and at weekends", { arrivals: "weekends" }),
  arriving("silence-bursts", "events in bursts of ten", { arrivals: "bursts" }),
  arriving("silence-few", "thirty events a day", { events: 30 }),
  arriving("silence-week", "a week of reference", { arrivals: "nights", referenceDays: 7 }),
  silent("silent-half-day", "half a day of silence", { arrivals: "nights", silent: [12, 24] }, 0.95),
  silent("silent-6-hours", "six hours of silence in the day", { arrivals: "nights", silent: [9, 15] }, null),
  silent("silent-2-hours", "two hours of silence in the day", { arrivals: "nights", silent: [12, 14] }, null),

  monitored("monitors-1", "one normal value", {}),
  monitored("monitors-5", "five normal values", { monitors: 5 }),
  monitored("monitors-season", "weekends lower by a fifth", { values: "season" }),
  monitored("monitors-week", "seven windows of reference", { referenceWindows: 7 }),
  monitored("monitors-wander", "values that wander slowly", { values: "wander" }, false),
  monitored("monitors-lognormal", "lognormal values, σ = 0.5", { values: "lognormal" }, false),
  movedValue("monitor-20", "a value +20 %, its deviation being 5 %", { deviation: 0.05, change: 0.2 }, null),
  movedValue("monitor-50", "a value +50 %, its deviation being 10 %", { change: 0.5 }, 0.95),

  {
    kind: "false_incidents",
    name: "features-and-monitors",
    title: "independent rows, and two monitors",
    stream: rows,
    models: 480,
    source: { kind: "monitors", monitored: { ...values, monitors: 2 } },
    windows: 28,
    bar: true,
  },
  {
    kind: "false_incidents",
    name: "joint",
    title: "the domain classifier alone, features that depend on one another",
    stream: { ...rows, features: 5, correlation: 0.5, referenceRows: 4200, rows: 300 },
    models: 75,
    source: { kind: "monitors", monitored: { kind: "joint" } },
    windows: 28,
    bar: true,
  },
];
