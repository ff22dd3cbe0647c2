import fc from "fast-check";
import { expect, it } from "vitest";
import { normalTail } from "./normal-tail.ts";
import { studentTTail } from "./student-t-tail.ts";

it.each([
  // SciPy 1.17.1: stats.t.sf(t, v)
  [1, 1, 0.25],
  [2.015048372669157, 5, 0.050000000042352645],
  [4.5, 27, 5.83447080126198e-5],
  [10, 30, 2.287625704114809e-11],
  [60, 4, 2.310534363817564e-7],
  [0.3, 8, 0.38591224084124937],
])("P(T > %d) with %d degrees of freedom agrees with SciPy to eleven digits", (t, v, expected) => {
  expect(Math.abs(studentTTail(t, v) / expected - 1)).toBeLessThan(1e-11);
});

it("nears the normal tail from above as degrees of freedom grow", () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 6, noNaN: true }), (t) => {
      expect(studentTTail(t, 20)).toBeGreaterThan(studentTTail(t, 200));
      expect(studentTTail(t, 200)).toBeGreaterThan(normalTail(t));
      expect(Math.abs(studentTTail(t, 1e7) / normalTail(t) - 1)).toBeLessThan(1e-3);
    }),
  );
});
