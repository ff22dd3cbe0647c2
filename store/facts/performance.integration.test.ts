import { expect, test } from "vitest";
import { dayMs, hourMs } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import { measurePerformance } from "./performance.ts";
import { createTestDatabase } from "./test-database.ts";

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
  const [first, second, ...others] = await measurePerformance(facts, scope, binary);
  expect(others).toEqual([]);
  expect(first).toMatchObject({ version: "v1", rows: 4, labelled: 3 });
  expect(first?.measures["label_coverage"]).toBeCloseTo(3 / 4, 12);
  expect(first?.measures["accuracy"]).toBeCloseTo(2 / 3, 12);
  expect(first?.measures["log_loss"]).toBeCloseTo(-(Math.log(0.8) + Math.log(0.4) + Math.log(0.9)) / 3, 12);
  expect(first?.measures["calibration"]).toBeCloseTo((0.8 + 0.4 + 0.1) / 3 - 2 / 3, 12);
  expect(first?.measures["positive_share"]).toBeCloseTo(2 / 3, 12);
  // Weights 3 and 1.
  expect(second).toMatchObject({ version: "v2", rows: 2, labelled: 2 });
  expect(second?.measures["accuracy"]).toBeCloseTo(1 / 4, 12);
  expect(second?.measures["log_loss"]).toBeCloseTo(-(3 * Math.log(0.4) + Math.log(0.8)) / 4, 12);
  expect(second?.measures["calibration"]).toBeCloseTo((3 * 0.6 + 0.2) / 4, 12);
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
  const [performance] = await measurePerformance(facts, scope, binary);
  expect(performance?.labelled).toBe(2);
  expect(performance?.measures["accuracy"]).toBe(1);
  // No event carries a score: then there is no log loss, rather than one of 0.
  expect(performance?.measures).not.toHaveProperty("log_loss");
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
  const [performance] = await measurePerformance(facts, scope, binary);
  expect(performance).toMatchObject({ rows: 4, labelled: 2 });
  expect(performance?.measures["accuracy"]).toBe(0.5);
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
  const [regression] = await measurePerformance(facts, scope, { kind: "regression", ...task });
  expect(regression?.measures).toEqual({
    label_coverage: 1,
    mean_absolute_error: 3,
    root_mean_squared_error: Math.sqrt(10),
    bias: 1,
  });
  const [multiclass] = await measurePerformance(facts, { ...scope, model: "n" }, { kind: "multiclass", ...task });
  expect(multiclass?.measures["accuracy"]).toBe(0);
  expect(multiclass?.measures["log_loss"]).toBeCloseTo(-Math.log(0.3), 12);
});
