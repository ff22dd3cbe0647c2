import { expect, test } from "vitest";
import { binOf } from "../decisions/binning.ts";
import { binFinder } from "./bin-finder.ts";
import { createRandom } from "./random.ts";

test.each([
  ["even edges", [1, 2, 3, 4]],
  ["one edge", [0]],
  ["no edges", []],
  ["edges far apart and close together", [-1e6, -1, -1 + 1e-9, 0, 1e-12, 1, 1e6]],
  ["edges beyond what a double can step over", [-1e308, 0, 1e308]],
])("finds the bin that a binary search finds: %s", (_, edges) => {
  const find = binFinder(Float64Array.from(edges));
  const random = createRandom(7);
  const values = edges.flatMap((edge) => [edge, edge * (1 + 1e-15), edge * (1 - 1e-15), edge + random.normal()]);
  for (const value of [...values, -Infinity, -1e300, -0, 0, 1e300, Infinity]) {
    expect(find(value)).toBe(binOf(edges, value));
  }
});
