import { isoWeekday } from "./calendar.ts";
import type { Flight } from "./dataset.ts";

export type Haul = "short" | "medium" | "long" | "xl";

/** What the service hands to the model for one flight. `null` is a value that the service did not get. */
export interface Inputs {
  /** Hour of departure by the file's clock, 0 … 23. */
  readonly hour: number;
  readonly distance: number;
  readonly origin: string | null;
  readonly destination: string;
  readonly haul: Haul;
  /** The origin's mean departures a day in the baseline; 0 for an origin that the baseline does not know. */
  readonly originTraffic: number;
  readonly weekday: string;
}

const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;

/** short ≤ 400 miles < medium ≤ 1,000 < long ≤ 2,000 < xl. */
export function haulOf(distance: number): Haul {
  if (distance <= 400) return "short";
  if (distance <= 1000) return "medium";
  return distance <= 2000 ? "long" : "xl";
}

/** @param originTraffic Mean departures a day by origin. */
export function inputsOf(flight: Flight, originTraffic: ReadonlyMap<string, number>): Inputs {
  return {
    hour: new Date(flight.departureMs).getUTCHours(),
    distance: flight.distanceMiles,
    origin: flight.origin,
    destination: flight.destination,
    haul: haulOf(flight.distanceMiles),
    originTraffic: originTraffic.get(flight.origin) ?? 0,
    weekday: weekdays[isoWeekday(flight.departureMs) - 1] ?? "Mon",
  };
}
