import { describe, expect, test } from "vitest";
import type { Binning } from "../../core/baseline.ts";
import type { ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import type { SliceCount } from "../../store/facts/slice-counts.ts";
import type { SeriesEvaluation } from "../decisions/evaluations.ts";
import { emptyCounts } from "../baselines/counts.ts";
import { contributors, grownBins, movedCategories, rangeName, summary } from "./contributors.ts";
import { harmOf } from "./evidence.ts";
import { predictionsVerdict } from "./predictions.ts";
import { changeBySlice } from "./slices.ts";

const numeric: Binning = { kind: "numeric", edges: [10, 20, 30], decileEdges: [0, 1, 2] };
const categorical: Binning = { kind: "categorical", categories: ["JFK", "LGA", "ORD"], distinct: 3, singletons: 0 };

function counts(binning: Binning, bins: readonly number[], more: Partial<SeriesCounts> = {}): SeriesCounts {
  const total = bins.reduce((sum, bin) => sum + bin, 0) + (more.unseen ?? 0);
  const sizes = { rows: total, weight: total, weightSquares: total };
  const present = { presentRows: total, presentWeight: total, presentWeightSquares: total };
  return { ...emptyCounts(binning), ...sizes, ...present, bins, ...more };
}

function reference(binning: Binning, bins: readonly number[], more: Partial<SeriesCounts> = {}): ReferenceProfile {
  const series = { role: "feature" as const, feature: "f", version: "", slice: "" };
  return { series, binning, pooled: counts(binning, bins, more), subWindows: [] };
}

describe("contributors", () => {
  test("stretches of a number are named with its unit, largest change first", () => {
    const shares = contributors(reference(numeric, [25, 25, 25, 25]), counts(numeric, [5, 30, 25, 40]), "miles");
    expect(shares).toEqual([
      { name: "up to 10 miles", reference: 0.25, current: 0.05 },
      { name: "over 30 miles", reference: 0.25, current: 0.4 },
      { name: "10 to 20 miles", reference: 0.25, current: 0.3 },
    ]);
    expect(rangeName(350, 2475.25, "miles")).toBe("350 to 2,475 miles");
    expect(rangeName(0.00012, 0.5, null)).toBe("0.00012 to 0.5");
  });

  test("categories are named, new ones too", () => {
    const current = counts(categorical, [10, 40, 40], {
      unseen: 10,
      unseenTop: 8,
      unseenTopValue: "XNA",
      unseenDistinct: 3,
    });
    expect(contributors(reference(categorical, [30, 40, 30]), current, null)).toEqual([
      { name: "JFK", reference: 0.3, current: 0.1 },
      { name: "ORD", reference: 0.3, current: 0.4 },
      { name: "XNA", reference: 0, current: 0.08 },
      { name: "2 other new values", reference: 0, current: 0.02 },
    ]);
  });

  test("nothing is said of a window without values", () => {
    expect(contributors(reference(categorical, [1, 1, 1]), emptyCounts(categorical), null)).toEqual([]);
    expect(summary(reference(numeric, [1, 1, 1, 1]), emptyCounts(numeric))).toEqual({});
  });

  test("mean and median before and now", () => {
    const before = reference(numeric, [25, 25, 25, 25], { sum: 2000, min: 0, max: 40 });
    const now = counts(numeric, [0, 50, 50, 0], { sum: 2100, min: 11, max: 29 });
    expect(summary(before, now)).toEqual({
      reference_mean: 20,
      current_mean: 21,
      reference_median: 20,
      current_median: 20,
    });
  });

  test("the gain of the grown bins is the share of rows moved", () => {
    expect(grownBins(reference(numeric, [25, 25, 25, 25]), counts(numeric, [10, 20, 30, 40]))).toEqual([2, 3]);
  });

  test("a change is about the category that moved most and those that moved along", () => {
    const share = (name: string, change: number) => ({ name, reference: 0.5, current: 0.5 + change });
    expect(movedCategories([share("JFK", -0.1), share("ORD", 0.09), share("LGA", -0.05), share("BUF", -0.01)])).toEqual(
      ["JFK", "LGA"],
    );
  });
});

describe("slices", () => {
  const count = (slice: Record<string, string>, weight: number, focus: number): SliceCount => {
    const [[attribute, value] = ["", ""], [attribute2, value2] = ["", ""]] = Object.entries(slice);
    return {
      attribute,
      value,
      attribute2,
      value2,
      rows: weight,
      weight,
      missing: 0,
      unseen: 0,
      binIndex: [0, 3],
      binWeight: [weight - focus, focus],
    };
  };
  const last = { kind: "bins" as const, bins: new Set([3]) };
  const options = { minRows: 50, inflation: 1, show: "within" } as const;
  const before = [count({}, 1000, 100), count({ state: "NY" }, 400, 40), count({ state: "IL" }, 600, 60)];
  const now = [count({}, 500, 150), count({ state: "NY" }, 200, 125), count({ state: "IL" }, 300, 25)];

  test("each says how much of the change it carries, largest first, and how it changed within itself", () => {
    const [first, ...others] = changeBySlice(before, now, last, options).slices;
    expect(first).toMatchObject({ name: "state=NY", reference: 0.1, current: 0.625 });
    // 0.25 − 0.04 of the whole 0.3 − 0.1: more than all of it, since IL moved the other way.
    expect(first?.carried).toBe(1);
    expect(others).toEqual([]);
  });

  test("as shares of all rows when the question is where rows went", () => {
    const [first] = changeBySlice(before, now, last, { ...options, show: "overall" }).slices;
    expect(first).toMatchObject({ name: "state=NY", reference: 0.04, current: 0.25 });
  });

  test("those with too few rows on both sides are left out", () => {
    expect(changeBySlice(before, now, last, { ...options, minRows: 500 }).slices).toEqual([]);
  });

  test("those that chance may have moved are left out, the more so the more are looked at and the more rows depend", () => {
    const few = [count({}, 1000, 200), count({ state: "NY" }, 100, 10), count({ state: "IL" }, 900, 190)];
    const more = [count({}, 1000, 240), count({ state: "NY" }, 100, 40), count({ state: "IL" }, 900, 200)];
    const named = (inflation: number, looked: number) => {
      const others = Array.from({ length: looked }, (_, index) => count({ city: `c${index}` }, 60, 12));
      const { slices } = changeBySlice([...few, ...others], [...more, ...others], last, { ...options, inflation });
      return slices.map(({ name }) => name);
    };
    expect(named(1, 0)).toEqual(["state=NY"]);
    expect(named(1, 2000)).toEqual([]);
    expect(named(4, 0)).toEqual([]);
  });

  test("a value that carries no more than its share of the rows is not named, and its attribute is said to be alike", () => {
    const states = (weight: number, focus: number) =>
      ["NY", "IL", "CA"].map((state) => count({ state }, weight, focus));
    const usual = [count({}, 30_000, 3000), ...states(10_000, 1000)];
    const alike = changeBySlice(usual, [count({}, 30_000, 6000), ...states(10_000, 2000)], last, options);
    expect(alike).toMatchObject({ slices: [], alike: ["state"] });
    // With so many rows 37 % of a change in 33 % of the rows is no chance, and still nobody's in particular.
    const nearly = [
      count({}, 30_000, 6000),
      count({ state: "NY" }, 10_000, 2110),
      count({ state: "IL" }, 10_000, 1890),
    ];
    expect(changeBySlice(usual, nearly, last, options)).toMatchObject({ slices: [], alike: ["state"] });
    const mostly = [
      count({}, 30_000, 6000),
      count({ state: "NY" }, 10_000, 3000),
      count({ state: "IL" }, 10_000, 1500),
    ];
    expect(changeBySlice(usual, mostly, last, options)).toMatchObject({ slices: [{ name: "state=NY" }], alike: [] });
  });

  test("two attributes are named together where they keep the change in far fewer rows", () => {
    const pair = { arm: "b", state: "NY" };
    const { slices } = changeBySlice(
      [...before, count({ arm: "b" }, 500, 50), count(pair, 200, 20)],
      [...now, count({ arm: "b" }, 250, 130), count(pair, 100, 115)],
      last,
      options,
    );
    expect(slices.map(({ name }) => name)).toContain("arm=b,state=NY");
    const whole = changeBySlice(
      [...before, count({ arm: "b" }, 1000, 100), count(pair, 400, 40)],
      [...now, count({ arm: "b" }, 500, 150), count(pair, 200, 125)],
      last,
      options,
    );
    expect(whole.slices.map(({ name }) => name)).not.toContain("arm=b,state=NY");
  });

  test("tells another mix of slices from a change within them", () => {
    const mixed = [count({}, 1000, 260), count({ state: "NY" }, 800, 240), count({ state: "IL" }, 200, 20)];
    const usual = [count({}, 1000, 140), count({ state: "NY" }, 200, 60), count({ state: "IL" }, 800, 80)];
    expect(changeBySlice(usual, mixed, last, options).mix).toEqual([
      { attribute: "state", part: expect.closeTo(1, 9) },
    ]);
    const within = [count({}, 1000, 280), count({ state: "NY" }, 200, 120), count({ state: "IL" }, 800, 160)];
    expect(changeBySlice(usual, within, last, options).mix).toEqual([]);
  });

  test("rows without a value of the attribute are a part of the mix", () => {
    const usual = [count({}, 1000, 100), count({ state: "NY" }, 1000, 100)];
    // Half of the rows lost their state, and it is they that are in focus.
    const lost = [count({}, 1000, 550), count({ state: "NY" }, 500, 50)];
    expect(changeBySlice(usual, lost, last, options).mix).toEqual([{ attribute: "state", part: expect.closeTo(1, 9) }]);
  });
});

describe("predictions", () => {
  const result = (more: Partial<SeriesEvaluation>): SeriesEvaluation => ({
    series: { role: "score", feature: "score", version: "v1", slice: "" },
    signal: "distribution",
    state: "ok",
    rows: 1000,
    referenceRows: 10_000,
    contrast: "location",
    effect: 0.004,
    effectLow: 0,
    effectHigh: 0.015,
    pValue: 0.3,
    threshold: 1e-4,
    ...more,
  });

  test("did not move only if the upper bound of every result is below the floor", () => {
    expect(predictionsVerdict([result({})], 0.02)).toEqual({
      verdict: "did_not_move",
      effect: 0.004,
      effectHigh: 0.015,
    });
    expect(predictionsVerdict([result({}), result({ effectHigh: 0.03 })], 0.02).verdict).toBe("not_known");
  });

  test("not known while windows warm up: their bounds know nothing of φ", () => {
    expect(predictionsVerdict([result({ state: "warming_up" })], 0.02).verdict).toBe("not_known");
  });

  test("moved if one of them is in drift and moved in this very window", () => {
    const moved = result({ state: "drift", effect: 0.07, effectLow: 0.05, effectHigh: 0.09 });
    expect(predictionsVerdict([result({}), moved], 0.02).verdict).toBe("moved");
    const calmAgain = result({ state: "drift", effect: 0.01, effectLow: 0.002, effectHigh: 0.03 });
    expect(predictionsVerdict([result({}), calmAgain], 0.02).verdict).toBe("not_known");
  });

  test("an input that moved is as bad as what it did to the predictions; missing values and silence are broken data", () => {
    const series = { role: "feature", feature: "hour", version: "", slice: "" } as const;
    expect(harmOf({ series, signal: "distribution" }, "moved")).toBe("predictions_moved");
    expect(harmOf({ series, signal: "distribution" }, "not_known")).toBe("inputs_moved");
    expect(harmOf({ series, signal: "distribution" }, "did_not_move")).toBe("inputs_moved");
    expect(harmOf({ series, signal: "missing" }, "moved")).toBe("data_broken");
    expect(harmOf({ series, signal: "silence" }, "not_known")).toBe("data_broken");
    const score = { ...series, role: "score", feature: "score" } as const;
    expect(harmOf({ series: score, signal: "distribution" }, "not_known")).toBe("predictions_moved");
  });

  test("not known without scores, and when too many rows are of versions that could not be judged", () => {
    expect(predictionsVerdict([], 0.02)).toEqual({ verdict: "not_known", effect: null, effectHigh: null });
    const unjudged = result({ state: "insufficient_data", effectHigh: null, effect: null, rows: 500 });
    expect(predictionsVerdict([result({}), unjudged], 0.02).verdict).toBe("not_known");
    expect(predictionsVerdict([result({}), { ...unjudged, rows: 20 }], 0.02).verdict).toBe("did_not_move");
  });
});
