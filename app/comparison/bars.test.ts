import fc from "fast-check";
import { expect, test } from "vitest";
import { numericBars } from "./bars.ts";

const edges = fc
  .uniqueArray(
    fc.oneof(
      fc.integer({ min: -200, max: 200 }),
      fc.integer({ min: -1e9, max: 1e9 }).map((n) => n / 1000),
    ),
    { minLength: 1, maxLength: 130 },
  )
  .map((values) => values.toSorted((a, b) => a - b));

test("bars show every row of either file once, whatever the edges", () => {
  fc.assert(
    fc.property(edges, fc.boolean(), fc.infiniteStream(fc.nat(1000)), (cuts, discrete, weights) => {
      const shares = () => {
        const bins = Array.from({ length: cuts.length + 1 }, () => 1 + weights.next().value!);
        const sum = bins.reduce((total, bin) => total + bin, 0);
        return bins.map((bin) => bin / sum);
      };
      const { bars } = numericBars({
        kind: "numeric",
        edges: cuts,
        reference: shares(),
        current: shares(),
        min: cuts[0]! - 1,
        max: cuts.at(-1)! + 1,
        discrete,
      });
      expect(bars.reduce((sum, bar) => sum + bar.reference, 0)).toBeCloseTo(1, 6);
      expect(bars.reduce((sum, bar) => sum + bar.current, 0)).toBeCloseTo(1, 6);
    }),
  );
});

test("whole numbers lie in bars of equal width, though some quantiles fall between them", () => {
  const edges = Array.from({ length: 80 }, (_, index) => (index % 9 === 4 ? index + 0.5 : index));
  const even = Array.from({ length: 81 }, (_, bin) => (bin % 9 === 5 ? 0.5 : bin % 9 === 4 ? 1.5 : 1) / 81);
  const flat = Array.from({ length: 81 }, () => 1 / 81);
  const { bars } = numericBars({
    kind: "numeric",
    edges,
    reference: flat,
    current: even,
    min: 0,
    max: 90,
    discrete: false,
  });
  const inner = bars.slice(1, -2).map(({ reference }) => reference);
  expect(Math.max(...inner) / Math.min(...inner)).toBeCloseTo(1, 9);
});
