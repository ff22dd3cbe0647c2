import { expect, test } from "vitest";
import type { ReferenceProfile } from "../../core/profile.ts";
import { dayMs } from "../../core/window.ts";
import { binningOf, countsOf } from "../decisions/binning.ts";
import { onReferenceDays } from "./reference-days.ts";

const mondayMs = Date.UTC(2026, 0, 5);
const days = Array.from({ length: 14 }, (_, day) => (day % 7 >= 5 ? ["beach", "beach", "desk"] : ["desk", "desk"]));
const binning = binningOf(days.flat());
const reference: ReferenceProfile = {
  series: { role: "feature", feature: "place", version: "", slice: "" },
  binning,
  pooled: countsOf(binning, days.flat()),
  subWindows: days.map((values) => countsOf(binning, values)),
  subWindowTimes: days.map((_, day) => ({ startMs: mondayMs + day * dayMs, endMs: mondayMs + (day + 1) * dayMs })),
};

test("a weekend is held against weekends", () => {
  const { pooled } = onReferenceDays(reference, [5, 6], "UTC");
  expect(pooled.rows).toBe(12);
  const beach = binning.kind === "categorical" ? binning.categories.indexOf("beach") : -1;
  expect(pooled.bins[beach]).toBe(8);
});

test("days are those of the zone's calendar", () => {
  const eastern = reference.subWindowTimes!.map(({ startMs, endMs }) => ({
    startMs: startMs - 0.9 * dayMs,
    endMs: endMs - 0.9 * dayMs,
  }));
  const moved = { ...reference, subWindowTimes: eastern };
  expect(onReferenceDays(moved, [5, 6], "Pacific/Kiritimati").pooled.rows).toBe(12);
  expect(onReferenceDays(moved, [5, 6], "UTC").pooled.rows).not.toBe(12);
});

test("without a season it is the whole reference", () => {
  expect(onReferenceDays(reference, undefined, "UTC")).toBe(reference);
});
