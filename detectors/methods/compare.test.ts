import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../simulate/random.ts";
import { compareCounts, compareSamples } from "./compare.ts";
import { methods, type MethodName } from "./registry.ts";

const ramp = Array.from({ length: 200 }, (_, i) => i);
const names = methods.map(({ name }) => name);
const overCells = methods.filter(({ over }) => over === "cells").map(({ name }) => name);
const overValues = methods.filter(({ over }) => over === "values" || over === "ordered").map(({ name }) => name);
const overPairs = methods.filter(({ over }) => over === "pair").map(({ name }) => name);
/** What each method takes: numbers, or yes and no. */
const samplesFor = (name: MethodName) =>
  overPairs.some((pair) => pair === name)
    ? { reference: [true, true, false, false, true], current: [false, false, true, false, false] }
    : { reference: ramp, current: ramp.map((value) => value * 1.1 + 5) };

describe.each(names)("%s", (name) => {
  const { reference, current } = samplesFor(name);

  it("never changes what it is given, and says the same again", () => {
    const options = Object.freeze({ alpha: 0.05 });
    const frozen = [Object.freeze([...reference]), Object.freeze([...current])] as const;
    const first = compareSamples(name, frozen[0], frozen[1], options);
    expect(compareSamples(name, frozen[0], frozen[1], options)).toEqual(first);
    expect(first.detail.rows).toEqual({ reference: reference.length, current: current.length });
    expect(Number.isFinite(first.threshold)).toBe(true);
  });

  it("counts missing values apart: they do not move its number", () => {
    const gaps = [null, undefined, Number.NaN];
    const whole = compareSamples(name, reference, current);
    const found = compareSamples(name, [...gaps, ...reference, null], [...current, ...gaps]);
    expect(found).toEqual({ ...whole, detail: { ...whole.detail, missing: { reference: 4, current: 3 } } });
  });

  it("is not measured, rather than no drift, where one side has no value", () => {
    expect(() => compareSamples(name, [null, Number.NaN], current)).toThrow(
      `${name}: the reference sample has no value: all of its 2 rows are missing; nothing was compared`,
    );
    expect(() => compareSamples(name, reference, [])).toThrow(`${name}: the current sample is empty`);
    expect(() => compareCounts(name, [0, 0], [1, 1])).toThrow(`${name}: the reference counts sum to 0`);
  });

  it("says in one line what is wrong with its options", () => {
    const line = (options: object) => () => compareSamples(name, reference, current, options);
    expect(line({ alfa: 0.1 })).toThrow(`${name} has no option "alfa"; its options are alpha`);
    expect(line({ alpha: 5 })).toThrow(`${name}: alpha must be a number between 0 and 1, not 5`);
    expect(line({ scale: "sd" })).toThrow(`${name}: scale must be "raw" or "reference_sd", not "sd"`);
    expect(() => compareCounts(name, [1, 2], [1, 2, 3])).toThrow(/2 reference counts and 3 current ones/);
    expect(() => compareCounts(name, [1, -2], [1, 2])).toThrow(/the reference count in cell 1 is -2/);
  });
});

it.each(overValues)("%s takes typed arrays, booleans and single rows, and no text", (name) => {
  const plain = compareSamples(name, ramp, [3, 4, 5, 6]);
  expect(compareSamples(name, Float32Array.from(ramp), Uint8Array.of(3, 4, 5, 6))).toEqual(plain);
  expect(compareSamples(name, [true, false, true], [false, true])).toEqual(compareSamples(name, [1, 0, 1], [0, 1]));
  expect(() => compareSamples(name, ["a"], ["b"])).toThrow(`${name} needs numbers`);
  if (name === "welch_t") expect(() => compareSamples(name, ramp, [7])).toThrow("at least 2 values");
  else expect(Number.isFinite(compareSamples(name, ramp, [7]).score)).toBe(true);
});

it.each(overValues)("%s of raw samples is that of their counts at the same values", (name) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 30 }),
      fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 30 }),
      (reference, current) => {
        fc.pre(new Set([...reference, ...current]).size > 2);
        fc.pre(new Set(reference).size > 1 || new Set(current).size > 1);
        const values = [-3, -2, -1, 0, 1, 2, 3];
        const count = (sample: number[]) => values.map((value) => sample.filter((row) => row === value).length);
        const raw = compareSamples(name, reference, current);
        const counted = compareCounts(name, count(reference), count(current), { values });
        expect(counted.score).toBeCloseTo(raw.score, 9);
        if (raw.pValue !== undefined) expect(counted.pValue).toBeCloseTo(raw.pValue, 9);
      },
    ),
    { numRuns: 40 },
  );
});

it.each(overCells)("%s of categories is that of their counts, as a list or by name", (name) => {
  const reference = ["a", "a", "b", "b", "b", "c"];
  const current = ["a", "b", "c", "c"];
  const raw = compareSamples(name, reference, current, { alpha: 0.1 });
  expect(compareCounts(name, [2, 3, 1], [1, 1, 2], { alpha: 0.1 }).score).toBe(raw.score);
  expect(compareCounts(name, { a: 2, b: 3, c: 1 }, { c: 2, b: 1, a: 1 }, { alpha: 0.1 })).toEqual(raw);
});

it.each(overCells)("%s reports a new category as such, and stays finite", (name) => {
  const { score, threshold, detail } = compareSamples(name, ["a", "b", "a"], ["a", "new", "new", "b"], { alpha: 0.1 });
  expect([score, threshold].every(Number.isFinite)).toBe(true);
  expect(detail.newCategories).toEqual([{ category: "new", rows: 2 }]);
  expect(compareCounts(name, { a: 2, b: 1 }, { a: 1, b: 1, new: 2 }).detail.newCategories).toEqual(
    detail.newCategories,
  );
});

it.each(overCells)("%s has nothing to say about one category", (name) => {
  expect(compareSamples(name, ["a", "a"], ["a"], { alpha: 0.05 })).toMatchObject({ score: 0, detail: { cells: 1 } });
});

it("cuts bins from the reference alone", () => {
  const far = ramp.map((value) => value + 1e6);
  const here = compareSamples("psi", ramp, ramp).detail;
  const there = compareSamples("psi", ramp, far).detail;
  expect(there.edges).toEqual(here.edges);
  expect(there.edges).toHaveLength(9);
  expect([here.outOfRange, there.outOfRange]).toEqual([0, 200]);
  expect(compareSamples("psi", ramp, far, { bins: [50, 100] }).detail.edges).toEqual([50, 100]);
});

it("keeps the values of a discrete reference as cells, and counts others as new", () => {
  const { detail } = compareSamples("chi_square", [0, 0, 0, 0, 0, 1, 1, 1, 1, 1], [0, 1, 7, 7]);
  expect(detail).toMatchObject({ cells: 3, newCategories: [{ category: "7", rows: 2 }], outOfRange: 2 });
});

it("keeps PSI's threshold to both sizes: few rows on either side make it large", () => {
  const threshold = (referenceRows: number, rows: number) => {
    const deciles = (all: number) => Array.from({ length: 10 }, () => all / 10);
    return compareCounts("psi", deciles(referenceRows), deciles(rows), { alpha: 0.05 }).threshold!;
  };
  expect(threshold(100_000, 100)).toBeGreaterThan(5 * threshold(100_000, 1000));
  expect(threshold(100, 100_000)).toBeGreaterThan(5 * threshold(1000, 100_000));
  // χ²₉(0.95)·(1/n + 1/m) for many rows (Yurdakul & Naranjo 2020).
  expect(threshold(10_000, 10_000)).toBeCloseTo(16.919 * (2 / 10_000), 3);
});

it("passes a threshold of alpha 0.1 in about one of ten pairs of samples of one population", () => {
  const random = createRandom(20260301);
  const normal = (rows: number) => Array.from({ length: rows }, () => random.normal());
  const pairs = 200;
  for (const name of ["psi", "hellinger", "wasserstein", "energy", "ks", "chi_square", "cramer_von_mises"] as const) {
    let passed = 0;
    let threshold = Number.NaN;
    for (let pair = 0; pair < pairs; pair += 1) {
      const [reference, current] = [normal(80), normal(40)];
      // The sizes stay the same, so that one threshold serves for some pairs.
      if (pair % 25 === 0) threshold = compareSamples(name, reference, current, { alpha: 0.1 }).threshold!;
      if (compareSamples(name, reference, current).score > threshold) passed += 1;
    }
    // Binomial(200, 0.1) lies within 7 … 36 but once in 1,000.
    expect(passed, name).toBeGreaterThan(6);
    expect(passed, name).toBeLessThan(37);
  }
});

it("counts the reference's own noise in chi-square: ten reference rows are no law", () => {
  const reference = [6, 4];
  const current = [400, 600];
  // Taken as exact, 60 % would be refuted by 1,000 rows of 40 % with p < 1e-35.
  expect(compareCounts("chi_square", reference, current).pValue).toBeGreaterThan(0.1);
});

it("lets no column's failure change another's result", () => {
  const columns = { age: [1, 2, 3, 4, 5, 6], note: ["x", "y", "x", "x", "y", "y"], gone: [null, null] };
  const alone = compareSamples("ks", columns.age, [4, 5, 6, 7]);
  expect(() => compareSamples("ks", columns.gone, [1])).toThrow("no value");
  expect(() => compareSamples("ks", columns.note, ["x"])).toThrow("needs numbers");
  expect(compareSamples("ks", columns.age, [4, 5, 6, 7])).toEqual(alone);
});

it("does not take ties for a change, however many rows there are", () => {
  const random = createRandom(5);
  const dice = (rows: number) => Array.from({ length: rows }, () => Math.floor(random.uniform() * 6));
  for (const name of ["ks", "cramer_von_mises", "anderson_darling", "mann_whitney"] as const) {
    expect(compareSamples(name, dice(4000), dice(4000)).pValue, name).toBeGreaterThan(0.01);
  }
});

it("stays exact enough for a billion rows", () => {
  const huge = [4e8, 6e8];
  for (const name of names) {
    if (name === "fisher_exact") continue;
    const { score, pValue = 0 } = compareCounts(name, huge, [4.1e8, 5.9e8]);
    expect(Number.isFinite(score), name).toBe(true);
    expect(pValue, name).toBeLessThanOrEqual(0.001);
  }
  expect(compareCounts("fisher_exact", huge, [4.001e8, 5.999e8]).pValue).toBeLessThan(1e-4);
});

it("computes the bare formula on shares with smoothing none, infinities included", () => {
  expect(compareCounts("psi", [0.5, 0.5], [0.8, 0.2], { smoothing: "none" }).score).toBeCloseTo(
    0.3 * Math.log(1.6) - 0.3 * Math.log(0.4),
    12,
  );
  expect(compareCounts("kl", [0.5, 0.5], [1, 0], { smoothing: "none" }).score).toBe(Infinity);
  expect(compareCounts("kl", [0.5, 0.5], [1, 0]).score).toBeLessThan(5);
});

it("smooths without a jump: a little more in an empty cell is a little less of a change", () => {
  for (const name of ["psi", "kl"] as const) {
    const score = (rows: number) => compareCounts(name, [50, 50], [100, rows]).score;
    for (const rows of [0, 0.25, 0.5, 0.75, 1]) {
      expect(Math.abs(score(rows + 1e-9) - score(rows))).toBeLessThan(1e-6);
      expect(score(rows + 0.2)).toBeLessThanOrEqual(score(rows) + 1e-12);
    }
  }
});

it("names the methods there are, and the right function for one of the other kind", () => {
  const unknown = "psy" as MethodName;
  expect(() => compareSamples(unknown, [1], [1])).toThrow(/^no method "psy"; the methods are psi, ks, .*welch_t$/);
  expect(() => compareSamples("adwin" as MethodName, [1], [1])).toThrow('use watchStream("adwin")');
  expect(() => compareSamples("psi", [1], ["a"])).toThrow("convert one of them");
  expect(() => compareSamples("psi", [1, "a"], [1])).toThrow("mixes numbers and categories");
  expect(() => compareSamples("fisher_exact", ["a", "b", "c"], ["a"])).toThrow("compares two categories");
  expect(() => compareCounts("ks", { low: 1 }, { high: 1 })).toThrow('"low" is no number');
  expect(() => compareSamples("psi", [1], [1], { bins: 1 })).toThrow("bins must be a whole number from 2");
});
