import { expect, test } from "vitest";
import { dayMs, hourMs, weekMs } from "../../core/window.ts";
import { isRangeOf, trailingRange, trailingReadyMs } from "./trailing.ts";

const trailing = { lengthMs: 28 * dayMs, gapMs: 7 * dayMs };
const days = { lengthMs: dayMs, zone: "UTC" };
/** A Monday. */
const mondayMs = Date.UTC(2026, 2, 30);
const text = (ms: number) => new Date(ms).toISOString().slice(0, 16);

test("every window of a week has the same range, and the next week's lies a week later", () => {
  const range = trailingRange(trailing, mondayMs, days);
  expect([text(range.startMs), text(range.endMs)]).toEqual(["2026-02-23T00:00", "2026-03-23T00:00"]);
  for (const timeMs of [mondayMs, mondayMs + hourMs, mondayMs + weekMs - 1]) {
    expect(trailingRange(trailing, timeMs, days)).toEqual(range);
  }
  const next = trailingRange(trailing, mondayMs + weekMs, days);
  expect(next).toEqual({ startMs: range.startMs + weekMs, endMs: range.endMs + weekMs });
});

test("a range is made of whole windows, also where the clock changes within it", () => {
  // Summer time began on 29 March.
  const berlin = { lengthMs: dayMs, zone: "Europe/Berlin" };
  const { startMs, endMs } = trailingRange(trailing, mondayMs + dayMs, berlin);
  expect([text(startMs), text(endMs)]).toEqual(["2026-02-22T23:00", "2026-03-22T23:00"]);
  const hourly = trailingRange({ lengthMs: 3 * dayMs, gapMs: 0 }, mondayMs, { lengthMs: hourMs, zone: "UTC" });
  expect([text(hourly.startMs), text(hourly.endMs)]).toEqual(["2026-03-27T00:00", "2026-03-30T00:00"]);
});

test("the range never reaches into the week it is held against", () => {
  for (const lengthMs of [hourMs, dayMs, 3 * dayMs, weekMs]) {
    const { endMs } = trailingRange({ ...trailing, gapMs: 0 }, mondayMs + dayMs, { lengthMs, zone: "UTC" });
    expect(endMs).toBeLessThanOrEqual(mondayMs);
  }
});

test("the first week that can be judged has 14 windows before its gap", () => {
  const readyMs = trailingReadyMs(trailing, mondayMs + hourMs, days);
  expect(readyMs).toBe(mondayMs + 3 * weekMs);
  const range = trailingRange(trailing, readyMs, days);
  expect(range.endMs - mondayMs).toBe(14 * dayMs);
  expect(trailingReadyMs(trailing, mondayMs + dayMs, days)).toBe(mondayMs + 4 * weekMs);
});

test("a stored range belongs to the trailing baseline of the same length and gap alone", () => {
  const range = { kind: "range", fromMs: 0, toMs: dayMs } as const;
  expect(isRangeOf({ ...range, trailing: { ...trailing, windowMs: null } }, trailing)).toBe(true);
  expect(isRangeOf({ ...range, trailing: { ...trailing, windowMs: null } }, { ...trailing, gapMs: 0 })).toBe(false);
  expect(isRangeOf(range, trailing)).toBe(false);
});
