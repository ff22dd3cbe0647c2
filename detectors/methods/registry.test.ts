import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Alternative, Method } from "./method.ts";
import { methods } from "./registry.ts";

const counts = (cells: number, most = 50) =>
  fc
    .array(fc.integer({ min: 0, max: most }), { minLength: cells, maxLength: cells })
    // No method asks for more than four rows a side.
    .filter((values) => values.reduce((sum, value) => sum + value, 0) >= 4);
const twoSamples = (method: Method, mostCells = 40, most?: number) =>
  (method.over === "pair" ? fc.constant(2) : fc.integer({ min: most === undefined ? 1 : 2, max: mostCells })).chain(
    (cells) => fc.tuple(counts(cells, most), counts(cells, most)),
  );
/** What a test has no standard error for: two constants that differ. */
const varies = (before: readonly number[], now: readonly number[]) =>
  [before, now].some((sample) => sample.filter((count) => count > 0).length > 1);

/** D(q, p) is not D(p, q). */
const asymmetric: readonly string[] = ["kl"];
/** Scores that are not 0 when nothing changed have their place there. */
const neutral: Readonly<Record<string, (before: readonly number[], now: readonly number[]) => number>> = {
  fisher_exact: () => 1,
  mann_whitney: (before, now) => (sum(before) * sum(now)) / 2,
};
/** Normalized, so that chance is 0 and alike is below. */
const belowZeroIfAlike: readonly string[] = ["anderson_darling"];
const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);

describe.each(methods)("$name", (method: Method) => {
  it("finds nothing between two samples with the same shares, whatever their sizes", () => {
    fc.assert(
      fc.property(twoSamples(method), fc.integer({ min: 1, max: 9 }), ([before], times) => {
        const now = before.map((count) => count * times);
        const value = method.value(before, now);
        const expected = neutral[method.name]?.(before, now) ?? 0;
        if (belowZeroIfAlike.includes(method.name)) expect(value).toBeLessThanOrEqual(0);
        else expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-7 * Math.max(1, expected));
        if (method.significance !== undefined) {
          expect(method.significance(before, now).pValue).toBeGreaterThanOrEqual(0.25);
        }
      }),
    );
  });

  it("is finite between any two samples, and its p-value a probability", () => {
    fc.assert(
      fc.property(twoSamples(method), ([before, now]) => {
        fc.pre(varies(before, now));
        expect(Number.isFinite(method.value(before, now))).toBe(true);
        if (method.significance === undefined) return;
        const { pValue, numbers = {} } = method.significance(before, now);
        expect(pValue).toBeGreaterThanOrEqual(0);
        expect(pValue).toBeLessThanOrEqual(1);
        expect(Object.values(numbers).every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("finds as much if the samples change places", () => {
    fc.assert(
      fc.property(twoSamples(method), ([before, now]) => {
        fc.pre(varies(before, now));
        const close = (a: number, b: number) =>
          expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(a)));
        if (method.significance === undefined) {
          if (!asymmetric.includes(method.name)) close(method.value(before, now), method.value(now, before));
        } else {
          close(method.significance(before, now).pValue, method.significance(now, before).pValue);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("passes its threshold exactly if its p-value is below alpha", () => {
    const { significance, threshold } = method;
    if (significance === undefined || threshold === undefined) {
      // Neither or both: a p-value without a threshold would be another null.
      expect(significance).toBe(threshold);
      return;
    }
    const alternatives: readonly Alternative[] = method.options?.includes("alternative")
      ? ["less", "greater"]
      : ["two-sided"];
    fc.assert(
      fc.property(
        fc.constantFrom(2, 20).chain((most) => twoSamples(method, 6, most)),
        fc.constantFrom(...alternatives),
        fc.constantFrom(0.2, 0.05, 0.01),
        ([before, now], alternative, alpha) => {
          fc.pre(varies(before, now));
          const { pValue } = significance(before, now, { alternative });
          // On the edge itself rounding decides, and near it whether the null was counted out or is the limit.
          fc.pre(Math.abs(pValue / alpha - 1) > 0.05);
          const margin = method.value(before, now, { alternative }) - threshold(alpha, before, now, { alternative });
          expect((method.name !== "ks" && alternative === "less" ? -margin : margin) > 0).toBe(pValue < alpha);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("says what it is, what it tells, by which convention and where it comes from", () => {
    expect(method.name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(method.title.length).toBeGreaterThan(5);
    expect(method.meaning.length).toBeGreaterThan(40);
    expect(method.convention.length).toBeGreaterThan(10);
    expect(method.source).toMatch(/\d{4}/);
    expect(method.null === undefined).toBe(method.significance === undefined);
  });
});

describe.each(
  methods.filter(({ name }) =>
    ["psi", "ks", "chi_square", "g_test", "jensen_shannon", "kl", "hellinger", "total_variation"].includes(name),
  ),
)("$name", (method) => {
  it("never grows when two neighbouring cells are merged", () => {
    fc.assert(
      fc.property(twoSamples(method), ([before, now]) => {
        // Half a row for an empty cell is no share: merging such cells may go either way.
        fc.pre(before.length > 1 && [...before, ...now].every((count) => count > 0));
        const merged = (sample: number[]) => [sample[0]! + sample[1]!, ...sample.slice(2)];
        const value = method.value(before, now);
        expect(method.value(merged(before), merged(now))).toBeLessThanOrEqual(value + 1e-9 * Math.max(1, value));
      }),
    );
  });
});

it("has one name per method", () => {
  expect(new Set(methods.map(({ name }) => name)).size).toBe(methods.length);
});
