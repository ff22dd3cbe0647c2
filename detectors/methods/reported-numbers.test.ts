import { expect, it } from "vitest";
import { binningOf, countsOf } from "../decisions/binning.ts";
import { chiSquareStatistic } from "./chi-square.ts";
import { reportedNumbers } from "./reported-numbers.ts";

const ramp = Array.from({ length: 1000 }, (_, i) => i);

it("reports every method for numbers, and no KS for categories", () => {
  const numeric = { binning: binningOf(ramp), pooled: countsOf(binningOf(ramp), ramp) };
  const shifted = ramp.map((value) => value + 100);
  const numbers = reportedNumbers(numeric, countsOf(numeric.binning, shifted));
  expect(Object.keys(numbers)).toEqual([
    ...["psi", "ks", "chi_square", "total_variation", "jensen_shannon", "wasserstein", "wasserstein_sd"],
  ]);
  expect(numbers.wasserstein).toBeCloseTo(100, 9);
  expect(numbers.wasserstein_sd).toBeCloseTo(100 / Math.sqrt((1000 ** 2 - 1) / 12), 9);
  expect(numbers.ks).toBeCloseTo(0.1, 2);
  // A shift by one decile empties the first one and doubles the last.
  expect(numbers.total_variation).toBeCloseTo(0.1, 2);

  const words = ["a", "a", "b"];
  const categorical = { binning: binningOf(words), pooled: countsOf(binningOf(words), words) };
  const found = reportedNumbers(categorical, countsOf(categorical.binning, ["a", "c"]));
  expect(Object.keys(found)).toEqual(["psi", "chi_square", "total_variation", "jensen_shannon"]);
  expect(found.total_variation).toBeCloseTo(0.5, 12);
});

it("counts weighted rows at their effective number", () => {
  const values = ["a", "b", "b", "b"];
  const binning = binningOf(values);
  const weighted = countsOf(binning, values, { weights: [10, 10, 10, 10] });
  const numbers = reportedNumbers({ binning, pooled: countsOf(binning, values) }, weighted);
  expect(numbers.total_variation).toBeCloseTo(0, 12);
  const skewed = countsOf(binning, values, { weights: [3, 1, 1, 1] });
  // (Σw)²/Σw² = 36/12 = 3 rows, half of them "a".
  expect(reportedNumbers({ binning, pooled: countsOf(binning, values) }, skewed).chi_square).toBeCloseTo(
    chiSquareStatistic([3, 1], [1.5, 1.5]),
    12,
  );
});

it("reports nothing where there is nothing to compare", () => {
  const binning = binningOf(ramp);
  const reference = { binning, pooled: countsOf(binning, ramp) };
  expect(reportedNumbers(reference, countsOf(binning, [null, null]))).toEqual({});
});
