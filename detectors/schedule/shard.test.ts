import { expect, test } from "vitest";
import { ownsModel } from "./shard.ts";

const models = Array.from({ length: 1000 }, (_, index) => `model-${index}`);
const owners = (count: number) =>
  models.map((model) =>
    Array.from({ length: count }, (_, index) => index).filter((index) => ownsModel({ index, count }, model)),
  );

test("each model belongs to exactly one shard, and shards get about the same number", () => {
  const owned = owners(4);
  expect(owned.every((of) => of.length === 1)).toBe(true);
  for (let index = 0; index < 4; index++) {
    const share = owned.filter(([owner]) => owner === index).length / models.length;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.3);
  }
});

test("one more shard moves only the models that it takes", () => {
  const before = owners(4).flat();
  const after = owners(5).flat();
  const moved = after.filter((owner, index) => owner !== before[index]);
  expect(new Set(moved)).toEqual(new Set([4]));
});
