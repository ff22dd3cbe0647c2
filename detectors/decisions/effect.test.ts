import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Contrast } from "./contrasts.ts";
import { boundQuantile, effectError, effectOf, omnibusEffect } from "./effect.ts";

const share = (reference: number): Contrast => ({
  name: "share",
  signal: "distribution",
  form: "share",
  over: "present",
  reference,
  variance: reference * (1 - reference),
  referenceSize: 10_000,
  multiplier: 1,
  share: 1,
  oneSided: false,
});

it("is the share of rows moved: a flag from 10 to 15 % moved 5 % of the rows", () => {
  expect(effectOf(share(0.1), 0.15)).toBeCloseTo(0.05, 12);
});

it("has the error of whichever share varies more, and grows with √φ", () => {
  const error = effectError(share(0), 0.02, 1000, 1);
  expect(error).toBeCloseTo(Math.sqrt(0.02 * 0.98 * (1 / 1000 + 1 / 10_000)), 12);
  expect(effectError(share(0), 0.02, 1000, 4)).toBeCloseTo(2 * error, 12);
  expect(effectError(share(0.5), 0.02, 1000, 1)).toBeCloseTo(Math.sqrt(0.25 * 0.0011), 12);
});

describe("the omnibus effect", () => {
  const statistic = fc.record({
    xSquare: fc.double({ min: 0, max: 5000, noNaN: true }),
    degreesOfFreedom: fc.integer({ min: 1, max: 30 }),
    totalVariation: fc.double({ min: 0, max: 1, noNaN: true }),
    n: fc.integer({ min: 30, max: 100_000 }),
  });

  it("is never more than the plug-in total variation, never negative, and falls as φ grows", () => {
    fc.assert(
      fc.property(statistic, (given) => {
        const effect = omnibusEffect(given, 10_000, 1);
        expect(effect).toBeGreaterThanOrEqual(0);
        expect(effect).toBeLessThanOrEqual(given.totalVariation);
        expect(omnibusEffect(given, 10_000, 4)).toBeLessThanOrEqual(effect + 1e-12);
      }),
    );
  });

  it("is 0 for an X² that chance explains", () => {
    expect(omnibusEffect({ xSquare: 12, degreesOfFreedom: 10, totalVariation: 0.05, n: 1000 }, 10_000, 1)).toBe(0);
  });

  it("is ½·√((λ − 1.2816·√(2E[φ]²d + 4E[φ]λ))/m), by hand", () => {
    // λ = 100 − 2·10 = 80; error = √(2·4·10 + 4·2·80) = 26.83; m = 1000·10000/11000 = 909.1
    const expected = 0.5 * Math.sqrt((80 - boundQuantile * Math.sqrt(720)) / (1e7 / 11_000));
    expect(omnibusEffect({ xSquare: 100, degreesOfFreedom: 10, totalVariation: 1, n: 1000 }, 10_000, 2)).toBeCloseTo(
      expected,
      12,
    );
  });
});
