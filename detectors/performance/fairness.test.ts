import { expect, test } from "vitest";
import { createRandom } from "../simulate/random.ts";
import { attributeFairness } from "./fairness.ts";

const group = (value: string, rows: number, selected: number, labels: { of: number; found: number } | null = null) => ({
  version: "v1",
  attribute: "region",
  value,
  rows,
  labelled: labels === null ? 0 : rows,
  selection: [rows, rows, selected, selected] as const,
  found: labels === null ? ([0, 0, 0, 0] as const) : ([labels.of, labels.of, labels.found, labels.found] as const),
});

test("a ratio is the lowest rate over the highest; groups below the least number of rows have no part in it", () => {
  const [region] = attributeFairness([group("north", 400, 200), group("south", 400, 100), group("west", 20, 0)], {
    minRows: 200,
  });
  expect(region!.selection_rate_ratio!.value).toBeCloseTo(0.5, 12);
  expect(region!.groups.map(({ value }) => value)).toEqual(["north", "south"]);
});

test("one group, or nobody selected, has no ratio; without labels there is no true-positive rate", () => {
  const options = { minRows: 200 };
  expect(attributeFairness([group("north", 400, 200)], options)[0]!.selection_rate_ratio).toBeNull();
  const [none] = attributeFairness([group("north", 400, 0), group("south", 400, 0)], options);
  expect(none).toMatchObject({ selection_rate_ratio: null, true_positive_rate_ratio: null });
});

test("a group of which nobody is selected has a ratio of 0 with an interval", () => {
  const [region] = attributeFairness([group("north", 400, 200), group("south", 400, 0)], { minRows: 200 });
  expect(region!.selection_rate_ratio).toMatchObject({ value: 0, low: 0 });
  expect(region!.selection_rate_ratio!.high).toBeLessThan(0.05);
});

test("of five groups that are treated equally, the ratio's interval holds 1 in 95 % of samples or more", () => {
  const random = createRandom(11);
  const samples = 600;
  let held = 0;
  for (let sample = 0; sample < samples; sample += 1) {
    const groups = ["a", "b", "c", "d", "e"].map((value) => {
      let selected = 0;
      for (let row = 0; row < 300; row += 1) selected += random.uniform() < 0.3 ? 1 : 0;
      return group(value, 300, selected);
    });
    if (attributeFairness(groups, { minRows: 200 })[0]!.selection_rate_ratio!.high >= 1) held += 1;
  }
  expect(held / samples).toBeGreaterThan(0.93);
});
