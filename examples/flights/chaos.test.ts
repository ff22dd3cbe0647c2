import fc from "fast-check";
import { expect, test } from "vitest";
import { chaosKills, killPoints } from "./chaos.ts";

test("kills come in order, apart from each other, and neither at the very beginning nor at the end", () => {
  const chances = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), {
    minLength: chaosKills,
    maxLength: chaosKills,
  });
  fc.assert(
    fc.property(chances, (drawn) => {
      const points = [0, ...killPoints((kill) => drawn[kill] ?? 0), 1];
      for (const [index, point] of points.slice(1).entries()) {
        expect(point - (points[index] ?? 0)).toBeGreaterThan(0.02);
      }
    }),
  );
});
