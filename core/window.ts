/** A half-open interval of event time, ms since the epoch: start ≤ t < end. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
export const weekMs = 7 * dayMs;

/** What is known of one Kafka partition (or HTTP source) that carries a model's events. */
export interface PartitionProgress {
  /** The largest *stored* event time of this model in this partition. */
  readonly maxEventTimeMs: number;
  /** Messages not yet stored; null if no collector has reported lately. */
  readonly lag: number | null;
  /** Service-clock time since which nothing new arrived. */
  readonly idleSinceMs: number;
}

/**
 * How far event time is known to be complete: the minimum over the model's partitions of min(largest stored event time,
 * now) − allowed lateness. A partition is left out only when its lag is 0 and it has been idle for `idleAfterMs`, so a
 * half-full window is never decided because one partition or one dead consumer is behind. If every partition is idle,
 * time alone moves the watermark, up to `idleHorizonMs`.
 *
 * @returns ms since the epoch, or null if the model has no partition yet.
 */
export function watermark(
  partitions: readonly PartitionProgress[],
  options: {
    readonly nowMs: number;
    readonly allowedLatenessMs: number;
    readonly idleAfterMs: number;
    /** Where the watermark may go when everything is idle: now on a wall clock, the end of the last started window on a watermark clock. */
    readonly idleHorizonMs: number;
  },
): number | null {
  if (partitions.length === 0) return null;
  const active = partitions.filter(
    (partition) => partition.lag !== 0 || options.nowMs - partition.idleSinceMs < options.idleAfterMs,
  );
  if (active.length === 0) return options.idleHorizonMs;
  const behind = Math.min(...active.map((partition) => partition.maxEventTimeMs));
  return Math.min(behind, options.nowMs) - options.allowedLatenessMs;
}

/** How a model's windows lie in time. */
export interface WindowAlignment {
  readonly lengthMs: number;
  /** IANA zone; `UTC` windows are aligned to the epoch (whole weeks: to Mondays). */
  readonly zone: string;
}

/**
 * The window that holds an instant. In a zone, windows of whole days run from local midnight to local midnight, so a day
 * has 23, 24 or 25 hours; shorter windows are cut from local midnight on, and the last one of a day ends with the day.
 *
 * @throws RangeError if the length is not positive or the zone is unknown.
 */
export function windowContaining(timeMs: number, alignment: WindowAlignment): Window {
  const { lengthMs, zone } = alignment;
  if (!(lengthMs > 0)) throw new RangeError(`window length must be positive, got ${lengthMs}`);
  if (zone === "UTC") {
    const anchor = lengthMs % weekMs === 0 ? mondayMs : 0;
    const startMs = anchor + Math.floor((timeMs - anchor) / lengthMs) * lengthMs;
    return { startMs, endMs: startMs + lengthMs };
  }
  const day = localDay(timeMs, zone);
  if (lengthMs % dayMs === 0) {
    const days = lengthMs / dayMs;
    const anchor = days % 7 === 0 ? mondayMs / dayMs : 0;
    const first = anchor + Math.floor((day - anchor) / days) * days;
    return { startMs: startOfLocalDay(first, zone), endMs: startOfLocalDay(first + days, zone) };
  }
  const midnightMs = startOfLocalDay(day, zone);
  const startMs = midnightMs + Math.floor((timeMs - midnightMs) / lengthMs) * lengthMs;
  return { startMs, endMs: Math.min(startMs + lengthMs, startOfLocalDay(day + 1, zone)) };
}

/** Windows follow each other without gaps: the next one starts where this one ends. */
export function nextWindow(window: Window, alignment: WindowAlignment): Window {
  return windowContaining(window.endMs, alignment);
}

/** The windows that lie wholly in `fromMs` ≤ t < `toMs`, in order. */
export function* windowsBetween(fromMs: number, toMs: number, alignment: WindowAlignment): Generator<Window> {
  let window = windowContaining(fromMs, alignment);
  if (window.startMs < fromMs) window = nextWindow(window, alignment);
  while (window.endMs <= toMs) {
    yield window;
    window = nextWindow(window, alignment);
  }
}

/** 1970-01-05, the first Monday after the epoch. */
const mondayMs = 4 * dayMs;

/** 0 Monday … 6 Sunday, on the zone's calendar, in the middle of a window. */
export function weekdayOf({ startMs, endMs }: Window, zone: string): number {
  const day = zone === "UTC" ? Math.floor((startMs + endMs) / 2 / dayMs) : localDay((startMs + endMs) / 2, zone);
  return (((day - mondayMs / dayMs) % 7) + 7) % 7;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Local wall time minus UTC at an instant, in ms. */
function offsetMs(timeMs: number, zone: string): number {
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formatters.set(zone, formatter);
  }
  const field: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const part of formatter.formatToParts(timeMs)) field[part.type] = Number(part.value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = field;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(timeMs / 1000) * 1000;
}

/** Days since 1970-01-01 on the zone's calendar. */
function localDay(timeMs: number, zone: string): number {
  return Math.floor((timeMs + offsetMs(timeMs, zone)) / dayMs);
}

/** The first instant of a local day; where the clock jumps over midnight, the instant of the jump. */
function startOfLocalDay(day: number, zone: string): number {
  const before = day * dayMs - offsetMs(day * dayMs - dayMs, zone);
  const after = day * dayMs - offsetMs(day * dayMs + dayMs, zone);
  const midnights = [before, after].filter((timeMs) => timeMs + offsetMs(timeMs, zone) === day * dayMs);
  return midnights.length === 0 ? before : Math.min(...midnights);
}
