import { expect, test } from "vitest";
import { hourMs, minuteMs } from "../../core/window.ts";
import { lastEventBefore, longestGaps } from "./gaps.ts";
import { createTestDatabase } from "./test-database.ts";

const startMs = Date.UTC(2026, 2, 1);
const windows = Array.from({ length: 5 }, (_, hour) => ({
  startMs: startMs + hour * hourMs,
  endMs: startMs + (hour + 1) * hourMs,
}));
const key = { environment: "production", model: "m" };

test("a gap is measured from its own start, and belongs to every window that it ends or still runs in", async () => {
  await using facts = await createTestDatabase();
  // Minutes after the start; hour 2 and 3 have no event at all.
  const minutes = [5, 6, 30, 50, 65, 70.5, 70.75, 245];
  await facts.insertRows(
    "events",
    minutes.map((minute) => ({
      ...key,
      event_time: ((startMs + minute * minuteMs) / 1000).toFixed(3),
      weight: 1,
      expires_on: "2149-06-01",
    })),
    null,
  );
  const inMinutes = async (previousMs: number | null) =>
    (await longestGaps(facts, key, windows, previousMs)).map((gap) => gap / minuteMs);
  const still = 70.75;
  expect(await inMinutes(null)).toEqual([24, 120 - still, 180 - still, 240 - still, 245 - still]);
  expect((await inMinutes(startMs - 40 * minuteMs))[0]).toBe(45);
  expect(await lastEventBefore(facts, { ...key, beforeMs: startMs + 4 * hourMs, stepMs: hourMs })).toBe(
    startMs + still * minuteMs,
  );
  expect(await lastEventBefore(facts, { ...key, beforeMs: startMs, stepMs: hourMs })).toBeNull();
});
