import { describe, expect, test } from "vitest";
import { dayMs, hourMs, minuteMs, windowContaining } from "../../core/window.ts";
import type { EventProgress } from "../../store/facts/event-progress.ts";
import type { StoredProgress } from "../../store/facts/partition-progress.ts";
import { modelWatermark } from "./model-watermark.ts";

const wallMs = Date.UTC(2026, 2, 14, 12);
const newestMs = Date.UTC(2026, 2, 10, 15);
const event = (progress: Partial<EventProgress> = {}): EventProgress => ({
  environment: "production",
  model: "m",
  topic: "events",
  partition: 0,
  maxEventTimeMs: newestMs,
  lastIngestMs: wallMs - 1000,
  ...progress,
});
const report = (progress: Partial<StoredProgress> = {}): StoredProgress => ({
  topic: "events",
  partition: 0,
  nextOffset: 1,
  lag: 0,
  lastMessageAtMs: wallMs - 1000,
  reportedAtMs: wallMs - 500,
  ...progress,
});
const options = {
  reports: [report()],
  partitionEventTimeMs: () => null,
  serviceClock: "watermark" as const,
  wallMs,
  allowedLatenessMs: 5 * minuteMs,
  idleAfterMs: 10_000,
  windowEndMs: (timeMs: number) => windowContaining(timeMs, { lengthMs: dayMs, zone: "UTC" }).endMs,
};
const dayEnd = Date.UTC(2026, 2, 11);

describe("the watermark clock", () => {
  test("follows the newest event less the allowed lateness while events come", () => {
    expect(modelWatermark([event()], options)).toBe(newestMs - 5 * minuteMs);
  });

  test("ends with the window of the newest event once the partition is read and idle on the wall clock", () => {
    const idle = [event({ lastIngestMs: wallMs - 11_000 })];
    expect(modelWatermark(idle, options)).toBe(dayEnd);
    expect(modelWatermark(idle, { ...options, reports: [report({ lag: 3 })] })).toBe(newestMs - 5 * minuteMs);
  });

  test("does not take a partition for idle because its collector died after reporting a lag of 0", () => {
    const idle = [event({ lastIngestMs: wallMs - 11_000 })];
    // The last report came 3 s after the last row: nobody has looked since.
    const stopped = [report({ reportedAtMs: wallMs - 8_000 })];
    expect(modelWatermark(idle, { ...options, reports: stopped })).toBe(newestMs - 5 * minuteMs);
    expect(modelWatermark(idle, { ...options, reports: [report({ reportedAtMs: wallMs - 4_000 })] })).toBe(
      newestMs - 5 * minuteMs,
    );
  });

  test("takes rows that no collector reports of for read to their end", () => {
    const posted = event({ topic: "", lastIngestMs: wallMs - 11_000 });
    expect(modelWatermark([posted], options)).toBe(dayEnd);
    expect(modelWatermark([{ ...posted, lastIngestMs: wallMs - 9_000 }], options)).toBe(newestMs - 5 * minuteMs);
  });

  test("is not held by a model that went quiet in a partition which others keep busy", () => {
    const quiet = event({ partition: 1, maxEventTimeMs: newestMs - hourMs, lastIngestMs: wallMs - 60_000 });
    const busy = { ...options, reports: [report(), report({ partition: 1, lag: 40 })] };
    expect(modelWatermark([event(), quiet], busy)).toBe(newestMs - hourMs - 5 * minuteMs);
    expect(modelWatermark([event(), quiet], { ...busy, partitionEventTimeMs: () => newestMs })).toBe(
      newestMs - 5 * minuteMs,
    );
  });
});

test("on the wall clock an idle model moves with time", () => {
  const idle = [event({ lastIngestMs: wallMs - 11_000 })];
  expect(modelWatermark(idle, { ...options, serviceClock: "wall" })).toBe(wallMs - 5 * minuteMs);
});
