import type { Inputs } from "./features.ts";

/**
 * A logistic regression: log-odds of a late flight as a sum of one number per level of hour, origin, destination, haul and
 * weekday, and of two slopes. It is plain JSON.
 */
export interface DelayModel {
  readonly version: string;
  readonly intercept: number;
  /** Log-odds by level, around 0; a level that the fit did not see, or a missing value, adds nothing. */
  readonly levels: Readonly<Record<Factor, Readonly<Record<string, number>>>>;
  /** Log-odds per standard deviation. */
  readonly slopes: Readonly<
    Record<Slope, { readonly mean: number; readonly deviation: number; readonly weight: number }>
  >;
  /** A flight is predicted late at this score or above. */
  readonly decisionThreshold: number;
  /** Mean departures a day by origin. */
  readonly originTraffic: Readonly<Record<string, number>>;
}

type Factor = "hour" | "origin" | "destination" | "haul" | "weekday";
type Slope = "distance" | "originTraffic";

export interface TrainingRow {
  readonly inputs: Inputs;
  readonly late: boolean;
}

/**
 * Ridge penalty in pseudo-observations of information. Flights of one day share its weather, so a day's rows say far less
 * than their number: hours come 28 times in the training weeks and weekdays four times, and both are held tightly. Distance
 * and haul follow from the route, whose effect origin and destination carry already.
 */
const ridge: Readonly<Record<Factor | Slope, number>> = {
  hour: 3000,
  origin: 20,
  destination: 20,
  haul: 1_000_000,
  weekday: 1_000_000,
  distance: 1_000_000,
  originTraffic: 2000,
};

const factors: readonly Factor[] = ["hour", "origin", "destination", "haul", "weekday"];
const slopeNames: readonly Slope[] = ["distance", "originTraffic"];
const rounds = 8;

function levelOf(inputs: Inputs, factor: Factor): string | null {
  const value = inputs[factor];
  return value === null ? null : String(value);
}

/**
 * Penalised maximum likelihood by block coordinate Newton steps (one block a factor or slope, a fixed number of rounds): the
 * same rows give the same model, whatever their order up to rounding.
 *
 * The decision threshold makes the share predicted late equal the share that was late.
 */
export function fitDelayModel(
  rows: readonly TrainingRow[],
  options: { readonly version: string; readonly originTraffic: ReadonlyMap<string, number> },
): DelayModel {
  const n = rows.length;
  const late = Float64Array.from(rows, (row) => (row.late ? 1 : 0));
  const lateShare = late.reduce((sum, value) => sum + value, 0) / n;
  const intercept = Math.log(lateShare / (1 - lateShare));
  const logit = new Float64Array(n).fill(intercept);
  const residual = new Float64Array(n);
  const information = new Float64Array(n);
  const differentiate = () => {
    for (let row = 0; row < n; row++) {
      const probability = 1 / (1 + Math.exp(-(logit[row] ?? 0)));
      residual[row] = (late[row] ?? 0) - probability;
      information[row] = probability * (1 - probability);
    }
  };

  const coded = factors.map((factor) => {
    const names: string[] = [];
    const codes = new Map<string | null, number>();
    const codeOfRow = Int32Array.from(rows, ({ inputs }) => {
      const name = levelOf(inputs, factor);
      const known = codes.get(name);
      if (known !== undefined) return known;
      codes.set(name, names.length);
      return names.push(name ?? "") - 1;
    });
    return { factor, names, codeOfRow, weights: new Float64Array(names.length) };
  });
  const slopes = slopeNames.map((name) => {
    const values = Float64Array.from(rows, ({ inputs }) => inputs[name]);
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n) || 1;
    return { name, values: values.map((value) => (value - mean) / deviation), mean, deviation, weight: 0 };
  });

  for (let round = 0; round < rounds; round++) {
    for (const block of coded) {
      differentiate();
      const gradient = block.weights.map((weight) => -ridge[block.factor] * weight);
      const curvature = new Float64Array(block.weights.length).fill(ridge[block.factor]);
      for (let row = 0; row < n; row++) {
        const code = block.codeOfRow[row] ?? 0;
        gradient[code] = (gradient[code] ?? 0) + (residual[row] ?? 0);
        curvature[code] = (curvature[code] ?? 0) + (information[row] ?? 0);
      }
      const step = gradient.map((value, code) => value / (curvature[code] ?? 1));
      for (let row = 0; row < n; row++) logit[row] = (logit[row] ?? 0) + (step[block.codeOfRow[row] ?? 0] ?? 0);
      block.weights = block.weights.map((weight, code) => weight + (step[code] ?? 0));
    }
    for (const slope of slopes) {
      differentiate();
      let gradient = -ridge[slope.name] * slope.weight;
      let curvature = ridge[slope.name];
      for (let row = 0; row < n; row++) {
        const value = slope.values[row] ?? 0;
        gradient += value * (residual[row] ?? 0);
        curvature += value * value * (information[row] ?? 0);
      }
      const step = gradient / curvature;
      for (let row = 0; row < n; row++) logit[row] = (logit[row] ?? 0) + step * (slope.values[row] ?? 0);
      slope.weight += step;
    }
  }

  const scores = logit.map((value) => 1 / (1 + Math.exp(-value))).toSorted();
  const levels = Object.fromEntries(
    coded.map(({ factor, names, weights }) => [
      factor,
      Object.fromEntries(names.map((name, code) => [name, round6(weights[code] ?? 0)])),
    ]),
  ) as Record<Factor, Record<string, number>>;
  return {
    version: options.version,
    intercept: round6(intercept),
    levels,
    slopes: Object.fromEntries(
      slopes.map(({ name, mean, deviation, weight }) => [name, { mean, deviation, weight: round6(weight) }]),
    ) as DelayModel["slopes"],
    decisionThreshold: round4(scores[Math.floor(n * (1 - lateShare))] ?? 0.5),
    originTraffic: Object.fromEntries(options.originTraffic),
  };
}

/** Probability that the flight is late, to four digits. */
export type Scorer = (inputs: Inputs) => number;

export function createScorer(model: DelayModel): Scorer {
  // Maps answer faster than objects with hundreds of keys, and know no prototype.
  const level = (factor: Factor) => new Map(Object.entries(model.levels[factor]));
  const hours = Float64Array.from({ length: 24 }, (_, hour) => model.levels.hour[String(hour)] ?? 0);
  const [origins, destinations, hauls, weekdays] = [
    level("origin"),
    level("destination"),
    level("haul"),
    level("weekday"),
  ];
  const { distance, originTraffic } = model.slopes;
  return (inputs) => {
    const logit =
      model.intercept +
      (hours[inputs.hour] ?? 0) +
      (inputs.origin === null ? 0 : (origins.get(inputs.origin) ?? 0)) +
      (destinations.get(inputs.destination) ?? 0) +
      (hauls.get(inputs.haul) ?? 0) +
      (weekdays.get(inputs.weekday) ?? 0) +
      (distance.weight * (inputs.distance - distance.mean)) / distance.deviation +
      (originTraffic.weight * (inputs.originTraffic - originTraffic.mean)) / originTraffic.deviation;
    return round4(1 / (1 + Math.exp(-logit)));
  };
}

export type DelayClass = "late" | "on_time";

export function classOf(model: DelayModel, score: number): DelayClass {
  return score >= model.decisionThreshold ? "late" : "on_time";
}

function round4(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

function round6(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
