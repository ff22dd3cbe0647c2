import { expect, it } from "vitest";
import { jensenShannonDistance } from "./jensen-shannon.ts";

it("is the distance to base 2", () => {
  // SciPy 1.17.1: spatial.distance.jensenshannon(p, q, base=2) of the shares of these counts
  expect(jensenShannonDistance([120, 90, 60, 30], [80, 100, 80, 60])).toBeCloseTo(0.15638723463492774, 14);
});

it("is 1 between samples that share no cell", () => {
  expect(jensenShannonDistance([7, 3, 0, 0], [0, 0, 1, 2])).toBeCloseTo(1, 14);
});
