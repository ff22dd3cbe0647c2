import { expect, test } from "vitest";
import { binningOf, countsOf } from "../decisions/binning.ts";
import { mayFollowRows } from "./row-order.ts";

const rows = (count: number, value: (row: number) => number) => Array.from({ length: count }, (_, row) => value(row));

function mayFollow(reference: readonly number[], current: readonly number[]): boolean {
  const binning = binningOf(reference);
  const counts = {
    binning,
    reference: countsOf(binning, reference),
    current: countsOf(binning, current),
    valuesMove: null,
  };
  return mayFollowRows(counts, { reference: new Set(reference).size, current: new Set(current).size });
}

test.each([
  ["row numbers that start again", rows(1000, (row) => row), rows(3000, (row) => row), true],
  ["ids that go on, some left out", rows(1000, (row) => 3 * row), rows(500, (row) => 3000 + 4 * row), true],
  ["a clock that goes on", rows(1000, (row) => 1.7e9 + 60.5 * row), rows(1000, (row) => 1.8e9 + 30.5 * row), true],
  ["a price in cents from now on", rows(1000, (row) => row / 10), rows(1000, (row) => 1000 + row * 10), false],
  ["a measurement that moved a little", rows(1000, (row) => row / 7), rows(1000, (row) => row / 7 + 20), false],
  ["whole numbers that repeat", rows(1000, (row) => row % 50), rows(1000, (row) => row % 60), false],
  ["a constant", rows(1000, () => 3), rows(1000, () => 4), false],
  ["too few rows", rows(50, (row) => row), rows(50, (row) => row), false],
] as const)("%s: %#", (_, reference, current, expected) => {
  expect(mayFollow(reference, current)).toBe(expected);
});
