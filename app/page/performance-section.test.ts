import { expect, test } from "vitest";
import { dayMs } from "../../core/window.ts";
import { sampleModel } from "../../alerting/testing/models.ts";
import type { PerformancePoint } from "../../store/facts/page-windows.ts";
import { rendered } from "./html.ts";
import { metricPicture, metricStates, performanceSection } from "./performance-section.ts";

const startMs = Date.UTC(2026, 0, 5);
const point = (day: number, changes: Partial<PerformancePoint> = {}): PerformancePoint => ({
  version: "7",
  slice: "",
  window: { startMs: startMs + day * dayMs, endMs: startMs + (day + 1) * dayMs },
  state: "ok",
  rows: 1000,
  measures: {
    accuracy: 0.868,
    accuracy_low: 0.846,
    accuracy_high: 0.887,
    reference_accuracy: 0.9,
    labelled_rows: 950,
    labels_due: 1,
  },
  judged: [{ metric: "accuracy", state: "drift", effect: 0.032, effectLow: 0.021 }],
  ...changes,
});

const textOf = (points: readonly PerformancePoint[]) =>
  rendered(performanceSection(points, sampleModel()))
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll(/\s+/g, " ");

test("the newest due window is told against the baseline, with how much worse and its state", () => {
  const text = textOf([
    point(0),
    point(1, { judged: [], measures: { labelled_rows: 20 }, state: "insufficient_data" }),
  ]);
  expect(text).toContain("Accuracy 7 86.8 % 84.6 % to 88.7 % 90.0 % 3.2 points, at least 2.1 points changed");
  expect(text).toContain("950 of 1,000 rows");
});

test("what was not judged is said not to be, and what became better is no fall", () => {
  const better = { metric: "accuracy", state: "ok", effect: -0.05, effectLow: -0.07 } as const;
  expect(textOf([point(0, { judged: [better] })])).toContain("90.0 % better no change");
  const unknown = { metric: "accuracy", state: "insufficient_data", effect: null, effectLow: null } as const;
  expect(textOf([point(0, { judged: [unknown] })])).toContain("not judged too few rows");
  expect(textOf([point(0, { judged: [] })])).toContain("Not held against the baseline");
});

test("a finding's picture is its metric's, of its version, with what was decided in each window", () => {
  const of = { metric: "accuracy", version: "7" };
  const points = [point(0), point(1, { version: "8" }), point(2, { slice: "arm=b" })];
  const picture = metricPicture(points, of);
  expect(picture === null ? "" : rendered(picture)).toContain("Accuracy");
  expect([...metricStates(points, of)]).toEqual([[startMs, "drift"]]);
  expect(metricPicture(points, { ...of, version: "9" })).toBeNull();
});
