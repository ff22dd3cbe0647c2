import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dayMs, hourMs, minuteMs, nextWindow, watermark, weekMs, windowContaining, windowsBetween } from "./window.ts";
import type { PartitionProgress } from "./window.ts";

const at = (text: string) => Date.parse(text);
const hours = (window: { startMs: number; endMs: number }) => (window.endMs - window.startMs) / hourMs;

describe("windows", () => {
  test("UTC days begin at midnight UTC, weeks on Mondays", () => {
    expect(windowContaining(at("2026-03-05T13:00:00Z"), { lengthMs: dayMs, zone: "UTC" })).toEqual({
      startMs: at("2026-03-05T00:00:00Z"),
      endMs: at("2026-03-06T00:00:00Z"),
    });
    expect(new Date(windowContaining(at("2026-03-05T13:00:00Z"), { lengthMs: weekMs, zone: "UTC" }).startMs)).toEqual(
      new Date("2026-03-02T00:00:00Z"),
    );
  });

  test("an instant on a boundary belongs to the window that starts there", () => {
    const window = windowContaining(at("2026-03-05T00:00:00Z"), { lengthMs: dayMs, zone: "UTC" });
    expect(window.startMs).toBe(at("2026-03-05T00:00:00Z"));
  });

  test("a day in a zone has 23 hours when the clock goes forward, and 25 when it goes back", () => {
    const alignment = { lengthMs: dayMs, zone: "Europe/Berlin" };
    const spring = windowContaining(at("2026-03-29T12:00:00Z"), alignment);
    expect(spring).toEqual({ startMs: at("2026-03-28T23:00:00Z"), endMs: at("2026-03-29T22:00:00Z") });
    expect(hours(spring)).toBe(23);
    expect(hours(windowContaining(at("2026-10-25T12:00:00Z"), alignment))).toBe(25);
    expect(hours(windowContaining(at("2026-06-01T12:00:00Z"), alignment))).toBe(24);
  });

  test("where the clock jumps over midnight, the day begins at the jump", () => {
    const day = windowContaining(at("2018-11-04T12:00:00Z"), { lengthMs: dayMs, zone: "America/Sao_Paulo" });
    expect(day).toEqual({ startMs: at("2018-11-04T03:00:00Z"), endMs: at("2018-11-05T02:00:00Z") });
  });

  test("hours in a zone are counted from local midnight, also at half-hour offsets", () => {
    const window = windowContaining(at("2026-03-05T13:00:00Z"), { lengthMs: hourMs, zone: "Asia/Kolkata" });
    expect(window.startMs).toBe(at("2026-03-05T12:30:00Z"));
    const spring = [
      ...windowsBetween(at("2026-03-28T23:00:00Z"), at("2026-03-29T22:00:00Z"), {
        lengthMs: 6 * hourMs,
        zone: "Europe/Berlin",
      }),
    ];
    expect(spring.map(hours)).toEqual([6, 6, 6, 5]);
  });

  test("windows cover time without gap or overlap, in every zone and length", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at("2000-01-01T00:00:00Z"), max: at("2030-01-01T00:00:00Z") }),
        fc.constantFrom(
          "UTC",
          "Europe/Berlin",
          "America/New_York",
          "Asia/Kolkata",
          "Australia/Lord_Howe",
          "Pacific/Apia",
        ),
        fc.constantFrom(5 * minuteMs, hourMs, 7 * hourMs, dayMs, 2 * dayMs, weekMs),
        (timeMs, zone, lengthMs) => {
          const alignment = { lengthMs, zone };
          const window = windowContaining(timeMs, alignment);
          expect(window.startMs).toBeLessThanOrEqual(timeMs);
          expect(window.endMs).toBeGreaterThan(timeMs);
          expect(windowContaining(window.startMs, alignment)).toEqual(window);
          expect(windowContaining(window.endMs - 1, alignment)).toEqual(window);
          expect(nextWindow(window, alignment).startMs).toBe(window.endMs);
        },
      ),
    );
  });

  test("windows between two times are the whole ones only", () => {
    const between = windowsBetween(at("2026-01-01T06:00:00Z"), at("2026-01-04T06:00:00Z"), {
      lengthMs: dayMs,
      zone: "UTC",
    });
    expect([...between].map((window) => new Date(window.startMs).toISOString().slice(0, 10))).toEqual([
      "2026-01-02",
      "2026-01-03",
    ]);
  });

  test("a length that is not positive is refused", () => {
    expect(() => windowContaining(0, { lengthMs: 0, zone: "UTC" })).toThrow(RangeError);
  });
});

describe("watermark", () => {
  const options = { nowMs: 10_000_000, allowedLatenessMs: 1_000, idleAfterMs: 60_000, idleHorizonMs: 9_999_000 };
  const partition = (progress: Partial<PartitionProgress> = {}): PartitionProgress => ({
    maxEventTimeMs: 5_000_000,
    lag: 0,
    idleSinceMs: options.nowMs - 1_000,
    ...progress,
  });

  test("nothing is known of a model without a partition", () => {
    expect(watermark([], options)).toBeNull();
  });

  test("the slowest partition decides", () => {
    expect(watermark([partition(), partition({ maxEventTimeMs: 3_000_000 })], options)).toBe(2_999_000);
  });

  test("a partition that is idle and read to its end does not hold the others back", () => {
    const idle = partition({ maxEventTimeMs: 1_000, idleSinceMs: options.nowMs - 60_000 });
    expect(watermark([partition(), idle], options)).toBe(4_999_000);
  });

  test("an idle partition with messages left to read, or of which nothing is known, holds the watermark", () => {
    for (const lag of [1, null]) {
      const behind = partition({ maxEventTimeMs: 1_000_000, idleSinceMs: 0, lag });
      expect(watermark([partition(), behind], options)).toBe(999_000);
    }
  });

  test("when everything is idle, the horizon is reached by time alone", () => {
    expect(watermark([partition({ idleSinceMs: 0 })], options)).toBe(options.idleHorizonMs);
  });

  test("event times in the future do not carry the watermark beyond now", () => {
    expect(watermark([partition({ maxEventTimeMs: options.nowMs + hourMs })], options)).toBe(options.nowMs - 1_000);
  });
});
