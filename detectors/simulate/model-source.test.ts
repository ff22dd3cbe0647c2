import { describe, expect, test } from "vitest";
import { effectiveSize } from "../decisions/contrasts.ts";
import { createMonitoredModel } from "./monitored.ts";
import { createArrivals } from "./silence.ts";
import { createModel, type StreamSpec } from "./streams.ts";
import { createWeightedModel } from "./weights.ts";

const stream: StreamSpec = {
  kind: "iid",
  features: 4,
  referenceRows: 4000,
  rows: 1000,
  volumeSpread: 0,
  clusterSize: 10,
  wander: 0,
};

describe("weights", () => {
  test("are of the same rows: only what they count for differs", () => {
    const plain = createModel(stream, null, 1);
    const weighted = createWeightedModel("lognormal", stream, null, 1);
    const [one, other] = [plain.live(0), weighted.live(0)];
    expect(other.values).toEqual(one.values);
    expect(other.profiles.map(({ counts }) => counts.presentRows)).toEqual(
      one.profiles.map(({ counts }) => counts.presentRows),
    );
  });

  test("carry as much as the effective sizes that are said of them", () => {
    const sizes = (["lognormal", "sampled"] as const).map((weights) => {
      const { reference } = createWeightedModel(weights, { ...stream, referenceRows: 100_000 }, null, 2);
      const { weight, weightSquares, rows } = reference[0]!.pooled;
      return effectiveSize(weight, weightSquares) / rows;
    });
    expect(sizes[0]).toBeCloseTo(Math.exp(-1), 1);
    expect(sizes[1]).toBeCloseTo(2.9 ** 2 / 40.9, 2);
  });

  test("add up: bins and missing are all of the weight", () => {
    const { counts } = createWeightedModel("sampled", stream, null, 3).live(0).profiles[1]!;
    const bins = Array.from(counts.bins).reduce((sum, weight) => sum + weight, 0);
    expect(bins + counts.unseen).toBeCloseTo(counts.presentWeight, 6);
    expect(counts.presentWeight + counts.missing).toBeCloseTo(counts.weight, 6);
  });
});

test("half a day without an event is a gap of half a day, and goes on from the day before", () => {
  const arrivals = { arrivals: "steady", events: 1000, referenceDays: 14, silent: [0, 12] } as const;
  const { gap } = createArrivals(arrivals, 1).live(0);
  expect(gap!.longestGapMs / 3_600_000).toBeGreaterThan(12);
  expect(gap!.longestGapMs / 3_600_000).toBeLessThan(12.5);
  expect(gap!.referenceGapsMs).toHaveLength(14);
});

test("a monitor is held against the values of the reference's windows, features are decided beside it", () => {
  const values = { kind: "values", monitors: 2, values: "normal", deviation: 0.05, referenceWindows: 28 } as const;
  const { observations, profiles } = createMonitoredModel({ ...values, change: 0.5 }, stream, 1).live(0);
  expect(profiles).toHaveLength(4);
  expect(observations).toHaveLength(2);
  expect(observations![0]!.value! / observations![0]!.reference!.mean).toBeGreaterThan(1.2);
  expect(observations![1]!.value! / observations![1]!.reference!.mean).toBeLessThan(1.2);
});

test("rows of one source are not told apart by the classifier", () => {
  const joint = createMonitoredModel({ kind: "joint" }, { ...stream, referenceRows: 3000, rows: 300 }, 1);
  const [{ value, reference, signal }] = joint.live(0).observations as [
    NonNullable<ReturnType<typeof joint.live>["observations"]>[number],
  ];
  expect(signal).toBe("joint");
  expect(Math.abs(value!)).toBeLessThan(0.2);
  expect(reference!.windows).toBe(10);
});
