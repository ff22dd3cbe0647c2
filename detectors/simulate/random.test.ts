import { expect, it } from "vitest";
import { createRandom } from "./random.ts";

it("the same seeds give the same stream, other seeds another", () => {
  const draw = (...seeds: number[]) => {
    const random = createRandom(...seeds);
    return Array.from({ length: 5 }, () => random.uniform());
  };
  expect(draw(1, 2)).toEqual(draw(1, 2));
  expect(draw(1, 2)).not.toEqual(draw(1, 3));
  expect(draw(1, 2)).not.toEqual(draw(2, 1));
});

it("normals have mean 0, variance 1 and no excess of outliers", () => {
  const random = createRandom(7);
  const values = Float64Array.from({ length: 200_000 }, () => random.normal());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.01);
  expect(Math.abs(variance - 1)).toBeLessThan(0.015);
  const beyond = values.filter((value) => Math.abs(value) > 3).length / values.length;
  expect(beyond).toBeGreaterThan(0.0022);
  expect(beyond).toBeLessThan(0.0032);
});
