import { describe, expect, test } from "vitest";
import { draftModels, type SampledEvent } from "./model-draft.ts";

const events = (count: number, fieldsOf: (index: number) => Readonly<Record<string, unknown>>): SampledEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    timeMs: Date.UTC(2026, 8, 1) + index * 60_000,
    fields: { model: "m", ...fieldsOf(index) },
  }));

const taskOf = (sample: readonly SampledEvent[]) => draftModels(sample)[0]?.task;

describe("the task", () => {
  test("one class with a score is the positive one", () => {
    const sample = events(10, (index) => ({ prediction: index < 3 ? "late" : "on_time", scores: { late: 0.5 } }));
    expect(taskOf(sample)).toMatchObject({ kind: "binary", positive: "late", classes: ["late", "on_time"] });
  });
  test("of two classes the one whose name says so, else the rarer one", () => {
    expect(taskOf(events(10, (index) => ({ prediction: index < 8 ? "yes" : "no" })))).toMatchObject({
      kind: "binary",
      positive: "yes",
      why: "its name",
    });
    expect(taskOf(events(10, (index) => ({ prediction: index < 8 ? "ham" : "egg" })))).toMatchObject({
      positive: "egg",
      why: "the rarer class",
    });
  });
  test("three classes are multiclass, numbers a regression, two numbers nobody knows", () => {
    expect(taskOf(events(9, (index) => ({ prediction: "abc"[index % 3] })))).toMatchObject({ kind: "multiclass" });
    expect(taskOf(events(9, (index) => ({ prediction: index / 7 })))).toEqual({ kind: "regression" });
    expect(taskOf(events(9, (index) => ({ prediction: index % 2 })))).toMatchObject({ kind: "unknown" });
    expect(taskOf(events(9, () => ({})))).toMatchObject({
      kind: "unknown",
      why: "no event has a prediction or scores",
    });
  });
});

describe("features", () => {
  const featureOf = (values: readonly unknown[]) =>
    draftModels(events(values.length, (index) => ({ features: { x: values[index] } })))[0]?.features[0];

  test("the most frequent type is meant, not the first value's", () => {
    expect(featureOf(["n/a", 1, 2.5, 3])).toMatchObject({
      type: "numeric",
      otherwise: 1,
      smallest: 1,
      largest: 3,
      whole: false,
    });
  });
  test("missing is counted apart, and what was never seen has a guessed type", () => {
    expect(featureOf([null, undefined, 1])).toMatchObject({ type: "numeric", missing: 2, distinct: 1 });
    expect(featureOf([null, null])).toMatchObject({ type: "categorical", missing: 2, distinct: 0 });
  });
  test("numbers that JSON cannot write are numbers", () => {
    expect(featureOf(["NaN", "Infinity", 1])).toMatchObject({ type: "numeric", otherwise: 0, largest: 1 });
  });
});

test("each model of a sample has a draft of its own, by name", () => {
  const sample = [
    ...events(3, () => ({ model: "b" })),
    ...events(2, () => ({ model: "a", version: "7", cohorts: { state: "NY" } })),
  ];
  expect(draftModels(sample)).toMatchObject([
    { model: "a", events: 2, versions: ["7"], cohorts: [{ attribute: "state", distinct: 1 }] },
    { model: "b", events: 3, versions: [] },
  ]);
});
