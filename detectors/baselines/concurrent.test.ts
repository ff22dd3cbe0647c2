import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UserGroupCounts } from "../../store/facts/user-groups.ts";
import { splitsOf, userGroups } from "./concurrent.ts";

const binning = { kind: "categorical", categories: ["no", "yes"], distinct: 2, singletons: 0 } as const;
const counts = (day: number, group: number): UserGroupCounts => {
  const rows = 100 + group;
  const sizes = { rows, weight: rows, weightSquares: rows };
  const present = { presentRows: rows, presentWeight: rows, presentWeightSquares: rows };
  const missing = { missing: 0, nonFinite: 0 };
  return {
    role: "class",
    startMs: day,
    endMs: day + 1,
    group,
    ...sizes,
    ...present,
    ...missing,
    binIndex: [1],
    binWeight: [rows],
  };
};

describe("a control's groups of users", () => {
  it("are an even number, sixteen where there are rows enough, and never fewer than two", () => {
    expect(userGroups(28 * 40_000, 28)).toBe(16);
    expect(userGroups(28 * 1000, 28)).toBe(4);
    expect(userGroups(28 * 50, 28)).toBe(2);
    // Hourly windows of four weeks: what is stored is bounded.
    expect(userGroups(672 * 40_000, 672)).toBe(6);
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(10_000), (rows, windows) => {
        const groups = userGroups(rows, windows);
        expect(groups % 2).toBe(0);
        expect(groups).toBeGreaterThanOrEqual(2);
        expect(groups).toBeLessThanOrEqual(16);
      }),
    );
  });

  it("are held against each other two and two, through all windows in which both have rows", () => {
    const stored = [1, 2, 3].flatMap((day) => [0, 1, 2, 3].map((group) => counts(day, group)));
    const splits = splitsOf(
      stored.filter(({ startMs, group }) => !(startMs === 2 && group === 3)),
      binning,
    );
    expect(splits.map((pair) => pair.length)).toEqual([3, 2]);
    expect(splits[1]!.map((pair) => pair.map(({ rows, bins }) => [rows, bins[1]]))).toEqual([
      [
        [102, 102],
        [103, 103],
      ],
      [
        [102, 102],
        [103, 103],
      ],
    ]);
    expect(splitsOf([], binning)).toEqual([]);
  });
});
