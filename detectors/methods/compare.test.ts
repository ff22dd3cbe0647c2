import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../simulate/random.ts";
import { compareCounts, compareSamples } from "./compare.ts";
import { methods, type MethodName } from "./registry.ts";
import { sampleCells } from "./sample-cells.ts";

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

it(
  "passes a threshold of alpha 0.1 in about one of ten pairs of samples of one population",
  { timeout: 60_000 },
  () => {
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
  },
);

/** How often two samples of one population passed a threshold of alpha; `sizes` are the reference's rows and the current ones. */
function passedShare(name: MethodName, alpha: number, sizes: readonly [number, number], pairs: number): number {
  const random = createRandom(20260302, sizes[0], sizes[1]);
  const normal = (rows: number) => Float64Array.from({ length: rows }, () => random.normal());
  let threshold = Number.NaN;
  let passed = 0;
  for (let pair = 0; pair < pairs; pair += 1) {
    const [reference, current] = [normal(sizes[0]), normal(sizes[1])];
    // Ranks decide, so that one threshold serves for all.
    if (pair === 0) threshold = compareSamples(name, reference, current, { alpha }).threshold!;
    if (compareSamples(name, reference, current).score > threshold) passed += 1;
  }
  return passed / pairs;
}

it.each(overCells)("%s has its level although the bins are cut from a small reference", { timeout: 60_000 }, (name) => {
  // Binomial(500, 0.05) is above 0.086 but once in 2,000; with fixed bins chi_square passed in 0.11 of the pairs at 50 and 2,000 rows.
  for (const sizes of [
    [50, 50],
    [50, 2000],
  ] as const) {
    const share = passedShare(name, 0.05, sizes, 500);
    expect(share, String(sizes)).toBeLessThan(0.086);
    // The largest change of one of 50 rows' shares goes in steps.
    expect(share, String(sizes)).toBeGreaterThan(name === "l_infinity" ? 0.005 : 0.018);
  }
});

it("g_test has its level with rare categories, where χ² is no null for it", { timeout: 60_000 }, () => {
  const random = createRandom(20260303);
  const sums = [...Array(30).keys()]
    .map((rank) => 1 / (rank + 1))
    .map((_, i, shares) => shares.slice(0, i + 1).reduce((a, b) => a + b));
  const zipf = (rows: number) => {
    const counts = Array.from(sums, () => 0);
    for (let row = 0; row < rows; row += 1) {
      const u = random.uniform() * sums.at(-1)!;
      counts[sums.findIndex((sum) => u < sum)]! += 1;
    }
    return counts;
  };
  let [passed, passedByPValue, threshold] = [0, 0, Number.NaN];
  for (let pair = 0; pair < 400; pair += 1) {
    // What categories are rare is much the same every time.
    const found = compareCounts("g_test", zipf(200), zipf(1000), pair % 20 === 0 ? { alpha: 0.05 } : {});
    threshold = found.threshold ?? threshold;
    if (found.score > threshold) passed += 1;
    if (found.pValue! < 0.05) passedByPValue += 1;
  }
  // Binomial(400, 0.05) is within 7 … 36 but once in 1,000.
  expect(passed).toBeGreaterThan(6);
  expect(passed).toBeLessThan(37);
  expect(passedByPValue).toBeGreaterThan(passed);
});

it.each(["ks", "cramer_von_mises", "anderson_darling"] as const)(
  "%s has its level with ties",
  { timeout: 60_000 },
  (name) => {
    const random = createRandom(20260307);
    const flags = (rows: number) => Array.from({ length: rows }, () => random.uniform() < 0.1);
    let [passed, threshold] = [0, Number.NaN];
    for (let pair = 0; pair < 400; pair += 1) {
      const found = compareSamples(name, flags(50), flags(300), pair % 10 === 0 ? { alpha: 0.05 } : {});
      threshold = found.threshold ?? threshold;
      if (found.score > threshold) passed += 1;
    }
    // Binomial(400, 0.05) is within 7 … 36 but once in 1,000.
    expect(passed).toBeGreaterThan(6);
    expect(passed).toBeLessThan(37);
  },
);

it("cuts the bins of rows that are dealt anew as it cuts those of samples", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true, noDefaultInfinity: true })), {
        minLength: 1,
        maxLength: 80,
      }),
      fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true, noDefaultInfinity: true })), {
        minLength: 1,
        maxLength: 80,
      }),
      fc.integer({ min: 2, max: 12 }),
      (reference, current, bins) => {
        const cells = sampleCells({ name: "psi", over: "cells" }, reference, current, bins);
        const { cut, ...rows } = cells.uncut!();
        expect(cut(rows.reference, rows.current)).toEqual([cells.reference, cells.current]);
      },
    ),
    { numRuns: 300 },
  );
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

it("takes counts by category as an object or a Map, and categories of any name", () => {
  const counted = compareCounts("chi_square", { web: 60, app: 40 }, { web: 45, app: 50, kiosk: 5 });
  expect(
    compareCounts(
      "chi_square",
      new Map([
        ["web", 60],
        ["app", 40],
      ]),
      new Map(Object.entries({ web: 45, app: 50, kiosk: 5 })),
    ),
  ).toEqual(counted);
  expect(compareCounts("psi", { length: 5, width: 6 }, { length: 5, width: 9 }).detail.rows.reference).toBe(11);
  expect(compareCounts("psi", { 0: 5, 1: 6, length: 2 }, { 0: 5, 1: 9, length: 2 }).detail.rows.reference).toBe(11);
  expect(compareCounts("ks", { "1": 2, "1.0": 3, "2": 1 }, { "1": 2, "2": 5 }).detail.cells).toBe(2);
});

it("says in one line what is no counts and no sample, whatever it is", () => {
  const counts = (given: unknown) => () => compareCounts("psi", given as number[], given as number[]);
  expect(counts(new Set([1]))).toThrow("the reference counts must be an array, or an object or Map by category");
  expect(counts([5n, 6n])).toThrow("the reference count in cell 0 is 5n; counts are finite numbers from 0");
  expect(counts({ web: "5" })).toThrow('the reference count of "web" is "5"');
  expect(counts([1e308, 1e308])).toThrow("the reference counts sum to Infinity; beyond 2^53");
  const circular: unknown[] = [];
  circular.push({ circular });
  expect(() => compareSamples("psi", [1], [1], { bins: circular as number[] })).toThrow("not [an object]");
  const sample = (given: unknown) => () => compareSamples("ks", given as number[], [1]);
  expect(sample([new Date(0)])).toThrow("the reference sample holds a Date in row 0");
  expect(sample({ length: -1 })).toThrow("the reference sample is no array");
  expect(sample({ length: 1e12 })).toThrow("the reference sample is no array");
});

it("has no threshold for shares, which do not tell how many rows they are of", () => {
  for (const name of names) {
    if (name === "fisher_exact") continue;
    expect(() => compareCounts(name, [0.5, 0.5], [0.8, 0.2], { alpha: 0.05 }), name).toThrow(
      /alpha needs counts of rows, and the reference ones sum to 1|at least [24] values/,
    );
  }
});

it("smooths shares alike where all of them are in one cell, or rounded", () => {
  const whole = compareCounts("psi", [0.5, 0.5], [1, 0]).score;
  expect(compareCounts("psi", [0.5, 0.5], [0.999999, 0.000001]).score).toBeCloseTo(whole, 3);
  expect(compareCounts("psi", [0.33, 0.33, 0.33], [0.5, 0.49, 0]).score).toBeCloseTo(
    compareCounts("psi", [1 / 3, 1 / 3, 1 / 3], [50 / 99, 49 / 99, 0]).score,
    6,
  );
});

it.each(overValues)("%s does not care how large or small the unit of the values is", (name) => {
  const random = createRandom(9);
  const reference = Array.from({ length: 30 }, () => random.normal());
  const current = Array.from({ length: 20 }, () => random.normal() + 0.4);
  const options = name === "wasserstein" || name === "energy" ? ({ scale: "reference_sd" } as const) : {};
  const one = compareSamples(name, reference, current, options);
  // Powers of two, which change no digit; squares of such values are infinite or 0.
  for (const unit of [2 ** 1000, 2 ** -1000]) {
    const other = compareSamples(
      name,
      reference.map((value) => value * unit),
      current.map((value) => value * unit),
      options,
    );
    expect(other.score, String(unit)).toBeCloseTo(one.score, 12);
    if (one.pValue !== undefined) expect(other.pValue, String(unit)).toBeCloseTo(one.pValue, 12);
  }
});

it("takes the reference's deviation from its own digits, however far off the current values are", () => {
  const reference = [1.3, -0.8, 0.2, -0.5];
  // numpy.std(reference) = 0.8077747210701757.
  const { score } = compareSamples("wasserstein", reference, [-1e99, -1e99], { scale: "reference_sd" });
  expect(score / (1e99 / 0.8077747210701757)).toBeCloseTo(1, 9);
  expect(() => compareSamples("welch_t", [1.7e308, 1], [-1.7e308, 2])).toThrow("further than a number can say");
});

it("finds a threshold in standard deviations although some deals have a constant reference", () => {
  const zeros = Array.from({ length: 60 }, () => 0);
  const found = compareSamples("wasserstein", [0, 0, 0, 1], zeros, { scale: "reference_sd", alpha: 0.05 });
  expect(Number.isFinite(found.threshold)).toBe(true);
});

it("has an infinite threshold where the bare formula is infinite that often", () => {
  const bare = { smoothing: "none", alpha: 0.05 } as const;
  expect(compareCounts("kl", { a: 5, b: 1 }, { a: 3, b: 0 }, bare).threshold).toBe(Infinity);
  expect(Number.isFinite(compareCounts("kl", { a: 50, b: 50 }, { a: 40, b: 60 }, bare).threshold)).toBe(true);
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
