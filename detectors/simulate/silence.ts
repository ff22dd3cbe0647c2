import { dayMs, hourMs } from "../../core/window.ts";
import { createRandom, type Random } from "./random.ts";
import type { SimulatedModel } from "./streams.ts";

/** When events come, in daily windows: nothing else is looked at. */
export interface ArrivalStream {
  /**
   * `steady`: at one rate. `nights`: from 22 to 6 o'clock a twentieth of it. `weekends`: nights, and a third on Saturdays
   * and Sundays. `bursts`: in groups of ten.
   */
  readonly arrivals: "steady" | "nights" | "weekends" | "bursts";
  /** Events a day, if it were busy all day. */
  readonly events: number;
  readonly referenceDays: number;
  /** No event comes between these hours of the first live day; null: nothing is wrong. */
  readonly silent: readonly [fromHour: number, toHour: number] | null;
}

/** A Monday. */
const startMs = Date.UTC(2024, 0, 1);
const nightShare = 0.05;
const weekendShare = 0.33;
const together = 10;

/** A model of which only the times of its events are known. */
export function createArrivals(stream: ArrivalStream, ...seeds: readonly number[]): SimulatedModel {
  const random = createRandom(...seeds);
  let previousMs: number | null = null;
  const longestGap = (day: number): number => {
    const fromMs = startMs + day * dayMs;
    let longest = 0;
    for (const atMs of arrivals(stream, day, random)) {
      longest = Math.max(longest, atMs - (previousMs ?? fromMs));
      previousMs = atMs;
    }
    return Math.max(longest, fromMs + dayMs - (previousMs ?? fromMs));
  };
  const referenceGapsMs = Array.from({ length: stream.referenceDays }, (_, i) => longestGap(i - stream.referenceDays));
  const model: SimulatedModel = {
    reference: [],
    windowMs: dayMs,
    windowsPerWeek: 7,
    horizon: 7,
    changed: stream.silent === null ? null : "",
    referenceValues: [],
    numeric: [],
    live: (day) => ({
      window: { startMs: startMs + day * dayMs, endMs: startMs + (day + 1) * dayMs },
      profiles: [],
      values: [],
      gap: { longestGapMs: longestGap(day), referenceGapsMs },
    }),
    rebaselined: () => model,
  };
  return model;
}

/** Times of a day's events, rising: a Poisson process at the busiest rate, thinned. */
function* arrivals({ arrivals: kind, events, silent }: ArrivalStream, day: number, random: Random): Iterable<number> {
  const fromMs = startMs + day * dayMs;
  const meanGapMs = (dayMs / events) * (kind === "bursts" ? together : 1);
  const weekend = kind === "weekends" && ((day % 7) + 7) % 7 >= 5;
  for (let ms = 0; ;) {
    ms -= Math.log(1 - random.uniform()) * meanGapMs;
    if (ms >= dayMs) return;
    const hour = ms / hourMs;
    const night = kind !== "steady" && kind !== "bursts" && (hour < 6 || hour >= 22);
    if (random.uniform() >= (night ? nightShare : 1) * (weekend ? weekendShare : 1)) continue;
    if (day === 0 && silent !== null && hour >= silent[0] && hour < silent[1]) continue;
    yield fromMs + ms;
  }
}
