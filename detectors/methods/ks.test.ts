import fc from "fast-check";
import { expect, it } from "vitest";
import { binningOf, countsOf } from "../decisions/binning.ts";
import { ksStatistic } from "./ks.ts";

it("is the largest distance of the cumulative shares", () => {
  // SciPy 1.17.1: stats.ks_2samp(np.repeat([0,1,2,3], a), np.repeat([0,1,2,3], b)).statistic
  expect(ksStatistic([120, 90, 60, 30], [80, 100, 80, 60])).toBeCloseTo(0.15, 14);
});

/** By its definition, on raw values. */
function exactKs(reference: readonly number[], current: readonly number[]): number {
  const below = (values: readonly number[], x: number) => values.filter((value) => value <= x).length / values.length;
  return Math.max(...[...reference, ...current].map((x) => Math.abs(below(reference, x) - below(current, x))));
}

it("from bins falls short of the raw values' by at most 1/128 and one row, without ties", () => {
  fc.assert(
    fc.property(
      fc
        .uniqueArray(fc.integer({ min: -1e9, max: 1e9 }), { minLength: 200, maxLength: 300 })
        .map((drawn) => drawn.map((x) => x / 1e9)),
      fc.double({ min: -0.5, max: 0.5, noNaN: true }),
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 20, maxLength: 100 }),
      (reference, shift, sample) => {
        const current = sample.map((value) => value + shift);
        const binning = binningOf(reference);
        fc.pre(binning.kind === "numeric");
        const binned = ksStatistic(countsOf(binning, reference).bins, countsOf(binning, current).bins);
        const exact = exactKs(reference, current);
        expect(binned).toBeLessThanOrEqual(exact + 1e-12);
        // A bin holds one quantile step and at most one row more; what ties with an edge cannot be told from its bin.
        expect(exact - binned).toBeLessThanOrEqual(1 / 128 + 1 / reference.length + 1e-12);
      },
    ),
    { numRuns: 50 },
  );
});
