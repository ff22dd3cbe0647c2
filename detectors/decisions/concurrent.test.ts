import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import { dayMs } from "../../core/window.ts";
import { binningOf, countsOf, type Value } from "./binning.ts";
import { concurrentSums, heldAgainst } from "./concurrent.ts";
import { contrastsOf, effectiveSize } from "./contrasts.ts";
import { createDecider, type DecisionStep } from "./decider.ts";
import { learnFromSplits } from "./learning.ts";
import { pooledWindows, recentWindow } from "./pooling.ts";

/** So many rows of each class; null is a row without one. */
const classes = (counts: Readonly<Record<string, number>>, missing = 0): Value[] => [
  ...Object.entries(counts).flatMap(([name, count]) => Array.from({ length: Math.round(count) }, () => name)),
  ...Array.from({ length: missing }, () => null),
];
const at = (rate: number, rows: number) => classes({ no: rows * (1 - rate), yes: rows * rate });

const range = at(0.1, 20_000);
const binning = binningOf(range);
const count = (values: readonly Value[], weights?: readonly number[]) =>
  countsOf(binning, values, weights === undefined ? {} : { weights });
const half = count(at(0.1, 500));
const profile: ReferenceProfile = {
  series: { role: "class", feature: "class", version: "", slice: "" },
  binning,
  pooled: count(range),
  subWindows: Array.from({ length: 14 }, () => count(at(0.1, 1000))),
  splits: [Array.from({ length: 14 }, () => [half, half] as const)],
};
const contrasts = contrastsOf(profile, { omnibus: false, concurrent: true });
const share = contrasts.contrasts.findIndex(({ name }) => name === "share of no");

/** What the share of "no" is held against, and what it is, over windows together. */
function compared(...pairs: readonly (readonly [candidate: SeriesCounts, control: SeriesCounts])[]) {
  const recent = pairs.map(([candidate, control], index) =>
    recentWindow(index, concurrentSums(contrasts, candidate, control)!),
  );
  const pooled = pooledWindows(contrasts, recent, -1);
  return {
    pooled,
    contrast: heldAgainst(contrasts, pooled).contrasts[share]!,
    current: pooled.sums[share]! / pooled.presentWeight,
  };
}

describe("a window beside a control", () => {
  it("is held against the control's share of the same window, not the baseline's", () => {
    const { contrast, current } = compared([count(at(0.33, 1000)), count(at(0.3, 20_000))]);
    expect(contrast.reference).toBeCloseTo(0.7, 12);
    expect(current).toBeCloseTo(0.67, 12);
    expect(contrast.referenceSize).toBeCloseTo(20_000, 6);
    // The variance is that of the window as well: 0.3 · 0.7 and not 0.1 · 0.9.
    expect(contrast.variance).toBeCloseTo(0.2104, 3);
  });

  it("adds up over windows as one comparison with the precision of them all", () => {
    const sizes = fc.array(fc.tuple(fc.integer({ min: 40, max: 400 }), fc.integer({ min: 40, max: 4000 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(sizes, (windows) => {
        const { pooled, contrast } = compared(
          ...windows.map(([n, size]) => [count(at(0.1, n)), count(at(0.1, size))] as const),
        );
        const rows = (counts: SeriesCounts) => counts.presentRows;
        const expected = windows.reduce((sum, [n, size]) => {
          const [own, theirs] = [rows(count(at(0.1, n))), rows(count(at(0.1, size)))];
          return sum + (own * theirs) / (own + theirs);
        }, 0);
        const n = effectiveSize(pooled.presentWeight, pooled.presentWeightSquares);
        expect(1 / (1 / n + 1 / contrast.referenceSize)).toBeCloseTo(expected, 3);
      }),
      { numRuns: 50 },
    );
  });

  it("makes no difference of a rollout while the rate falls (Simpson's paradox)", () => {
    // The new version has a twentieth of the rows at 40 %, then nearly all of them at 10 %: the plain sums differ by far.
    const { contrast, current } = compared(
      [count(at(0.4, 100)), count(at(0.4, 1900))],
      [count(at(0.1, 1900)), count(at(0.1, 100))],
    );
    expect(current).toBeCloseTo(contrast.reference, 12);
  });

  it("counts weighted rows for as many as they are worth", () => {
    const weights = Array.from({ length: 1000 }, (_, row) => (row % 2 === 0 ? 1 : 3));
    const { pooled } = compared([count(at(0.1, 1000), weights), count(at(0.1, 4000))]);
    expect(effectiveSize(pooled.presentWeight, pooled.presentWeightSquares)).toBeCloseTo(800, 6);
  });

  it("has a floor of a twentieth of the rate, and never above the usual one", () => {
    const floorAt = (rate: number) =>
      0.02 * compared([count(at(rate, 2000)), count(at(rate, 38_000))]).contrast.floorShare!;
    expect(floorAt(0.1)).toBeCloseTo(0.005, 6);
    expect(floorAt(0.3)).toBeCloseTo(0.015, 6);
    expect(floorAt(0.5)).toBeCloseTo(0.02, 6);
    expect(floorAt(0.9)).toBeCloseTo(0.005, 6);
  });

  it("calls a class new only as far as the control does not have it", () => {
    const top = contrasts.contrasts.findIndex(({ name }) => name === "most frequent new category");
    const distinct = contrasts.contrasts.findIndex(({ name }) => name === "number of new categories");
    const withNew = (maybe: number) => count(classes({ no: 900 - maybe, yes: 100, maybe }));
    const alone = concurrentSums(contrasts, withNew(50), withNew(0))!;
    const both = concurrentSums(contrasts, withNew(50), withNew(50))!;
    expect([alone.sums[top]! / alone.presentWeight, alone.sums[distinct]!]).toEqual([0.05, 1]);
    expect([both.sums[top]!, both.sums[distinct]!]).toEqual([0, 0]);
  });

  it("measures nothing without a control, or with one of fewer than 30 rows", () => {
    expect(concurrentSums(contrasts, half, null)).toBeNull();
    expect(concurrentSums(contrasts, half, count(at(0.1, 20)))).toBeNull();
    expect(concurrentSums(contrasts, half, count([]))).toBeNull();
    expect(concurrentSums(contrasts, count([]), half)).toBeNull();
  });

  it("compares missing classes though the control has no class at all", () => {
    const sums = concurrentSums(contrasts, half, count(classes({}, 1000)))!;
    expect(sums.presentRows).toBe(0);
    expect(sums.weight).toBeCloseTo(1000 / 3, 6);
  });
});

describe("what a control's groups of users teach", () => {
  const q = (rates: readonly (readonly [number, number])[]) =>
    learnFromSplits(contrasts, [rates.map(([a, b]) => [count(at(a, 500)), count(at(b, 500))] as const)]);

  it("is nothing of a season, which moves both alike", () => {
    const learning = q([0.1, 0.2, 0.05, 0.3].map((rate) => [rate, rate] as const));
    expect(learning.df.distribution).toBe(4);
    expect(learning.q[share]).toBe(0);
  });

  it("is the squared difference in standard errors", () => {
    const learning = q([[0.1, 0.2]]);
    expect(learning.q[share]).toBeCloseTo(0.1 ** 2 / (0.15 * 0.85 * (2 / 500)), 4);
  });
});

describe("a version beside its control", () => {
  const monitoring = { falseIncidentsPerModelWeek: 0.05, effectFloor: 0.02, qualityFloor: 0.003 };
  const control = { ...profile.series, version: "1" };
  const candidate = { ...profile.series, version: "2" };
  const { splits: _, ...known } = profile;

  /** Windows in which both versions have rows of these rates; null: the version has none. */
  function steps(windows: readonly (readonly [candidate: number | null, control: number | null])[]): DecisionStep[] {
    const decider = createDecider({
      reference: [profile, { ...known, series: control }],
      monitoring,
      windowsPerWeek: 7,
      horizon: 7,
      watchedSlices: 0,
      subWindowsKnown: true,
      environment: "production",
      model: "m",
      baselineId: "b",
      windowMs: dayMs,
    });
    let state = decider.initialState();
    return windows.map(([own, theirs], w) => {
      const window = { startMs: w * dayMs, endMs: (w + 1) * dayMs };
      const counts = theirs === null ? null : count(at(theirs, 38_000));
      const live = [
        ...(counts === null ? [] : [{ series: control, window, counts }]),
        ...(own === null ? [] : [{ series: candidate, window, counts: count(at(own, 2000)), control: counts }]),
      ];
      const step = decider.step(state, window, live, null);
      state = step.state;
      return step;
    });
  }
  const found = (all: readonly DecisionStep[], version: string) =>
    all.flatMap(({ findings }) => findings.filter(({ series }) => series.version === version));
  const evaluation = (step: DecisionStep, version: string) =>
    step.evaluations.find(({ series, signal }) => series.version === version && signal === "distribution")!;

  it("is found by its difference, with the control's rate of the window as its reference", () => {
    const [first] = found(steps([[0.3, 0.2]]), "2");
    expect(first).toMatchObject({ contrast: "share of no", rows: 2000, referenceRows: 38_000 });
    expect(first!.reference).toBeCloseTo(0.8, 12);
    expect(first!.current).toBeCloseTo(0.7, 12);
  });

  it("is silent while a storm moves both, which the control's own finding tells", () => {
    const storm = steps([
      [0.1, 0.1],
      [0.4, 0.4],
      [0.4, 0.4],
    ]);
    expect(found(storm, "2")).toEqual([]);
    expect(found(storm, "1")[0]).toMatchObject({ contrast: "share of no", state: "open" });
  });

  it("is found by a tenth of a rate of 10 % once enough windows speak together", () => {
    const windows = Array.from({ length: 28 }, () => [0.11, 0.1] as const);
    const first = steps(windows).findIndex(({ findings }) => findings.length > 0);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(14);
  });

  it("is not measured without its control, which is never no drift, and closes nothing", () => {
    const all = steps([
      [0.3, 0.2],
      [0.3, null],
      [0.3, null],
      [0.3, null],
      [0.3, null],
    ]);
    expect(evaluation(all[1]!, "2")).toMatchObject({ state: "insufficient_data", effect: null, referenceRows: 0 });
    expect(found([all.at(-1)!], "2").map(({ state }) => state)).toEqual(["open"]);
  });

  it("closes its finding once both are alike again", () => {
    const all = steps([[0.3, 0.2], ...Array.from({ length: 10 }, () => [0.2, 0.2] as const)]);
    const states = all.flatMap(({ findings }) => findings.filter(({ series }) => series.version === "2"));
    expect(states.at(-1)!.state).toBe("closed");
  });
});
