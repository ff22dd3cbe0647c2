import { describe, expect, test } from "vitest";
import { dayMs, hourMs, minuteMs } from "../../core/window.ts";
import { countText, durationText, numberText, shareText, timeText } from "./quantities.ts";

describe("numbers for people", () => {
  test.each([
    [0.0832, "8.3 %"],
    [0, "0 %"],
    [1, "100.0 %"],
    [0.00041, "0.041 %"],
    [0.000001, "under 0.001 %"],
    [-0.0832, "-8.3 %"],
  ])("share %d is %s", (share, text) => expect(shareText(share)).toBe(text));

  test.each([
    [13.42, "13.4"],
    [1234.5, "1,235"],
    [0.1816, "0.182"],
    [0, "0"],
    [-1_234_567, "-1,234,567"],
    [999.96, "1000"],
    [3e-9, "3.00e-9"],
    [Number.NaN, "not a number"],
  ])("number %d is %s", (value, text) => expect(numberText(value)).toBe(text));

  test("counts have thousands", () => expect(countText(449_120.4)).toBe("449,120"));

  test.each([
    [12 * hourMs + 15 * minuteMs, "12 hours 15 minutes"],
    [dayMs, "1 day"],
    [dayMs + 6 * hourMs + 29 * minuteMs, "1 day 6 hours"],
    [90_000, "1 minute 30 seconds"],
    [400, "under a second"],
    [2 * dayMs - 1, "2 days"],
  ])("%d ms are %s", (ms, text) => expect(durationText(ms)).toBe(text));

  test("times name their zone, through changes of the clock", () => {
    expect(timeText(Date.UTC(2026, 2, 14), "UTC")).toBe("Sat 2026-03-14 00:00 UTC");
    expect(timeText(Date.UTC(2026, 2, 29, 1), "Europe/Berlin")).toBe("Sun 2026-03-29 03:00 Europe/Berlin");
  });
});
