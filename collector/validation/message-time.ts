import { hourMs } from "../../core/window.ts";
import { describeValue, type Fault } from "./fault.ts";

/** Numbers below this are seconds, not milliseconds: 10^11 ms is March 1973, 10^11 s is the year 5138. */
const smallestMs = 1e11;
/** Numbers from here on are microseconds or nanoseconds. */
const largestMs = 1e14;

/** How far ahead of the clock a message's time may be. */
export const futureToleranceMs = hourMs;

/**
 * Milliseconds since 1970-01-01T00:00:00Z of a message's time: RFC 3339 with a zone, or a number of milliseconds.
 * Parts of a millisecond are cut off.
 *
 * @returns NaN if it is neither.
 */
export function parseMessageTime(value: unknown): number {
  if (typeof value === "string") return parseRfc3339(value);
  if (typeof value !== "number" || !(value >= smallestMs && value < largestMs)) return Number.NaN;
  return Math.floor(value);
}

/** What is wrong with a message's time, or null. */
export function messageTimeFault(
  field: "event_time" | "label_time",
  value: unknown,
  bounds: { readonly nowMs: number; readonly maxAgeMs: number },
): Fault | null {
  if (value === undefined || value === null) {
    return { reason: "time_missing", detail: `${field} is missing` };
  }
  const timeMs = parseMessageTime(value);
  if (Number.isNaN(timeMs)) return { reason: "time_invalid", detail: `${field} is ${describeTime(value)}` };
  if (timeMs > bounds.nowMs + futureToleranceMs) {
    return {
      reason: "future_time",
      detail: `${field} ${iso(timeMs)} is after ${iso(bounds.nowMs)} by more than an hour`,
    };
  }
  if (timeMs < bounds.nowMs - bounds.maxAgeMs) {
    const days = Math.round(bounds.maxAgeMs / (24 * hourMs));
    return { reason: "past_time", detail: `${field} ${iso(timeMs)} is more than ${days} days old (max_event_age)` };
  }
  return null;
}

function iso(timeMs: number): string {
  return Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs);
}

function describeTime(value: unknown): string {
  const what = describeValue(value);
  if (typeof value === "number") {
    if (value >= 1e8 && value < smallestMs) return `${what}: that looks like seconds, send milliseconds since 1970`;
    if (value >= largestMs) return `${what}: that looks like micro- or nanoseconds, send milliseconds since 1970`;
    return `${what}: send milliseconds since 1970`;
  }
  if (typeof value === "string") return `${what}: send RFC 3339 with a zone, like 2026-01-31T23:59:59.123Z`;
  return `${what}: send RFC 3339 with a zone, or milliseconds since 1970`;
}

const daysInMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/**
 * RFC 3339 date-time, without the `Date` parser (which takes other forms too and is several times slower). `T` may be
 * `t` or a space and `Z` may be `z`, as section 5.6 allows; second 60 is the next minute's 0.
 *
 * @returns ms since 1970-01-01T00:00:00Z, parts of a millisecond cut off; NaN if the text is anything else.
 */
export function parseRfc3339(text: string): number {
  const length = text.length;
  if (length < 20) return Number.NaN;
  const year = digits2(text, 0) * 100 + digits2(text, 2);
  const month = digits2(text, 5);
  const day = digits2(text, 8);
  const hour = digits2(text, 11);
  const minute = digits2(text, 14);
  const second = digits2(text, 17);
  if (
    text.charCodeAt(4) !== hyphen ||
    text.charCodeAt(7) !== hyphen ||
    text.charCodeAt(13) !== colon ||
    text.charCodeAt(16) !== colon
  ) {
    return Number.NaN;
  }
  const separator = text.charCodeAt(10);
  if (separator !== upperT && separator !== lowerT && separator !== space) return Number.NaN;
  // A comparison with NaN (a digit missing) is false, hence the shape of these conditions.
  if (!(month >= 1 && month <= 12 && hour <= 23 && minute <= 59 && second <= 60)) return Number.NaN;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  if (!(day >= 1 && day <= (daysInMonth[month - 1] as number) + leap)) return Number.NaN;

  let at = 19;
  let millisecond = 0;
  let code = text.charCodeAt(at);
  if (code === dot) {
    let scale = 100;
    const first = ++at;
    for (code = text.charCodeAt(at); code >= zero && code <= nine; code = text.charCodeAt(++at)) {
      millisecond += (code - zero) * scale;
      scale = scale === 100 ? 10 : scale === 10 ? 1 : 0;
    }
    if (at === first) return Number.NaN;
  }
  let offsetMinutes = 0;
  if (code === upperZ || code === lowerZ) {
    if (at + 1 !== length) return Number.NaN;
  } else if (code === plus || code === hyphen) {
    if (at + 6 !== length || text.charCodeAt(at + 3) !== colon) return Number.NaN;
    const zoneHour = digits2(text, at + 1);
    const zoneMinute = digits2(text, at + 4);
    if (!(zoneHour <= 23 && zoneMinute <= 59)) return Number.NaN;
    offsetMinutes = (zoneHour * 60 + zoneMinute) * (code === plus ? 1 : -1);
  } else {
    return Number.NaN;
  }
  const minutes = (daysSince1970(year, month, day) * 24 + hour) * 60 + minute - offsetMinutes;
  return (minutes * 60 + second) * 1000 + millisecond;
}

const zero = 48;
const nine = 57;
const hyphen = 45;
const plus = 43;
const colon = 58;
const dot = 46;
const space = 32;
const upperT = 84;
const lowerT = 116;
const upperZ = 90;
const lowerZ = 122;

/** Two decimal digits, or NaN. */
function digits2(text: string, at: number): number {
  const high = text.charCodeAt(at) - zero;
  const low = text.charCodeAt(at + 1) - zero;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : Number.NaN;
}

/** Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil` (proleptic Gregorian). */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}
