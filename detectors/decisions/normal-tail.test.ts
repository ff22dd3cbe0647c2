import fc from "fast-check";
import { expect, it } from "vitest";
import { normalTail, normalTailInverse } from "./normal-tail.ts";

it.each([
  // SciPy 1.17.1: stats.norm.sf(z)
  [0.5, 0.3085375387259869],
  [1.96, 0.024997895148220435],
  [2.4999, 0.006211418374944587],
  [2.5, 0.006209665325776132],
  [5, 2.866515718791933e-7],
  [8, 6.22096057427174e-16],
  [20, 2.7536241186061556e-89],
  [37, 5.7255712225239266e-300],
])("P(Z > %d) agrees with SciPy to twelve digits", (z, expected) => {
  expect(Math.abs(normalTail(z) / expected - 1)).toBeLessThan(1e-12);
});

it("is symmetric, and 0 only where doubles end", () => {
  expect(normalTail(0)).toBe(0.5);
  expect(normalTail(-1.3) + normalTail(1.3)).toBeCloseTo(1, 15);
  expect(normalTail(38)).toBeGreaterThan(0);
  expect(normalTail(40)).toBe(0);
});

it("falls all the way", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 37, noNaN: true }),
      fc.double({ min: 1e-3, max: 1, noNaN: true }),
      (z, step) => {
        expect(normalTail(z + step)).toBeLessThan(normalTail(z));
      },
    ),
  );
});

it("has an inverse down to 1e-200", () => {
  fc.assert(
    fc.property(fc.double({ min: -460, max: Math.log(0.5), noNaN: true }), (logP) => {
      const p = Math.exp(logP);
      expect(Math.abs(normalTail(normalTailInverse(p)) / p - 1)).toBeLessThan(1e-9);
    }),
  );
});
