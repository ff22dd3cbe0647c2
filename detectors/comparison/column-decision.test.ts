import { describe, expect, it, test } from "vitest";
import { binningOf, countsOf, type Value } from "../decisions/binning.ts";
import { createRandom, type Random } from "../simulate/random.ts";
import { decideColumns, falseDriftShare, verdictOf, type ComparedCounts } from "./column-decision.ts";

function counted(reference: readonly Value[], current: readonly Value[]): ComparedCounts {
  const binning = binningOf(reference);
  const known = new Set(reference.map(String));
  return {
    binning,
    reference: countsOf(binning, reference, { known }),
    current: countsOf(binning, current, { known }),
    valuesMove: null,
  };
}

function sample(rows: number, draw: (random: Random) => Value, ...seeds: number[]): Value[] {
  const random = createRandom(...seeds);
  return Array.from({ length: rows }, () => draw(random));
}

/** Columns of all sorts, none of which drifts. */
const sorts: readonly ((random: Random) => Value)[] = [
  (random) => random.normal(),
  (random) => Math.exp(random.normal()),
  (random) => Math.floor(8 * random.uniform()),
  (random) => (random.uniform() < 0.05 ? null : random.normal()),
  (random) => "abcdef"[Math.floor(6 * random.uniform())]!,
  (random) => `k${Math.floor(200 * random.uniform() ** 3)}`,
  (random) => (random.uniform() < 0.3 ? "true" : "false"),
];

describe("two samples of one population", () => {
  // Small, so that the effect floor does not hide what the significance gate lets through.
  test("say drift in at most one of a hundred comparisons, whatever the columns", () => {
    const pairs = 300;
    let drifted = 0;
    for (let pair = 0; pair < pairs; pair += 1) {
      const columns = sorts.map((draw, sort) =>
        counted(sample(400, draw, pair, sort, 1), sample(300, draw, pair, sort, 2)),
      );
      if (verdictOf(decideColumns(columns).map(({ decision }) => decision)) === "drift") drifted += 1;
    }
    // At a true rate of exactly 0.01 seven or more would come by chance once in thirty times; the seeds are fixed.
    expect(drifted).toBeLessThanOrEqual(6);
    expect(falseDriftShare).toBe(0.01);
  }, 30_000);

  it("the same values twice are ok, and nothing of them moved", () => {
    const values = sample(1000, (random) => random.normal(), 1);
    expect(decideColumns([counted(values, values)])[0]).toMatchObject({ decision: "ok", signals: expect.anything() });
  });
});

describe("a planted change is drift, and the leading signal says which", () => {
  const normal =
    (shift: number, scale = 1) =>
    (random: Random) =>
      shift + scale * random.normal();
  test.each([
    ["a shift of 0.2 standard deviations", normal(0), normal(0.2), "distribution"],
    ["a wider spread", normal(0), normal(0, 1.5), "distribution"],
    ["missing values", normal(0), (r: Random) => (r.uniform() < 0.03 ? null : r.normal()), "missing"],
    [
      "a category's share",
      (r: Random) => (r.uniform() < 0.3 ? "a" : "b"),
      (r: Random) => (r.uniform() < 0.38 ? "a" : "b"),
      "distribution",
    ],
    [
      "a new category",
      (r: Random) => (r.uniform() < 0.5 ? "a" : "b"),
      (r: Random) => (r.uniform() < 0.03 ? "c" : r.uniform() < 0.5 ? "a" : "b"),
      "unseen",
    ],
  ] as const)("%s", (_, before, now, signal) => {
    const decided = decideColumns([counted(sample(5000, before, 1), sample(4000, now, 2))])[0]!;
    expect(decided.decision).toBe("drift");
    expect(decided.signals.filter(({ drifted }) => drifted).map((one) => one.signal)).toContain(signal);
    expect(decided.leading!.effectLow).toBeLessThanOrEqual(decided.leading!.effect);
    expect(decided.leading!.effect).toBeLessThanOrEqual(decided.leading!.effectHigh);
  });

  it("does not drown among a hundred columns that stay", () => {
    const columns = Array.from({ length: 100 }, (_, column) =>
      counted(sample(2000, normal(0), column, 1), sample(2000, normal(column === 7 ? 0.3 : 0), column, 2)),
    );
    const drifted = decideColumns(columns).flatMap(({ decision }, column) => (decision === "drift" ? [column] : []));
    expect(drifted).toEqual([7]);
  });
});

it("a change that is certain but too small to matter is ok", () => {
  // A million rows: 0.02 standard deviations are beyond chance, and 0.8 % of the rows.
  const binning = { kind: "numeric", edges: [0], decileEdges: [0] } as const;
  const half = (share: number): ComparedCounts["reference"] => ({
    ...countsOf(binning, []),
    rows: 1e6,
    weight: 1e6,
    weightSquares: 1e6,
    presentRows: 1e6,
    presentWeight: 1e6,
    presentWeightSquares: 1e6,
    bins: [1e6 * share, 1e6 * (1 - share)],
  });
  const decided = decideColumns([{ binning, reference: half(0.5), current: half(0.492), valuesMove: null }])[0]!;
  expect(decided.decision).toBe("ok");
  expect(decided.leading!.pValue).toBeLessThan(1e-10);
});

describe("what cannot be decided says so", () => {
  const normal = (random: Random) => random.normal();
  test.each([
    ["a reference of 99 values", 99, 1000, "few_reference_values"],
    ["a current sample of 29", 1000, 29, "few_current_values"],
    ["no rows at all", 0, 0, "few_reference_values"],
    ["one row", 1000, 1, "few_current_values"],
  ] as const)("%s is insufficient data", (_, before, now, notJudged) => {
    const decided = decideColumns([counted(sample(before, normal, 1), sample(now, normal, 2))])[0]!;
    expect(decided).toMatchObject({ decision: "insufficient_data", notJudged });
  });

  it("a column of ids is too variable, though every one of them is new", () => {
    const ids = (from: number) => Array.from({ length: 1000 }, (_, row) => `id-${from + row}`);
    expect(decideColumns([counted(ids(0), ids(5000))])[0]).toMatchObject({
      decision: "too_variable",
      notJudged: "no_frequent_category",
    });
  });

  it("values that move by themselves are judged by what is missing alone", () => {
    const times = (from: number, missing = 0) =>
      Array.from({ length: 1000 }, (_, row) => (row < missing ? null : from + row));
    const moving = (current: Value[]) => ({ ...counted(times(0), current), valuesMove: "row_order" as const });
    expect(decideColumns([moving(times(1000))])[0]!.decision).toBe("too_variable");
    expect(decideColumns([moving(times(1000, 100))])[0]).toMatchObject({
      decision: "drift",
      leading: { signal: "missing" },
    });
  });

  it("a constant column is ok while it stays, and drift when it moves", () => {
    const constant = (value: number) => Array.from({ length: 500 }, () => value);
    expect(decideColumns([counted(constant(5), constant(5))])[0]!.decision).toBe("ok");
    expect(decideColumns([counted(constant(5), constant(6))])[0]!.decision).toBe("drift");
  });
});

test("the verdict is never ok for want of rows", () => {
  expect(verdictOf(["insufficient_data", "too_variable"])).toBe("insufficient_data");
  expect(verdictOf([])).toBe("insufficient_data");
  expect(verdictOf(["insufficient_data", "ok"])).toBe("ok");
  expect(verdictOf(["ok", "drift", "insufficient_data"])).toBe("drift");
});
