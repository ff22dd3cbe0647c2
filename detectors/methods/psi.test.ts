import { expect, it } from "vitest";
import { populationStabilityIndex } from "./psi.ts";

it("is the sum of both Kullback–Leibler divergences", () => {
  // SciPy 1.17.1: stats.entropy(p, q) + stats.entropy(q, p) with p, q = the shares of these counts
  expect(populationStabilityIndex([120, 90, 60, 30], [80, 100, 80, 60])).toBeCloseTo(0.13717125458353174, 14);
});

it("gives 0.3·ln 1.6 − 0.3·ln 0.4 for 50:50 against 80:20", () => {
  expect(populationStabilityIndex([50, 50], [80, 20])).toBeCloseTo(0.3 * Math.log(1.6) - 0.3 * Math.log(0.4), 14);
});

it("counts an empty cell as half a row, and cells that are empty on both sides not at all", () => {
  const expected = (0.1 - 0.005) * Math.log(0.1 / 0.005) + (0.9 - 1) * Math.log(0.9 / 1);
  expect(populationStabilityIndex([100, 0, 0], [90, 10, 0])).toBeCloseTo(expected, 14);
});
