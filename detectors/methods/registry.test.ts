import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { methods } from "./registry.ts";

const counts = (cells: number) =>
  fc
    .array(fc.integer({ min: 0, max: 10_000 }), { minLength: cells, maxLength: cells })
    .filter((values) => values.some((value) => value > 0));
const twoSamples = fc.integer({ min: 1, max: 40 }).chain((cells) => fc.tuple(counts(cells), counts(cells)));

describe.each(methods)("$name", (method) => {
  it("is 0 between two samples with the same shares, and finite and never negative between any two", () => {
    fc.assert(
      fc.property(twoSamples, fc.integer({ min: 1, max: 9 }), ([before, now], times) => {
        const scaled = before.map((count) => count * times);
        expect(method.value(before, scaled)).toBeCloseTo(0, 7);
        const value = method.value(before, now);
        expect(Number.isFinite(value)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("does not care which sample is called the reference", () => {
    fc.assert(
      fc.property(twoSamples, ([before, now]) => {
        const value = method.value(before, now);
        expect(Math.abs(method.value(now, before) - value)).toBeLessThanOrEqual(1e-9 * Math.max(1, value));
      }),
    );
  });

  it("never grows when two neighbouring cells are merged", () => {
    fc.assert(
      fc.property(twoSamples, ([before, now]) => {
        // Half a row for an empty cell is no share: merging such cells may go either way.
        fc.pre(before.length > 1 && [...before, ...now].every((count) => count > 0));
        const merged = (sample: number[]) => [sample[0]! + sample[1]!, ...sample.slice(2)];
        const value = method.value(before, now);
        expect(method.value(merged(before), merged(now))).toBeLessThanOrEqual(value + 1e-9 * Math.max(1, value));
      }),
    );
  });

  it("says what it is, by which convention and where it comes from", () => {
    expect(method.name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(method.convention.length).toBeGreaterThan(20);
    expect(method.source.length).toBeGreaterThan(5);
  });
});

it("has one name per method", () => {
  expect(new Set(methods.map(({ name }) => name)).size).toBe(methods.length);
});
