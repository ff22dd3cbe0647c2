import { expect, it } from "vitest";
import { budgetOf, performanceAlpha, thresholdOf } from "./budget.ts";
import { contrastsOf } from "./contrasts.ts";
import { binningOf, countsOf, type Value } from "./binning.ts";

const shape = {
  falseIncidentsPerModelWeek: 0.05,
  windowsPerWeek: 7,
  watchedSlices: 0,
  numeric: 10,
  categorical: 10,
};

function contrasts(values: readonly Value[], slice = "") {
  const binning = binningOf(values);
  const series = { role: "feature", feature: "f", version: "", slice } as const;
  return contrastsOf({ series, binning, pooled: countsOf(binning, values) }, { omnibus: slice === "" });
}

const numbers = contrasts(Array.from({ length: 1000 }, (_, i) => i));
const categories = contrasts(Array.from({ length: 1000 }, (_, i) => `c${i % 5}`));
const flag = contrasts(Array.from({ length: 1000 }, (_, i) => (i % 10 === 0 ? "yes" : "no")));

it("shares the week's budget, times the measured slack, among all series: 4 parts to a category, 1 to a number", () => {
  const budget = budgetOf(shape);
  expect(budget.series.categorical).toBeCloseTo(4 * budget.series.numeric, 15);
  const week = 7 * 10 * (budget.series.numeric + budget.series.categorical);
  expect(week).toBeCloseTo(0.05 * 1.4 * 0.95, 12);
});

it("leaves silence a fifth of the fast cadence's 5 %", () => {
  expect(7 * budgetOf(shape).silence).toBeCloseTo(0.05 * 0.05 * 0.2, 15);
});

it("gives performance a twentieth of the windows' part, which the series do without", () => {
  expect(7 * performanceAlpha(shape)).toBeCloseTo(0.05 * 0.95 * 0.05, 15);
  const series = (of: Partial<Parameters<typeof budgetOf>[0]>) => budgetOf({ ...shape, ...of }).series.numeric;
  expect(series({ performance: true }) / series({})).toBeCloseTo(0.95, 12);
  expect(series({ performance: true, monitors: 2 }) / series({})).toBeCloseTo(0.85, 12);
});

it("gives watched slices a fifth, without slack, evenly over slice and feature", () => {
  const budget = budgetOf({ ...shape, watchedSlices: 50 });
  expect(budget.sliceSeries).toBeCloseTo((0.95 * 0.05 * 0.2) / 7 / (50 * 20), 15);
  expect(budget.series.numeric).toBeCloseTo(0.8 * budgetOf(shape).series.numeric, 15);
  expect(budgetOf(shape).sliceSeries).toBe(0);
});

it.each([
  ["a number", numbers, 0.4],
  ["a category of five", categories, 0.1],
  ["a flag", flag, 0.1],
])("never hands out more than the series' α: %s", (_, of, long) => {
  const sum = (horizon: "short" | "long", signal: string) =>
    of.contrasts
      .filter((contrast) => contrast.signal === signal)
      .reduce((total, contrast) => total + thresholdOf(contrast, of.kind, 1, horizon), 0);
  expect(sum("short", "distribution") + sum("long", "distribution")).toBeCloseTo(0.95, 12);
  expect(sum("long", "distribution")).toBeCloseTo(0.95 * long, 12);
  const quality = ["missing", "unseen"].reduce(
    (total, signal) => total + sum("short", signal) + sum("long", signal),
    0,
  );
  expect(quality).toBeLessThanOrEqual(0.05 + 1e-12);
  expect(sum("long", "unseen")).toBe(0);
});
