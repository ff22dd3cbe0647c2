import { expect, it } from "vitest";
import { totalVariationDistance } from "./total-variation.ts";

it("is half the summed distance of the shares", () => {
  // NumPy: 0.5 * np.abs(p - q).sum()
  expect(totalVariationDistance([120, 90, 60, 30], [80, 100, 80, 60])).toBeCloseTo(0.15, 14);
});

it("is 1 between samples that share no cell", () => {
  expect(totalVariationDistance([7, 3, 0, 0], [0, 0, 1, 2])).toBe(1);
});
