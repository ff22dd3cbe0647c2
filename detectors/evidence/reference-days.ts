import type { PooledReference, SeriesCounts } from "../../core/profile.ts";
import { weekdayOf } from "../../core/window.ts";
import type { Window } from "../../core/window.ts";
import { pooledCounts } from "../baselines/counts.ts";

/** What one series of a reference looked like in one of its windows. */
export interface ReferenceWindow {
  readonly window: Window;
  readonly counts: SeriesCounts;
}

/**
 * A reference of its windows on some weekdays alone: what a window of a series with a season was held against.
 *
 * @param weekdays Monday 0.
 * @param zone IANA zone whose calendar has the days.
 */
export function onReferenceDays(
  reference: PooledReference,
  windows: readonly ReferenceWindow[],
  weekdays: readonly number[],
  zone: string,
): PooledReference {
  const days = windows.filter(({ window }) => weekdays.includes(weekdayOf(window, zone)));
  return {
    ...reference,
    pooled: pooledCounts(
      days.map(({ counts }) => counts),
      reference.binning,
    ),
  };
}
