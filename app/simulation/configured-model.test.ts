import { describe, expect, test } from "vitest";
import { dayMs, hourMs, weekMs } from "../../core/window.ts";
import { testModel } from "../../detectors/testing/model.ts";
import { configuredModel, type SimulatedTraffic } from "./configured-model.ts";

const nothing: SimulatedTraffic = {
  rowsPerWindow: null,
  rowsPerUser: null,
  referenceWindows: null,
  valuesPerCohort: null,
  canaryShare: null,
  windowMs: null,
  weights: null,
};
const fromMs = Date.UTC(2026, 0, 1);
const range = { kind: "range", fromMs, toMs: fromMs + 28 * dayMs } as const;
const types = ["numeric", "categorical", "boolean"] as const;

function configured(spec: Parameters<typeof testModel>[0], traffic: Partial<SimulatedTraffic> = {}) {
  return configuredModel(testModel({ baseline: range, ...spec }), types, "as declared", { ...nothing, ...traffic });
}

describe("what decisions depend on comes from the configuration", () => {
  test("windows of any length, and as many of them as the baseline's range holds", () => {
    const { model } = configured({ monitoring: { windowMs: 6 * hourMs } });
    expect(model.calendar).toEqual({ windowMs: 6 * hourMs, windowsPerWeek: 28, horizon: 7 });
    expect(model.referenceWindows).toBe(112);
    expect(configured({ monitoring: { windowMs: hourMs } }).model.calendar.horizon).toBe(24);
  });

  test("a trailing baseline: its length, and how far back it ends", () => {
    const { model } = configured({ baseline: { kind: "trailing", lengthMs: 2 * weekMs, gapMs: 3 * dayMs } });
    expect(model).toMatchObject({ referenceWindows: 14, trailingGapWindows: 3, subWindowsKnown: true });
  });

  test("a file without a time column has no windows: the model warms up, and performance is not judged", () => {
    const file = { kind: "file", path: "/r.csv", time: null, prediction: "p", score: null, label: "l" } as const;
    const { model, report } = configured({ baseline: file });
    expect(model).toMatchObject({ subWindowsKnown: false, performance: null });
    expect(report.configuration.join()).toContain("names no time column");
    expect(report.cannotHold.join()).toContain("accuracy and roc_auc cannot be judged");
  });

  test("the score and class of a task, the score of a regression, and neither of an unknown one", () => {
    const labels = { labelDelayMs: 0, labelWindowMs: dayMs };
    expect(configured({}).model.results).toEqual(["score", "class"]);
    expect(configured({ task: { kind: "regression", ...labels } }).model.results).toEqual(["score"]);
    expect(configured({ task: { kind: "unknown" } }).model).toMatchObject({ results: [], performance: null });
  });

  test("performance: the metrics that the file names; of those that are not drawn it says so", () => {
    const metrics = [
      { metric: "recall", minChange: 0.05 },
      { metric: "brier", minChange: 0.05 },
    ] as const;
    const { model, report } = configured({ performance: { metrics, minCoverage: 0.5 } });
    expect(model.performance?.metrics).toEqual([metrics[0]]);
    expect(report.configuration).toContain("brier of performance is judged, and not simulated");
  });

  test("season: weekdays, where it can do something", () => {
    expect(configured({ monitoring: { season: "weekdays" } }).model.weekdays).toBe(true);
    const short = configured({ monitoring: { season: "weekdays", windowMs: hourMs } });
    expect(short.model.weekdays).toBe(false);
    expect(short.report.cannotHold.join()).toContain("set season: none, or lengthen the baseline");
  });

  test("watched cohorts are slices of the window's rows; too small ones are not watched", () => {
    const cohorts = [
      { attribute: "band", watch: true, derive: { kind: "hour_band" } },
      { attribute: "region", watch: true },
      { attribute: "device", watch: false },
    ] as const;
    const { model, report } = configured({ cohorts }, { rowsPerWindow: 400 });
    expect(model.sliceRows).toEqual([100, 100, 100, 100]);
    expect(report.cannotHold.join()).toContain("10 watched slices of region with 40 rows each are not watched");
    expect(configured({ cohorts }, { rowsPerWindow: 400, valuesPerCohort: 5 }).model.sliceRows).toHaveLength(9);
  });

  test("a concurrent baseline has a new version beside the control", () => {
    const concurrent = { ...range, version: "3", concurrent: true } as const;
    const { model, report } = configured({ baseline: concurrent }, { rowsPerWindow: 500 });
    expect(model.canaryShare).toBe(0.05);
    expect(report.cannotHold.join()).toContain("25 rows of the other version, fewer than 30");
  });

  test("monitors and performance have their parts of the budget", () => {
    const monitor = { name: "margin", kind: "sql", sql: "SELECT 1", minChange: 0.1, harm: "inputs_moved" } as const;
    expect(configured({ monitors: [monitor] }).model.monitors).toBe(1);
  });
});

describe("what a configuration cannot tell", () => {
  test("is assumed, and said with the option that says otherwise", () => {
    const { model, report } = configured({ baseline: null, monitoring: { windowMs: "auto" } });
    expect(model).toMatchObject({ rows: 1000, rowsPerUser: 10, referenceWindows: 28, weights: null });
    const said = report.assumed.join();
    for (const option of ["--rows-per-window", "--rows-per-user", "--reference-windows", "--window", "--weights"]) {
      expect(said).toContain(option);
    }
    expect(report.cannotHold).toEqual(["the model has no baseline, so nothing of it is judged: name one (baseline:)"]);
  });

  test("nobody knows the features: twenty, numbers and categories in turn", () => {
    const { model, report } = configuredModel(testModel({ baseline: range }), null, "", nothing);
    expect(model.types).toHaveLength(20);
    expect(report.assumed.join()).toContain("declare them under features:");
  });
});

test.each([
  [20, "a window of 20 rows is not judged by itself, 30 are needed: only the last 7 together are"],
  [4, "a window of 4 rows is never judged, 30 are needed"],
  [2, "a reference of 56 rows is no baseline, 100 are needed"],
])("with %d rows a window the model cannot hold, and it is said", (rowsPerWindow, says) => {
  expect(configured({}, { rowsPerWindow }).report.cannotHold.join()).toContain(says);
});
