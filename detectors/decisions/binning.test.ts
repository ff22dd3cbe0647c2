import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { binningOf, binOf, countsOf, numericBinning } from "./binning.ts";

describe("numeric", () => {
  it("edges are type-7 quantiles", () => {
    // NumPy (linear): np.quantile([1, 2, 4, 8, 16, 32], [0.1, 0.5, 0.9]) = 1.5, 6, 24
    const { edges, decileEdges } = numericBinning(Float64Array.of(1, 2, 4, 8, 16, 32));
    expect([0, 4, 8].map((j) => edges[decileEdges[j]!])).toEqual([1.5, 6, 24]);
  });

  it("are at most 135, strictly increasing, and a value equal to an edge falls in the lower bin", () => {
    const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 3, maxLength: 400 });
    fc.assert(
      fc.property(values, (sample) => {
        const { edges, decileEdges } = numericBinning(Float64Array.from(sample).sort());
        expect(edges.length).toBeLessThanOrEqual(135);
        expect(edges.every((edge, i) => i === 0 || edge > edges[i - 1]!)).toBe(true);
        expect(decileEdges.every((index) => index >= 0 && index < edges.length)).toBe(true);
        edges.forEach((edge, i) => expect(binOf(edges, edge)).toBe(i));
        expect(binOf(edges, Infinity)).toBe(edges.length);
      }),
    );
  });
});

it("at most two distinct numbers are categories", () => {
  expect(binningOf([0, 1, 1])).toEqual({ kind: "categorical", categories: ["1", "0"], distinct: 2, singletons: 1 });
  expect(binningOf([0, 1, 2]).kind).toBe("numeric");
});

it("categories are ordered by count, then by bytes (not by UTF-16 or locale)", () => {
  const binning = binningOf(["b", "b", "ä", "Z", "😀", "\u{ff5e}", null]);
  expect(binning).toMatchObject({ categories: ["b", "Z", "ä", "\u{ff5e}", "😀"], distinct: 5, singletons: 4 });
});

it("every row is counted once: bins, unlisted, unseen, missing and non-finite add up", () => {
  const value = fc.oneof(fc.constantFrom("a", "b", "c", "d"), fc.constant(null));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), fc.array(value), (reference, current) => {
      const binning = binningOf(reference);
      fc.pre(binning.kind === "categorical");
      const counts = countsOf(binning, current);
      const listed = Array.from(counts.bins).reduce((sum, count) => sum + count, 0);
      expect(listed + counts.unlisted + counts.unseen).toBe(counts.presentWeight);
      expect(counts.presentWeight + counts.missing + counts.nonFinite).toBe(counts.weight);
    }),
  );
});
