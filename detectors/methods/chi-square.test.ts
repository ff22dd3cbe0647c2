import { expect, it } from "vitest";
import { chiSquareStatistic } from "./chi-square.ts";

it("is Pearson's statistic of the 2×k table", () => {
  // SciPy 1.17.1: stats.chi2_contingency([a, b], correction=False).statistic
  expect(chiSquareStatistic([120, 90, 60, 30], [80, 100, 80, 60])).toBeCloseTo(20.75989974937342, 11);
});

it("leaves out cells that are empty on both sides", () => {
  expect(chiSquareStatistic([10, 0, 20], [20, 0, 10])).toBeCloseTo(chiSquareStatistic([10, 20], [20, 10]), 12);
});
