import { expect, test } from "vitest";
import { dayMs, hourMs } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { countPerformance } from "../../store/facts/performance.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { averagePrecision } from "./average-precision.ts";
import { classMetrics, confusion } from "./decided-classes.ts";
import { estimateMetrics } from "./estimates.ts";
import { probabilityMetrics } from "./probabilities.ts";
import { rocAuc } from "./roc-auc.ts";
import { windowMetrics } from "./window-metrics.ts";
import { createRandom } from "../simulate/random.ts";

const startMs = Date.UTC(2026, 2, 1);
const scope = { environment: "production", model: "m", fromMs: startMs, toMs: startMs + dayMs };
const binary = { kind: "binary", positive: "late", labelDelayMs: dayMs, labelWindowMs: 2 * dayMs } as const;

const seconds = (ms: number) => (ms / 1000).toFixed(3);

async function insertEvents(facts: Facts, rows: readonly object[]): Promise<void> {
  const common = { environment: "production", model: "m", version: "v1", weight: 1, expires_on: "2149-06-01" };
  await facts.insertRows(
    "events",
    rows.map((row) => ({ ...common, ...row })),
    null,
  );
}

async function insertLabels(facts: Facts, rows: readonly object[]): Promise<void> {
  const common = { environment: "production", model: "m", expires_on: "2149-06-01" };
  await facts.insertRows(
    "labels",
    rows.map((row) => ({ ...common, ...row })),
    null,
  );
}

test("accuracy, log loss and calibration are those computed by hand, per version and over labelled events only", async () => {
  await using facts = await createTestDatabase();
  const at = (hour: number) => seconds(startMs + hour * hourMs);
  await insertEvents(facts, [
    { event_id: "a", event_time: at(1), scores: { late: 0.8 }, prediction_class: "late" },
    { event_id: "b", event_time: at(2), scores: { late: 0.4 }, prediction_class: "on_time" },
    { event_id: "c", event_time: at(3), scores: { late: 0.1 }, prediction_class: "on_time" },
    { event_id: "d", event_time: at(4), scores: { late: 0.9 }, prediction_class: "late" },
    { event_id: "e", event_time: at(5), scores: { late: 0.6 }, prediction_class: "late", version: "v2", weight: 3 },
    { event_id: "f", event_time: at(6), scores: { late: 0.2 }, prediction_class: "on_time", version: "v2" },
    { event_id: "outside", event_time: at(25), scores: { late: 0.5 }, prediction_class: "late" },
  ]);
  await insertLabels(facts, [
    { event_id: "a", label_time: at(30), label_class: "late", offset: 1 },
    { event_id: "b", label_time: at(30), label_class: "late", offset: 2 },
    { event_id: "c", label_time: at(30), label_class: "on_time", offset: 3 },
    { event_id: "e", label_time: at(30), label_class: "on_time", offset: 4 },
    { event_id: "f", label_time: at(30), label_class: "on_time", offset: 5 },
    { event_id: "outside", label_time: at(30), label_class: "late", offset: 6 },
    { event_id: "nobody", label_time: at(30), label_class: "late", offset: 7 },
  ]);
  const [first, second, ...others] = await countPerformance(facts, scope, binary);
  expect(others).toEqual([]);
  expect(first).toMatchObject({ version: "v1", slice: "", rows: 4, labelled: 3 });
  const v1 = windowMetrics(first!);
  expect(v1["accuracy"]!.value).toBeCloseTo(2 / 3, 12);
  expect(v1["log_loss"]!.value).toBeCloseTo(-(Math.log(0.8) + Math.log(0.4) + Math.log(0.9)) / 3, 12);
  expect(v1["calibration"]!.value).toBeCloseTo((0.8 + 0.4 + 0.1) / 3 - 2 / 3, 12);
  expect(v1["positive_share"]!.value).toBeCloseTo(2 / 3, 12);
  // Weights 3 and 1: 1.6 rows in effect.
  expect(second).toMatchObject({ version: "v2", rows: 2, labelled: 2 });
  const v2 = windowMetrics(second!);
  expect(v2["accuracy"]!.value).toBeCloseTo(1 / 4, 12);
  expect(v2["log_loss"]!.value).toBeCloseTo(-(3 * Math.log(0.4) + Math.log(0.8)) / 4, 12);
  expect(v2["calibration"]!.value).toBeCloseTo((3 * 0.6 + 0.2) / 4, 12);
});

test("the latest label time wins, then the highest offset", async () => {
  await using facts = await createTestDatabase();
  await insertEvents(
    facts,
    ["a", "b"].map((event_id) => ({ event_id, event_time: seconds(startMs), prediction_class: "late" })),
  );
  const label = (event_id: string, hour: number, offset: number, label_class: string) => ({
    event_id,
    label_time: seconds(startMs + hour * hourMs),
    offset,
    label_class,
  });
  await insertLabels(facts, [
    label("a", 3, 1, "late"),
    label("a", 2, 9, "on_time"),
    label("b", 3, 1, "on_time"),
    label("b", 3, 2, "late"),
  ]);
  const [performance] = await countPerformance(facts, scope, binary);
  expect(performance?.labelled).toBe(2);
  const metrics = windowMetrics(performance!);
  expect(metrics["accuracy"]!.value).toBe(1);
  // No event carries a score: then there is no log loss, rather than one of 0.
  expect(metrics).toMatchObject({ log_loss: null, roc_auc: null, pr_auc: null, calibration_error: null });
});

test("a label by entity goes to the entity's latest event before it, within the label window", async () => {
  await using facts = await createTestDatabase();
  const event = (event_id: string, entity_key: string, hour: number, prediction_class: string) => ({
    event_id,
    entity_key,
    event_time: seconds(startMs + hour * hourMs),
    prediction_class,
  });
  await insertEvents(facts, [
    event("a1", "a", 1, "late"),
    event("a2", "a", 5, "on_time"),
    event("b1", "b", 1, "late"),
    // The latest event of b before the label lies in the next window: b1 gets nothing.
    event("b2", "b", 26, "late"),
    event("c1", "c", 1, "late"),
  ]);
  const label = (entity_key: string, hour: number, label_class: string) => ({
    event_id: "",
    entity_key,
    label_time: seconds(startMs + hour * hourMs),
    label_class,
  });
  await insertLabels(facts, [
    label("a", 4, "late"),
    label("a", 6, "late"),
    label("b", 30, "late"),
    // More than two days after c1.
    label("c", 60, "late"),
  ]);
  const [performance] = await countPerformance(facts, scope, binary);
  expect(performance).toMatchObject({ rows: 4, labelled: 2 });
  expect(windowMetrics(performance!)["accuracy"]!.value).toBe(0.5);
});

test("a regression is measured by its errors, a multiclass model by the score of the true class", async () => {
  await using facts = await createTestDatabase();
  await insertEvents(facts, [
    { event_id: "a", event_time: seconds(startMs), prediction_num: 10 },
    { event_id: "b", event_time: seconds(startMs), prediction_num: 20 },
    {
      event_id: "x",
      model: "n",
      event_time: seconds(startMs),
      prediction_class: "cat",
      scores: { cat: 0.7, dog: 0.3 },
    },
  ]);
  await insertLabels(facts, [
    { event_id: "a", label_time: seconds(startMs + dayMs), label_num: 12 },
    { event_id: "b", label_time: seconds(startMs + dayMs), label_num: 16 },
    { event_id: "x", model: "n", label_time: seconds(startMs + dayMs), label_class: "dog" },
  ]);
  const task = { labelDelayMs: 0, labelWindowMs: dayMs };
  const [regression] = await countPerformance(facts, scope, { kind: "regression", ...task });
  const errors = windowMetrics(regression!);
  expect(errors["mae"]!.value).toBe(3);
  expect(errors["rmse"]!.value).toBe(Math.sqrt(10));
  expect(errors["bias"]!.value).toBe(1);
  const [multiclass] = await countPerformance(facts, { ...scope, model: "n" }, { kind: "multiclass", ...task });
  const classes = windowMetrics(multiclass!);
  expect(classes).toMatchObject({ accuracy: { value: 0 }, recall: { value: 0 }, precision: { value: 0 } });
  expect(classes["log_loss"]!.value).toBeCloseTo(-Math.log(0.3), 12);
});

test("what the engine counts gives the metrics and intervals of the rows one by one", async () => {
  await using facts = await createTestDatabase();
  const random = createRandom(7);
  const rows = Array.from({ length: 4000 }, (_, at) => {
    const score = 1 / (1 + Math.exp(-2 * random.normal()));
    const outcome = 40_000 + 100 * random.normal();
    return { at, score, positive: random.uniform() < score ? 1 : 0, outcome, estimate: outcome + 30 * random.normal() };
  });
  const event = ({ at }: (typeof rows)[number]) => ({ event_id: String(at), event_time: seconds(startMs + at) });
  await insertEvents(
    facts,
    rows.flatMap((row) => [
      { ...event(row), scores: { late: row.score }, prediction_class: row.score >= 0.4 ? "late" : "on_time" },
      { ...event(row), model: "n", prediction_num: row.estimate },
    ]),
  );
  const label = ({ at }: (typeof rows)[number]) => ({ event_id: String(at), label_time: seconds(startMs + hourMs) });
  await insertLabels(
    facts,
    rows.flatMap((row) => [
      { ...label(row), label_class: row.positive === 1 ? "late" : "on_time" },
      { ...label(row), model: "n", label_num: row.outcome },
    ]),
  );
  const column = (name: "score" | "outcome" | "estimate") => Float64Array.from(rows, (row) => row[name]);
  const positive = rows.map((row) => row.positive);
  const [counted] = await countPerformance(facts, scope, binary);
  const metrics = windowMetrics(counted!);
  const exact = {
    ...classMetrics(
      confusion(
        rows.map(({ score }) => (score >= 0.4 ? 1 : 0)),
        positive,
      ),
    ),
    ...probabilityMetrics(column("score"), positive),
  };
  for (const [name, measured] of Object.entries(exact)) {
    for (const end of ["value", "low", "high"] as const) expect(metrics[name]![end]).toBeCloseTo(measured![end], 9);
  }
  // From a histogram, in whose bins scores are tied.
  const ranked = { roc_auc: rocAuc(column("score"), positive), pr_auc: averagePrecision(column("score"), positive) };
  for (const [name, measured] of Object.entries(ranked)) {
    for (const end of ["value", "low", "high"] as const)
      expect(Math.abs(metrics[name]![end] - measured![end])).toBeLessThan(5e-4);
  }
  const [errors] = await countPerformance(
    facts,
    { ...scope, model: "n" },
    { kind: "regression", labelDelayMs: 0, labelWindowMs: dayMs },
  );
  for (const [name, measured] of Object.entries(estimateMetrics(column("estimate"), column("outcome")))) {
    for (const end of ["value", "low", "high"] as const)
      expect(windowMetrics(errors!)[name]![end]).toBeCloseTo(measured![end], 6);
  }
});

test("versions, arms and watched slices are counted on their own; what is not listed is not", async () => {
  await using facts = await createTestDatabase();
  const event = (event_id: string, version: string, arm: string, haul: string) => ({
    event_id,
    version,
    arm,
    cohorts: { haul },
    event_time: seconds(startMs),
    prediction_class: "late",
    scores: { late: 0.7 },
  });
  await insertEvents(facts, [
    event("a", "v1", "control", "long"),
    event("b", "v1", "treatment", "short"),
    event("c", "v1", "treatment", "other"),
    event("d", "v2", "control", "long"),
  ]);
  await insertLabels(facts, [{ event_id: "b", label_time: seconds(startMs + hourMs), label_class: "late" }]);
  const parts = await countPerformance(facts, scope, binary, [
    { attribute: "haul", sql: "toString(cohorts['haul'])", values: ["long", "short"] },
  ]);
  expect(parts.map(({ version, slice, rows, labelled }) => [version, slice, rows, labelled])).toEqual([
    ["v1", "", 3, 1],
    ["v1", "arm=control", 1, 0],
    ["v1", "arm=treatment", 2, 1],
    ["v1", "haul=long", 1, 0],
    ["v1", "haul=short", 1, 1],
    ["v2", "", 1, 0],
    ["v2", "arm=control", 1, 0],
    ["v2", "haul=long", 1, 0],
  ]);
});
