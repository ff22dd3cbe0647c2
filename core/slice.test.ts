import fc from "fast-check";
import { expect, test } from "vitest";
import { formatSlice, parseSlice, wholeModel } from "./slice.ts";

test("a slice is written sorted by attribute", () => {
  expect(formatSlice({ origin_state: "NY", haul: "short" })).toBe("haul=short,origin_state=NY");
  expect(formatSlice(wholeModel)).toBe("");
});

test("a slice reads back as it was written, whatever its names hold", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "\\", ",", "=", "\n", "é") });
  fc.assert(
    fc.property(fc.dictionary(text, text), (slice) => {
      expect({ ...parseSlice(formatSlice(slice)) }).toEqual({ ...slice });
    }),
  );
});
