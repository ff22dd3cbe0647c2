import type { ReferenceProfile } from "../../core/profile.ts";
import { weekdayOf } from "../../core/window.ts";
import { pooledCounts } from "../baselines/counts.ts";

/**
 * A reference of its windows on some weekdays alone: what a window of a series with a season was held against.
 *
 * @param weekdays Monday 0; undefined: all of them.
 * @param zone IANA zone whose calendar has the days.
 */
export function onReferenceDays(
  reference: ReferenceProfile,
  weekdays: readonly number[] | undefined,
  zone: string,
): ReferenceProfile {
  const { binning, subWindows, subWindowTimes } = reference;
  if (weekdays === undefined || subWindowTimes === undefined) return reference;
  const days = subWindows.filter((_, i) => weekdays.includes(weekdayOf(subWindowTimes[i]!, zone)));
  return { ...reference, pooled: pooledCounts(days, binning) };
}
