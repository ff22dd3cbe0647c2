import { createHash } from "node:crypto";
import type { Series } from "../core/baseline.ts";
import type { Clock } from "../core/clock.ts";
import type { FeatureSchema } from "../core/feature-schema.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Facts } from "../store/facts/client.ts";
import {
  allEqualCondition,
  atMostCondition,
  countFast,
  equalsCondition,
  latencyOf,
  missingCondition,
  noPredictionCondition,
  outOfRangeCondition,
  slowerCondition,
  typeMismatchCondition,
  unseenCondition,
} from "../store/facts/fast-counts.ts";
import type { FastCondition } from "../store/facts/fast-counts.ts";
import { insertFastReference, readFastReference } from "../store/facts/fast-references.ts";
import type { BinnedExpression } from "../store/facts/slots.ts";
import { binnedExpressions } from "./baselines/baseline.ts";
import type { LoadedBaseline } from "./baselines/baseline.ts";
import { fastWindowMs, fastWindowRows, volumeSeries } from "./decisions/fast.ts";
import type { FastBaseline, FastReading } from "./decisions/fast.ts";
import { learnFast } from "./decisions/fast-learning.ts";

/** Rows of the reference that must have a latency before a 99 % quantile of it says anything. */
const fewestLatencies = 1000;
/** Stretches of a reference without times: blocks of so many rows, whose order stands for milliseconds. */
const untimedStretch = fastWindowRows;

/** A reading, and the SQL that counts it in rows of given schemas. */
export interface CountedReading {
  readonly reading: FastReading;
  readonly condition: (schemas: readonly FeatureSchema[], series: readonly BinnedExpression[]) => FastCondition;
  readonly mostFrequent: number | null;
  /** Rows whose share stands for how dependent the values are, where the reading's own share cannot tell. */
  readonly auxiliary: ((series: readonly BinnedExpression[]) => FastCondition) | null;
  /** Known without counting: what the reference cannot have, by its own definition. */
  readonly definedShare: number | null;
}

/** What is counted of a model every few minutes, and what its baseline says of that. */
export interface FastReference {
  readonly counted: readonly CountedReading[];
  readonly baseline: FastBaseline;
}

/** Counts the baseline's rows in stretches of minutes, unless that was done and stored before. */
export async function learnFastReference(
  facts: Facts,
  request: {
    readonly environment: string;
    readonly model: ModelSpec;
    readonly loaded: LoadedBaseline;
    readonly schemas: readonly FeatureSchema[];
    readonly clock: Clock;
  },
): Promise<FastReference> {
  const { environment, model, loaded, schemas, clock } = request;
  const { baselineId } = loaded.baseline;
  const store = referenceStore(facts, { environment, model: model.name, baselineId }, clock);
  const counted = await countedReadings(facts, model, loaded, store);
  return { counted, baseline: await fastBaseline(facts, loaded, model, counted, schemas, store) };
}

const wholeSeries = (feature: string, role: Series["role"] = "feature"): Series => ({
  role,
  feature,
  version: "",
  slice: "",
});

/** What a baseline's rows taught, counted once: their rows do not change, but going through them at every start takes long. */
interface ReferenceStore {
  /** @param of Plain JSON: everything that the result follows from, beside the baseline's rows. */
  readonly learntOnce: <Learnt>(of: unknown, learn: () => Promise<Learnt>) => Promise<Learnt>;
}

/** To be raised whenever the same counts are to teach something else. */
const learntFormat = 1;

function referenceStore(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly baselineId: string },
  clock: Clock,
): ReferenceStore {
  return {
    learntOnce: async <Learnt>(of: unknown, learn: () => Promise<Learnt>): Promise<Learnt> => {
      const digest = createHash("sha256")
        .update(JSON.stringify([learntFormat, of]))
        .digest("hex");
      const stored = await readFastReference(facts, { ...key, digest });
      if (stored !== null) return JSON.parse(stored) as Learnt;
      const learnt = await learn();
      await insertFastReference(facts, { ...key, digest }, JSON.stringify(learnt), clock.now());
      return learnt;
    },
  };
}

/** Everything that is counted for a model, and what of it needs no counting in the reference. */
async function countedReadings(
  facts: Facts,
  model: ModelSpec,
  loaded: LoadedBaseline,
  store: ReferenceStore,
): Promise<CountedReading[]> {
  const counted: CountedReading[] = [];
  const expressionOf = (series: readonly BinnedExpression[], wanted: Series) =>
    series.find(({ role, feature }) => role === wanted.role && feature === wanted.feature);
  const never: FastCondition = { kind: "rows", sql: "0" };
  const add = (
    series: Series,
    signal: FastReading["signal"],
    contrast: string,
    condition: (expression: BinnedExpression) => FastCondition,
    more: Partial<Pick<CountedReading, "mostFrequent" | "auxiliary" | "definedShare">> = {},
  ) => {
    counted.push({
      reading: { series, signal, contrast },
      condition: (_, expressions) => {
        const expression = expressionOf(expressions, series);
        return expression === undefined ? never : condition(expression);
      },
      mostFrequent: null,
      auxiliary: null,
      definedShare: null,
      ...more,
    });
  };

  for (const feature of loaded.features) {
    const series = wholeSeries(feature.name);
    const reference = loaded.reference.find(
      (one) => one.series.role === "feature" && one.series.feature === feature.name && one.series.slice === "",
    );
    if (reference === undefined) continue;
    const { binning, pooled } = reference;
    add(series, "missing", "missing share", missingCondition);
    counted.push({
      reading: { series, signal: "type_mismatch", contrast: "share of another type" },
      condition: (schemas) => typeMismatchCondition(feature, schemas),
      mostFrequent: null,
      auxiliary: null,
      definedShare: null,
    });
    if (binning.kind === "categorical") {
      // With more categories than are listed, only the windows can tell a new one.
      if (binning.distinct > binning.categories.length || pooled.presentRows === 0) continue;
      // Good–Turing: so many rows are expected to be new.
      const definedShare = binning.singletons / pooled.presentRows;
      add(series, "unseen", "share of new values", (one) => unseenCondition(one, binning.categories), { definedShare });
    } else if (pooled.min !== null && pooled.max !== null) {
      const range = { min: pooled.min, max: pooled.max };
      add(series, "out_of_range", "share outside the range", (one) => outOfRangeCondition(one, range), {
        definedShare: 2 / pooled.presentRows,
      });
    }
  }

  for (const { series, binning, pooled } of loaded.reference) {
    if (series.role === "feature" || series.slice !== "" || series.version !== "") continue;
    const largest = Math.max(0, ...Array.from(pooled.bins)) / pooled.presentWeight;
    // One value all along would be nothing new.
    if (!(largest > 0 && largest < 1)) continue;
    const middle = binning.kind === "numeric" ? binning.edges[binning.decileEdges[4] ?? 0] : undefined;
    const top = binning.kind === "categorical" ? binning.categories[0] : undefined;
    add(series, "constant", "share of one value", allEqualCondition, {
      mostFrequent: largest,
      auxiliary: (expressions) => {
        const expression = expressionOf(expressions, series);
        if (expression === undefined) return never;
        if (middle !== undefined) return atMostCondition(expression, middle);
        return top === undefined ? never : equalsCondition(expression, top);
      },
    });
  }

  const always = (signal: FastReading["signal"], contrast: string, condition: FastCondition) =>
    counted.push({
      reading: { series: volumeSeries, signal, contrast },
      condition: () => condition,
      mostFrequent: null,
      auxiliary: null,
      definedShare: null,
    });
  if (model.task.kind !== "unknown") always("error", "share without a prediction", noPredictionCondition());
  const latency = await store.learntOnce(["latency", loaded.rowScope], () => latencyOf(facts, loaded.rowScope));
  if (latency !== null && latency.rows >= fewestLatencies) {
    always("latency", "share of slow answers", slowerCondition(latency.p99));
  }
  return counted;
}

/** Counts the reference in stretches, and learns from them how much shares vary from one to the next. */
async function fastBaseline(
  facts: Facts,
  loaded: LoadedBaseline,
  model: ModelSpec,
  counted: readonly CountedReading[],
  schemas: readonly FeatureSchema[],
  store: ReferenceStore,
): Promise<FastBaseline> {
  const { spec } = loaded.baseline;
  const timed = spec.kind === "range" || spec.time !== null;
  const series = binnedExpressions(loaded, model, schemas, loaded.schemaIds);
  const known = schemas.filter(({ schemaId }) => loaded.schemaIds.includes(schemaId));
  const auxiliaries = counted.flatMap(({ auxiliary }, index) => (auxiliary === null ? [] : [{ index, auxiliary }]));
  const conditions = [
    ...counted.map(({ condition }) => condition(known, series)),
    ...auxiliaries.map(({ auxiliary }) => auxiliary(series)),
  ];
  const stretchMs = timed ? fastWindowMs : untimedStretch;
  const readings = counted.map(({ reading, mostFrequent, definedShare }, index) => {
    const auxiliary = auxiliaries.findIndex((one) => one.index === index);
    const spreadFrom = auxiliary < 0 ? index : counted.length + auxiliary;
    return { ...reading, mostFrequent, definedShare, spreadFrom };
  });
  // The rows of one version are not all the rows that arrived.
  const times = timed && loaded.rowScope.version === undefined ? loaded.rowScope : null;
  return store.learntOnce(["shares", loaded.rowScope, stretchMs, readings, conditions, times], async () =>
    learnFast(readings, await countFast(facts, loaded.rowScope, conditions, stretchMs), times),
  );
}
