import { expect, test } from "vitest";
import type { PooledReference } from "../../core/profile.ts";
import { dayMs } from "../../core/window.ts";
import { binningOf, countsOf } from "../decisions/binning.ts";
import { onReferenceDays } from "./reference-days.ts";

const mondayMs = Date.UTC(2026, 0, 5);
const days = Array.from({ length: 14 }, (_, day) => (day % 7 >= 5 ? ["beach", "beach", "desk"] : ["desk", "desk"]));
const binning = binningOf(days.flat());
const reference: PooledReference = {
  series: { role: "feature", feature: "place", version: "", slice: "" },
  binning,
  pooled: countsOf(binning, days.flat()),
};
const windows = days.map((values, day) => ({
  window: { startMs: mondayMs + day * dayMs, endMs: mondayMs + (day + 1) * dayMs },
  counts: countsOf(binning, values),
}));

test("a weekend is held against weekends", () => {
  const { pooled } = onReferenceDays(reference, windows, [5, 6], "UTC");
  expect(pooled.rows).toBe(12);
  const beach = binning.kind === "categorical" ? binning.categories.indexOf("beach") : -1;
  expect(pooled.bins[beach]).toBe(8);
});

test("days are those of the zone's calendar", () => {
  const eastern = windows.map(({ window: { startMs, endMs }, counts }) => ({
    window: { startMs: startMs - 0.9 * dayMs, endMs: endMs - 0.9 * dayMs },
    counts,
  }));
  expect(onReferenceDays(reference, eastern, [5, 6], "Pacific/Kiritimati").pooled.rows).toBe(12);
  expect(onReferenceDays(reference, eastern, [5, 6], "UTC").pooled.rows).not.toBe(12);
});
