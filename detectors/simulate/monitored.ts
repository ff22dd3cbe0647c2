import { dayMs } from "../../core/window.ts";
import { valueReference, type ValueObservation } from "../monitors/value-evidence.ts";
import { domainSeparation, type ScoredRows } from "../multivariate/domain-classifier.ts";
import { separation, separationFromOthers, together } from "../multivariate/joint-values.ts";
import { slotScores } from "../multivariate/slot-scores.ts";
import { binOf } from "../decisions/binning.ts";
import { createRandom } from "./random.ts";
import { createModel, type SimulatedModel, type StreamSpec } from "./streams.ts";

/** Values of the user's own, one a window. */
export interface ValueStream {
  readonly kind: "values";
  readonly monitors: number;
  /**
   * Relative to a mean of 1. `normal`; `season`: at weekends lower by a fifth; `wander`: it follows a slow AR(1) of the
   * same spread; `lognormal`: as sums of money are, with σ = 0.5 and rare large ones.
   */
  readonly values: "normal" | "season" | "wander" | "lognormal";
  readonly deviation: number;
  readonly referenceWindows: number;
  /** By so much of its mean the first monitor is larger in all live windows; 0: nothing changes. */
  readonly change: number;
}

/** A domain classifier over the features of the stream, which are told apart as the service does it, from as many rows. */
export interface JointStream {
  readonly kind: "joint";
}

export type MonitoredStream = ValueStream | JointStream;

/** A Monday. */
const startMs = Date.UTC(2024, 0, 1);
const memory = 10;
const weekendFall = 0.2;
const lognormalSpread = 0.5;
const minChange = { values: 0.1, joint: 0.05 } as const;
/** So that a stream's rows are those of the same model without monitors. */
const ofValues = 3;

/** A model with monitors; its features, if the stream has any, are decided as ever. */
export function createMonitoredModel(
  monitored: MonitoredStream,
  stream: StreamSpec,
  ...seeds: readonly number[]
): SimulatedModel {
  return monitored.kind === "values" ? withValues(monitored, stream, seeds) : withClassifier(stream, seeds);
}

function withValues(monitored: ValueStream, stream: StreamSpec, seeds: readonly number[]): SimulatedModel {
  const { change, monitors, referenceWindows } = monitored;
  const model = stream.features > 0 ? createModel(stream, null, ...seeds) : nothing;
  const random = createRandom(...seeds, ofValues);
  const keep = Math.exp(-1 / memory);
  const wandered = Array.from({ length: monitors }, () => random.normal());
  const valueOf = (monitor: number, w: number): number => {
    if (monitored.values === "lognormal") return Math.exp(lognormalSpread * random.normal());
    if (monitored.values === "wander") {
      wandered[monitor] = keep * wandered[monitor]! + Math.sqrt(1 - keep ** 2) * random.normal();
      return 1 + monitored.deviation * wandered[monitor];
    }
    const weekend = monitored.values === "season" && ((w % 7) + 7) % 7 >= 5;
    return (weekend ? 1 - weekendFall : 1) + monitored.deviation * random.normal();
  };
  const drawn = Array.from({ length: referenceWindows }, (_, i) =>
    Array.from({ length: monitors }, (_monitor, monitor) => valueOf(monitor, i - referenceWindows)),
  );
  const references = Array.from({ length: monitors }, (_, monitor) =>
    valueReference(
      "simulated",
      drawn.map((window) => window[monitor]!),
    ),
  );
  return {
    ...model,
    monitors,
    changed: change === 0 ? null : "m0",
    live: (w) => ({
      ...model.live(w),
      observations: references.map((reference, monitor): ValueObservation => ({
        name: `m${monitor}`,
        signal: "custom",
        contrast: "value of a window",
        value: valueOf(monitor, w) * (monitor === 0 ? 1 + change : 1),
        reference,
        minChange: minChange.values,
        nullDeviation: 0,
      })),
    }),
  };
}

/** Rows that the service looks at, of a window and of the baseline. */
const windowRows = 4000;
const baselineRows = 8000;

function withClassifier(stream: StreamSpec, seeds: readonly number[]): SimulatedModel {
  const model = createModel(stream, null, ...seeds);
  const slots = model.reference.map(({ binning }) => {
    if (binning.kind === "numeric") {
      const edges = Float64Array.from(binning.edges);
      return (value: number) => (Number.isNaN(value) ? -1 : binOf(edges, value));
    }
    const positions = new Map(binning.categories.map((name, position) => [Number(name.slice(1)), position]));
    return (value: number) => positions.get(value) ?? -1;
  });
  const scored = (columns: readonly Float64Array[], rows: number): ScoredRows =>
    slotScores(
      Array.from({ length: Math.min(rows, columns[0]?.length ?? 0) }, (_, row) =>
        columns.map((values, column) => slots[column]!(values[row]!)),
      ),
      model.reference,
    );
  const windows = model.referenceValues.map((columns) => scored(columns, windowRows));
  const pool = together(
    model.referenceValues.map((columns) => scored(columns, Math.ceil(baselineRows / model.referenceValues.length))),
  );
  const reference = valueReference(
    "simulated",
    windows.map((_, index) => separationFromOthers(windows, index)),
  );
  return {
    ...model,
    // What one feature shows alone is that feature's: here the classifier is alone.
    reference: [],
    monitors: 1,
    live: (w) => {
      const live = model.live(w);
      const found = pool === null ? null : domainSeparation(pool, scored(live.values, windowRows));
      const joint = {
        name: "joint",
        signal: "joint",
        contrast: "features together",
        value: found === null ? null : separation(found),
        reference,
        minChange: minChange.joint,
        nullDeviation: found === null ? 0 : 2 * found.nullError,
      } as const;
      return { ...live, profiles: [], observations: [joint] };
    },
  };
}

/** No features, score or class. */
const nothing: SimulatedModel = {
  reference: [],
  windowMs: dayMs,
  windowsPerWeek: 7,
  horizon: 7,
  changed: null,
  referenceValues: [],
  numeric: [],
  live: (w) => ({
    window: { startMs: startMs + w * dayMs, endMs: startMs + (w + 1) * dayMs },
    profiles: [],
    values: [],
  }),
  rebaselined: () => nothing,
};
