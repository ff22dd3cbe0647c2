import { describe, expect, test } from "vitest";
import { createRandom } from "../simulate/random.ts";
import { energyDistance } from "./energy.ts";
import { mergedCells, type ValueCells } from "./merged-cells.ts";
import { resampledThreshold } from "./resampled-null.ts";
import { wassersteinDistance } from "./wasserstein.ts";

const random = createRandom(7, 11, 13);
const draws = {
  normal: () => random.normal(),
  lognormal: () => Math.exp(random.normal()),
  cauchy: () => random.normal() / random.normal(),
};

/** Every row a cell of its own. */
function cellsOf(before: readonly number[], now: readonly number[]) {
  const rows = [...before.map((value) => [value, 1, 0]), ...now.map((value) => [value, 0, 1])];
  rows.sort(([a], [b]) => a! - b!);
  return {
    reference: Float64Array.from(rows, ([, one]) => one!),
    current: Float64Array.from(rows, ([, , one]) => one!),
    values: Float64Array.from(rows, ([value]) => value!),
  };
}

describe.each(Object.entries(draws))("%s values, a cell each", (_, draw) => {
  const cells = cellsOf(Array.from({ length: 9000 }, draw), Array.from({ length: 6000 }, draw));
  const merged = mergedCells(cells, 500);

  test("no row is lost, and the mean stays", () => {
    expect(merged.values.length).toBeLessThanOrEqual(1000);
    const sum = (counts: ArrayLike<number>, values: ArrayLike<number> = []) =>
      Array.from(counts).reduce((of, count, cell) => of + count * (values[cell] ?? 1), 0);
    expect([sum(merged.reference), sum(merged.current)]).toEqual([9000, 6000]);
    const [before, after] = [cells, merged].map(
      ({ reference, current, values }) => sum(reference, values) + sum(current, values),
    );
    expect(after! / before!).toBeCloseTo(1, 9);
  });

  test.each([
    ["wasserstein", wassersteinDistance],
    ["energy", energyDistance],
  ] as const)(
    "%s and its threshold are what they were, within their own accuracy",
    { timeout: 60_000 },
    (_name, distance) => {
      const of = ({ reference, current, values }: ValueCells) => distance(reference, current, { values });
      expect(of(merged) / of(cells)).toBeGreaterThan(0.97);
      expect(of(merged) / of(cells)).toBeLessThan(1.03);
      const threshold = ({ reference, current, values }: ValueCells) =>
        resampledThreshold((before, now) => distance(before, now, { values }), 0.01, reference, current);
      expect(threshold(merged) / threshold(cells)).toBeGreaterThan(0.85);
      expect(threshold(merged) / threshold(cells)).toBeLessThan(1.18);
    },
  );
});
