import fc from "fast-check";
import { expect, test } from "vitest";
import { createShift, dayMs, dayOf, dayStartMs, daysBetween, isoWeekday, originalDay, shiftedDay } from "./calendar.ts";

const day = fc
  .integer({ min: dayStartMs("2001-01-29") / dayMs, max: dayStartMs("2001-06-30") / dayMs })
  .map((days) => dayOf(days * dayMs));
const now = fc.integer({ min: dayStartMs("2020-01-01"), max: dayStartMs("2090-01-01") });

test("the shifted last day is yesterday or at most six days before it, and keeps its weekday", () => {
  fc.assert(
    fc.property(day, now, (lastDay, nowMs) => {
      const shift = createShift({ lastDay, nowMs });
      const yesterdayMs = dayStartMs(dayOf(nowMs)) - dayMs;
      const behind = (yesterdayMs - dayStartMs(shiftedDay(lastDay, shift))) / dayMs;
      expect(behind).toBeGreaterThanOrEqual(0);
      expect(behind).toBeLessThan(7);
      expect(isoWeekday(dayStartMs(shiftedDay(lastDay, shift)))).toBe(isoWeekday(dayStartMs(lastDay)));
      expect(originalDay(dayStartMs(shiftedDay(lastDay, shift)), shift)).toBe(lastDay);
    }),
  );
});

test("on a Monday the default run ends the day before", () => {
  const shift = createShift({ lastDay: "2001-04-29", nowMs: Date.parse("2026-11-23T00:00:00Z") });
  expect(shiftedDay("2001-04-29", shift)).toBe("2026-11-22");
});

test("2001 began on a Monday", () => {
  expect(isoWeekday(dayStartMs("2001-01-01"))).toBe(1);
  expect(isoWeekday(dayStartMs("2001-01-28"))).toBe(7);
});

test("a span of days includes both ends and crosses months", () => {
  expect(daysBetween("2001-02-27", "2001-03-01")).toEqual(["2001-02-27", "2001-02-28", "2001-03-01"]);
});

test("what is no day of the calendar is refused", () => {
  for (const text of ["2001-02-29", "2001-3-1", "yesterday", ""]) expect(() => dayStartMs(text)).toThrow(RangeError);
});
