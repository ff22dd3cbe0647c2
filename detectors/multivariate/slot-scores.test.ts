import { expect, test } from "vitest";
import { emptyCounts } from "../baselines/counts.ts";
import { slotScores } from "./slot-scores.ts";

test("a slot scores the mid-rank of its bin in the reference; what is no bin scores the middle", () => {
  const binning = { kind: "categorical", categories: ["a", "b", "c"], distinct: 3, singletons: 0 } as const;
  const pooled = { ...emptyCounts(binning), bins: [50, 30, 20] };
  const found = slotScores([[0], [1], [2], [3], [6]], [{ pooled }]);
  expect(found).toMatchObject({ rows: 5, features: 1 });
  for (const [index, score] of [-0.5, 0.3, 0.8, 0, 0].entries()) expect(found.scores[index]).toBeCloseTo(score, 12);
});
