import { describe, expect, test } from "vitest";
import { dayMs, hourMs } from "../../core/window.ts";
import { modelScenarios, type ConfiguredModel } from "./model-scenarios.ts";
import { runScenario, type Run } from "./run.ts";
import { scenarioNamed } from "./scenarios.ts";
import { createModel } from "./streams.ts";

const model: ConfiguredModel = {
  types: ["categorical", "boolean", "numeric", "numeric"],
  results: ["score", "class"],
  calendar: { windowMs: dayMs, windowsPerWeek: 7, horizon: 7 },
  rows: 200,
  referenceWindows: 28,
  subWindowsKnown: true,
  rowsPerUser: 5,
  weekdays: false,
  trailingGapWindows: null,
  canaryShare: null,
  sliceRows: [],
  monitors: 0,
  performance: null,
  weights: null,
};
const monitoring = { falseIncidentsPerModelWeek: 0.05, effectFloor: 0.02, qualityFloor: 0.003 };
const accuracy = { task: "binary", metrics: [{ metric: "accuracy", minChange: 0.02 }] } as const;
const hours = { windowMs: hourMs, windowsPerWeek: 168, horizon: 24 };
const quarters = { windowMs: 6 * hourMs, windowsPerWeek: 28, horizon: 7 };

function run(name: string, of: ConfiguredModel, index = 0): Run {
  return runScenario(scenarioNamed(name, modelScenarios(of)), index, { seed: 1, monitoring });
}

const namesOf = (of: ConfiguredModel) => modelScenarios(of).map(({ name }) => name);

describe("the model that is simulated", () => {
  test("has the features of the configuration, by type, and the results of its task", () => {
    const { reference, windowMs } = createModel(scenarioNamed("iid", modelScenarios(model)).stream, null, 1);
    const kinds = reference
      .filter(({ series }) => series.version === "")
      .map(({ series, binning }) => [series.role, binning.kind, binning.kind === "categorical" && binning.distinct]);
    expect(kinds).toEqual([
      ["feature", "categorical", 3],
      ["feature", "categorical", 2],
      ["feature", "numeric", false],
      ["feature", "numeric", false],
      ["score", "numeric", false],
      ["class", "categorical", 2],
    ]);
    expect(windowMs).toBe(dayMs);
    expect(reference[0]!.subWindows).toHaveLength(28);
  });

  test("gives a score and a class to every row, whose users come back too", () => {
    const { live } = createModel(scenarioNamed("users", modelScenarios(model)).stream, null, 1);
    const results = live(0).profiles.filter(({ series }) => series.role !== "feature");
    expect(results.map(({ counts }) => [counts.rows, counts.missing])).toEqual([
      [200, 0],
      [200, 0],
    ]);
  });

  test("changes where it has such a feature: numbers move, flags and categories change, none where there is none", () => {
    const changed = (name: string) => {
      const scenario = scenarioNamed(name, modelScenarios(model));
      return createModel(scenario.stream, "change" in scenario ? (scenario.change as never) : null, 1).changed;
    };
    expect([changed("mean-0.5"), changed("flag"), changed("category-10"), changed("missing")]).toEqual([
      "f2",
      "f1",
      "f0",
      "f3",
    ]);
    const numbers = namesOf({ ...model, types: ["numeric"] });
    expect(numbers).toContain("mean-0.2");
    expect(numbers.filter((name) => /flag|category/.test(name))).toEqual([]);
  });

  test("has windows as long as its own, and hours or weekends that differ by them", () => {
    const seasonOf = (calendar: ConfiguredModel["calendar"]) =>
      modelScenarios({ ...model, calendar }).find(({ name }) => name === "season")?.stream.kind ?? null;
    expect(seasonOf(model.calendar)).toBe("season");
    expect(seasonOf(quarters)).toBe("hourly");
    expect(seasonOf({ windowMs: 7 * dayMs, windowsPerWeek: 1, horizon: 7 })).toBeNull();
    const { live } = createModel(
      scenarioNamed("iid", modelScenarios({ ...model, calendar: quarters })).stream,
      null,
      1,
    );
    const { window } = live(1);
    expect(window.endMs - window.startMs).toBe(6 * hourMs);
  });
});

describe("a large change is found, and healthy traffic is quiet", { timeout: 60_000 }, () => {
  test.each<[string, Partial<ConfiguredModel>]>([
    ["windows of days", {}],
    ["windows of hours", { calendar: hours, referenceWindows: 48 }],
    ["windows of six hours", { calendar: quarters }],
    ["a trailing reference", { trailingGapWindows: 7 }],
    ["a reference without times", { subWindowsKnown: false, referenceWindows: 5 }],
    ["season: weekdays", { weekdays: true }],
    ["watched slices", { sliceRows: [60, 60] }],
    ["monitors, and performance", { monitors: 2, performance: accuracy }],
  ])("%s", (_name, more) => {
    const own = { ...model, ...more };
    for (let index = 0; index < 3; index += 1) expect(run("mean-0.5", own, index).foundIn).toBe(1);
    expect(run("iid", own).incidents + run("users", own).incidents).toBeLessThanOrEqual(1);
  });

  test("weights, of the features alone", () => {
    expect(run("weights", { ...model, weights: "sampled", sliceRows: [60] }).incidents).toBe(0);
    expect(namesOf(model)).not.toContain("weights");
  });

  test("a new version beside a concurrent control", () => {
    const own = { ...model, canaryShare: 0.3, rows: 2000, results: ["score", "class"] as const };
    expect(run("canary-iid", own).incidents).toBe(0);
    expect(run("canary-changed", own).foundIn).not.toBeNull();
    expect(namesOf(model)).not.toContain("canary-iid");
  });

  test("performance falls", () => {
    const own = { ...model, rows: 1000, performance: accuracy };
    expect(run("performance-iid", own).incidents).toBe(0);
    expect(run("performance-0.85", own).foundIn).toBeLessThanOrEqual(2);
    const hourly = { ...own, calendar: hours, referenceWindows: 100 };
    expect(run("performance-0.85", hourly).foundIn).not.toBeNull();
  });
});

test("a model with too few rows finds nothing, however large the change", () => {
  expect(run("mean-0.5", { ...model, rows: 4 }).foundIn).toBeNull();
});

test("the short form has fewer models the more each costs, and always some", () => {
  const modelsOf = (of: ConfiguredModel) => modelScenarios(of).map(({ quickModels }) => quickModels ?? 0);
  const small = modelsOf(model);
  const large = modelsOf({
    ...model,
    rows: 10_000,
    types: Array.from({ length: 100 }, () => "numeric" as const),
    calendar: hours,
    referenceWindows: 672,
  });
  expect(Math.max(...large)).toBeLessThan(Math.min(...small));
  expect(Math.min(...large)).toBeGreaterThanOrEqual(2);
});
