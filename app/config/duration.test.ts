import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, parseDuration } from "./duration.ts";

test("what is formatted can be parsed back", () => {
  fc.assert(fc.property(fc.nat(), (ms) => parseDuration(formatDuration(ms)) === ms));
});

test.each([
  ["5m", 300_000],
  ["1h", 3_600_000],
  ["90d", 7_776_000_000],
  ["2w", 1_209_600_000],
  ["0s", 0],
])("%s is %d ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "5", "m", "5 m", "-5m", "1.5h", "5M", "5m1s", "99999999999999999w"])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeNull();
});
