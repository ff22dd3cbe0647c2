import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  binsFromMarks,
  binsFromOrderStatistics,
  edgeMarks,
  orderStatisticPlaces,
} from "./file-comparison-quantiles.ts";

const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
const samples = fc.oneof(
  fc.array(finite, { minLength: 1, maxLength: 3000 }),
  fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 3000 }),
);

describe("bins from order statistics", () => {
  it("hold every value once, each in the bin that its edges say", () => {
    fc.assert(
      fc.property(samples, (values) => {
        const sorted = Float64Array.from(values).sort();
        const picked = orderStatisticPlaces(sorted.length).map((place) => sorted[place]!);
        const { binning, bins } = binsFromOrderStatistics(picked, sorted.length);
        const { edges } = binning;
        expect(edges.every((edge, index) => index === 0 || edge > edges[index - 1]!)).toBe(true);
        if (bins === null) return;
        const expected = [...edges, Infinity].map(
          (edge, bin) => sorted.filter((x) => x <= edge && (bin === 0 || x > edges[bin - 1]!)).length,
        );
        expect([...bins]).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("are left to be counted where equal values surround an edge", () => {
    expect(binsFromOrderStatistics([1, 1, 1, 2, 2], 5).bins).toBeNull();
  });
});

describe("bins from the places of marks", () => {
  it("a mark is the next double above its edge, and is read back as such", () => {
    fc.assert(
      fc.property(finite, (edge) => {
        const mark = Number(edgeMarks([edge])[0]!.replace("inf", "Infinity"));
        expect(mark).toBeGreaterThan(edge);
        // Nothing lies between them.
        const middle = edge / 2 + mark / 2;
        expect(middle === edge || middle === mark || mark === Infinity || Math.abs(mark) < 1e-307).toBe(true);
      }),
    );
  });

  it("a value on an edge is in the bin below it, marks are not counted", () => {
    const values = [1, 2, 2, 3, 7];
    const edges = [2, 5];
    const marks = edgeMarks(edges).map(Number);
    const sorted = [...values, ...marks].toSorted((a, b) => a - b);
    const places = marks.map((mark) => sorted.indexOf(mark) + 1);
    expect([...binsFromMarks(places, values.length)]).toEqual([3, 1, 1]);
  });
});
