/** Days are text, `2001-03-14`, in UTC; moments are milliseconds since the epoch. */
export type Day = string;

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
const weekMs = 7 * dayMs;

/** Whole weeks added to every original time, so that the weekday stays. */
export interface Shift {
  readonly weeks: number;
  readonly ms: number;
}

/** Start of a day. @throws RangeError if the text is not a day of the calendar. */
export function dayStartMs(day: Day): number {
  const startMs = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(startMs) || dayOf(startMs) !== day) throw new RangeError(`${day} is not a day like 2001-03-18`);
  return startMs;
}

/** The day that a moment lies in. */
export function dayOf(ms: number): Day {
  return new Date(ms).toISOString().slice(0, 10);
}

export function nextDay(day: Day): Day {
  return dayOf(dayStartMs(day) + dayMs);
}

/** Every day from `first` to `last`, both included, in order. */
export function daysBetween(first: Day, last: Day): readonly Day[] {
  const days: Day[] = [];
  for (let ms = dayStartMs(first); ms <= dayStartMs(last); ms += dayMs) days.push(dayOf(ms));
  return days;
}

/** 1 Monday … 7 Sunday, as ISO 8601 counts. */
export function isoWeekday(ms: number): number {
  // 1970-01-01 was a Thursday.
  return ((Math.floor(ms / dayMs) + 3) % 7) + 1;
}

/** The largest number of whole weeks after which `lastDay` is yesterday or earlier. */
export function createShift(options: { readonly lastDay: Day; readonly nowMs: number }): Shift {
  const yesterdayMs = dayStartMs(dayOf(options.nowMs)) - dayMs;
  const weeks = Math.floor((yesterdayMs - dayStartMs(options.lastDay)) / weekMs);
  return { weeks, ms: weeks * weekMs };
}

export function shiftedDay(day: Day, shift: Shift): Day {
  return dayOf(dayStartMs(day) + shift.ms);
}

export function originalDay(ms: number, shift: Shift): Day {
  return dayOf(ms - shift.ms);
}

/** The four whole weeks that the model is fitted on, and that are its baseline. */
export const baselineDays = { first: "2001-01-01", last: "2001-01-28" } as const;

/** The first day that is sent through Kafka, the last of the default run, and the last whole day of the data. */
export const runDays = { first: "2001-01-29", last: "2001-04-29", lastOfAll: "2001-06-30" } as const;
