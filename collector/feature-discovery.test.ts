import { describe, expect, test } from "vitest";
import { createFeatureSchema, type FeatureType } from "../core/feature-schema.ts";
import type { ModelSpec } from "../core/model.ts";
import { createFeatureDiscovery, type DiscoveredModel, type FeatureDiscovery } from "./feature-discovery.ts";

type Options = Parameters<typeof createFeatureDiscovery>[0];

function discoveryOf(options: Partial<Options> = {}): FeatureDiscovery {
  return createFeatureDiscovery({
    discovery: "auto",
    models: [],
    knownSchemas: [],
    caps: { maxModels: 2, maxFeatures: 3 },
    defaultRetentionDays: 90,
    ...options,
  });
}

function spec(name: string, features: Record<string, FeatureType>): ModelSpec {
  return {
    name,
    origin: "declared",
    tags: {},
    task: { kind: "unknown" },
    features: Object.entries(features).map(([feature, type]) => ({ name: feature, type, unit: null })),
    cohorts: [],
    monitors: [],
    baseline: null,
    monitoring: {
      windowMs: "auto",
      zone: "UTC",
      season: "none",
      allowedLatenessMs: 0,
      lateHorizonMs: 0,
      idleAfterMs: 0,
      falseIncidentsPerModelWeek: 0.05,
      effectFloor: 0.02,
      qualityFloor: 0.02,
      minSliceRows: 50,
      environments: ["production"],
    },
    alerting: {
      severity: { data_broken: "page", performance_fell: "page", predictions_moved: "page", inputs_moved: "ticket" },
    },
    retentionDays: 30,
  };
}

function newModel(discovery: FeatureDiscovery, name: string): DiscoveredModel {
  const candidate = discovery.candidate(name);
  if (candidate.kind === "refused") throw new Error(candidate.fault.detail);
  return candidate.model;
}

const fieldsOf = (model: DiscoveredModel | undefined) =>
  model?.layout.schema.fields.map(({ name, type }) => `${name}: ${type}`);

describe("in auto", () => {
  test("the first value that is not null decides a feature's type", () => {
    const discovery = discoveryOf({ caps: { maxModels: 1, maxFeatures: 10 } });
    const model = newModel(discovery, "m");
    discovery.grow(model, { a: 1, b: "x", c: false, d: null, e: "NaN", f: "-Infinity" });
    expect(fieldsOf(model)).toEqual(["a: numeric", "b: categorical", "c: boolean", "e: numeric", "f: numeric"]);
    discovery.grow(model, { a: "text", d: "late" });
    expect(fieldsOf(model)?.slice(5)).toEqual(["d: categorical"]);
  });

  test("a schema grows at its end, so the positions of its features stay", () => {
    const discovery = discoveryOf();
    const model = newModel(discovery, "m");
    discovery.grow(model, { b: 1 });
    discovery.grow(model, { a: 1, b: 2 });
    expect(fieldsOf(model)).toEqual(["b: numeric", "a: numeric"]);
    expect(model.layout.schema).toEqual(createFeatureSchema("m", model.layout.schema.fields));
  });

  test("features beyond max_features are left out", () => {
    const discovery = discoveryOf();
    const model = newModel(discovery, "m");
    discovery.grow(model, { a: 1, b: 1, c: 1, d: 1 });
    expect(fieldsOf(model)).toEqual(["a: numeric", "b: numeric", "c: numeric"]);
    expect(model.layout.full).toBe(true);
  });

  test("models beyond max_models are refused, declared and known ones counted", () => {
    const discovery = discoveryOf({ models: [spec("declared", {})], knownSchemas: [createFeatureSchema("known", [])] });
    expect(discovery.candidate("new")).toMatchObject({ kind: "refused", fault: { reason: "model_limit" } });
  });

  test("a candidate is no model before a valid event has named it", () => {
    const discovery = discoveryOf();
    const model = newModel(discovery, "m");
    expect(discovery.modelOf("m")).toBeUndefined();
    discovery.grow(model, {});
    expect(discovery.modelOf("m")).toBe(model);
  });

  test("the widest known schema is used on, the later of two that are equally wide", () => {
    const schema = (...names: string[]) =>
      createFeatureSchema(
        "m",
        names.map((name) => ({ name, type: "numeric" })),
      );
    const discovery = discoveryOf({ knownSchemas: [schema("a", "b"), schema("a", "c"), schema("a")] });
    expect(fieldsOf(discovery.modelOf("m"))).toEqual(["a: numeric", "c: numeric"]);
  });

  test("declared features come first and others may join", () => {
    const discovery = discoveryOf({ models: [spec("m", { zip: "categorical" })] });
    const model = discovery.modelOf("m");
    discovery.grow(model as DiscoveredModel, { age: 3, zip: 12345 });
    expect(fieldsOf(model)).toEqual(["zip: categorical", "age: numeric"]);
  });

  test("a known schema that contradicts what is declared is not used on", () => {
    const old = createFeatureSchema("m", [
      { name: "zip", type: "numeric" },
      { name: "age", type: "numeric" },
    ]);
    const discovery = discoveryOf({ models: [spec("m", { zip: "categorical" })], knownSchemas: [old] });
    expect(fieldsOf(discovery.modelOf("m"))).toEqual(["zip: categorical"]);
  });
});

describe("declared", () => {
  test("features that are not declared are left out", () => {
    const discovery = discoveryOf({ discovery: "declared", models: [spec("m", { a: "numeric" })] });
    discovery.grow(discovery.modelOf("m") as DiscoveredModel, { a: 1, b: 1 });
    expect(fieldsOf(discovery.modelOf("m"))).toEqual(["a: numeric"]);
  });

  test("a model that declares no features has them inferred", () => {
    const discovery = discoveryOf({ discovery: "declared", models: [spec("m", {})] });
    discovery.grow(discovery.modelOf("m") as DiscoveredModel, { a: 1 });
    expect(fieldsOf(discovery.modelOf("m"))).toEqual(["a: numeric"]);
  });

  test("known schemas of models that are not declared do not admit them", () => {
    const discovery = discoveryOf({ discovery: "declared", knownSchemas: [createFeatureSchema("m", [])] });
    expect(discovery.modelOf("m")).toBeUndefined();
    expect(discovery.candidate("m")).toMatchObject({ fault: { reason: "model_undeclared" } });
    expect(discovery.retentionOfLabels("m")).toBeNull();
  });
});

test("labels are kept as long as their model's events, and by default if the model is not known", () => {
  const discovery = discoveryOf({ models: [spec("m", {})] });
  expect([discovery.retentionOfLabels("m"), discovery.retentionOfLabels("other")]).toEqual([30, 90]);
});
