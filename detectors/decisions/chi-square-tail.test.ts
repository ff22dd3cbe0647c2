import fc from "fast-check";
import { expect, it } from "vitest";
import { chiSquareTail } from "./chi-square-tail.ts";
import { normalTail } from "./normal-tail.ts";

it.each([
  // SciPy 1.17.1: stats.chi2.sf(x, d)
  [3.841458820694124, 1, 0.05],
  [0.5, 3, 0.9188914116546758],
  [30, 4, 4.894437128029217e-6],
  [100, 10, 5.4497019829205215e-17],
  [60.5, 2.37, 1.4936165366069919e-13],
  [200, 30, 4.9527335290032224e-27],
  [1, 60, 1],
])("P(χ² > %d) with %d degrees of freedom agrees with SciPy to ten digits", (x, d, expected) => {
  expect(Math.abs(chiSquareTail(x, d) / expected - 1)).toBeLessThan(1e-10);
});

it("with one degree of freedom is the two-sided normal tail, with two the exponential's", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 30, noNaN: true }), (z) => {
      expect(Math.abs(chiSquareTail(z * z, 1) / (2 * normalTail(z)) - 1)).toBeLessThan(1e-9);
      expect(Math.abs(chiSquareTail(z, 2) / Math.exp(-z / 2) - 1)).toBeLessThan(1e-9);
    }),
  );
});

it("is 1 at nothing", () => {
  expect(chiSquareTail(0, 5)).toBe(1);
});
