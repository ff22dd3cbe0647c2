import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { messageTimeFault, parseMessageTime, parseRfc3339 } from "./message-time.ts";

describe("RFC 3339", () => {
  test("what toISOString writes is read back", () => {
    const dates = fc.date({
      min: new Date("0000-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59.999Z"),
      noInvalidDate: true,
    });
    fc.assert(fc.property(dates, (date) => parseRfc3339(date.toISOString()) === date.getTime()));
  });

  // The examples of RFC 3339, section 5.8.
  test.each([
    ["1985-04-12T23:20:50.52Z", Date.UTC(1985, 3, 12, 23, 20, 50, 520)],
    ["1996-12-19T16:39:57-08:00", Date.UTC(1996, 11, 20, 0, 39, 57)],
    ["1990-12-31T23:59:60Z", Date.UTC(1991, 0, 1)],
    ["1990-12-31T15:59:60-08:00", Date.UTC(1991, 0, 1)],
    ["1937-01-01T12:00:27.87+00:20", Date.UTC(1937, 0, 1, 11, 40, 27, 870)],
  ])("%s", (text, timeMs) => expect(parseRfc3339(text)).toBe(timeMs));

  test.each([
    ["2026-01-31t23:59:59z", Date.UTC(2026, 0, 31, 23, 59, 59)],
    ["2026-01-31 23:59:59+05:30", Date.UTC(2026, 0, 31, 18, 29, 59)],
    ["2026-01-31T23:59:59.123999999Z", Date.UTC(2026, 0, 31, 23, 59, 59, 123)],
    ["2024-02-29T00:00:00Z", Date.UTC(2024, 1, 29)],
    ["2000-02-29T00:00:00Z", Date.UTC(2000, 1, 29)],
  ])("takes %s", (text, timeMs) => expect(parseRfc3339(text)).toBe(timeMs));

  test.each([
    "",
    "2026-01-31",
    "2026-01-31T23:59:59",
    "2026-01-31T23:59Z",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-00-10T00:00:00Z",
    "2026-13-10T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T23:60:00Z",
    "2026-01-31T23:59:61Z",
    "2026-01-31T23:59:59.Z",
    "2026-01-31T23:59:59+0530",
    "2026-01-31T23:59:59+24:00",
    "2026-01-31T23:59:59ZZ",
    "2026-01-31T23:59:59Z ",
    " 2026-01-31T23:59:59Z",
    "2026/01/31T23:59:59Z",
    "20260131T235959Z    ",
    "2026-1-31T23:59:59.00Z",
    "٢٠٢٦-01-31T23:59:59Z",
    "Sat, 31 Jan 2026 23:59:59 GMT",
    "-271821-04-20T00:00:00Z",
    "+002026-01-31T23:59:59Z",
  ])("refuses %j", (text) => expect(parseRfc3339(text)).toBeNaN());

  const text = fc.array(fc.nat(0xffff), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
  test("any text gives a time or NaN, and never throws", () => {
    fc.assert(fc.property(text, (any) => void parseRfc3339(any)));
  });
});

describe("a number", () => {
  test("is milliseconds since 1970, parts cut off", () =>
    expect(parseMessageTime(1769904000123.9)).toBe(1769904000123));

  test.each([0, -1, 1769904000, 1e11 - 1, 1769904000123456, 1e300, Number.POSITIVE_INFINITY, Number.NaN])(
    "%d is none",
    (value) => expect(parseMessageTime(value)).toBeNaN(),
  );

  test("of seconds or microseconds is recognised and said", () => {
    const bounds = { nowMs: Date.UTC(2026, 1, 1), maxAgeMs: 800 * 86_400_000 };
    expect(messageTimeFault("event_time", 1769904000, bounds)?.detail).toBe(
      "event_time is the number 1769904000: that looks like seconds, send milliseconds since 1970",
    );
    expect(messageTimeFault("label_time", 1769904000123456, bounds)?.detail).toContain("micro- or nanoseconds");
  });
});
