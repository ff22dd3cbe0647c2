import { expect, test } from "vitest";
import { dayMs, hourMs, minuteMs } from "../../core/window.ts";
import { agoText, utcText, windowText } from "./moment.ts";

const nowMs = Date.UTC(2026, 2, 14, 8, 15);

test.each([
  [0, "just now"],
  [59_000, "just now"],
  [minuteMs, "1 min ago"],
  [hourMs + 59 * minuteMs, "1 h ago"],
  [47 * hourMs, "47 h ago"],
  [49 * hourMs, "2 d ago"],
  [1200 * dayMs, "1,200 d ago"],
  [-3 * hourMs, "in 3 h"],
])("%i ms before now is %s", (ms, text) => {
  expect(agoText(nowMs - ms, nowMs)).toBe(text);
});

test("a window is its day, or its ends", () => {
  const day = Date.UTC(2026, 2, 14);
  expect(windowText({ startMs: day, endMs: day + dayMs })).toBe("2026-03-14");
  expect(windowText({ startMs: day + hourMs, endMs: day + 2 * hourMs })).toBe("2026-03-14 01:00 to 02:00");
  expect(windowText({ startMs: day + 5 * hourMs, endMs: day + 29 * hourMs })).toBe(
    "2026-03-14 05:00 to 2026-03-15 05:00",
  );
});

test("a time that is none is said to be unknown", () => {
  expect(utcText(Number.NaN)).toBe("unknown");
});
