import { dayMs, dayStartMs, hourMs } from "./calendar.ts";
import type { Day } from "./calendar.ts";
import { chance } from "./chance.ts";
import type { Flight } from "./dataset.ts";
import { haulOf } from "./features.ts";
import type { Inputs } from "./features.ts";

/** What a planted fault may look at beside the inputs that it spoils. */
export interface FaultContext {
  readonly flight: Flight;
  /** Two letters, or `unknown`. */
  readonly originState: string;
  readonly seed: number;
}

export interface PlantedFault {
  readonly name: "hour_in_utc" | "distance_in_kilometres" | "origin_missing" | "silence";
  /** Original days, both included. */
  readonly firstDay: Day;
  readonly lastDay: Day;
  /** Pure. The inputs as the broken service sees them; null if it sends nothing. */
  readonly apply: (inputs: Inputs, context: FaultContext) => Inputs | null;
}

const easternStates = "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV";
const centralStates = "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI";
const mountainStates = "AZ CO ID MT NM UT WY";

const utcOffsetHours: ReadonlyMap<string, number> = new Map([
  ...easternStates.split(" ").map((state) => [state, 5] as const),
  ...centralStates.split(" ").map((state) => [state, 6] as const),
  ...mountainStates.split(" ").map((state) => [state, 7] as const),
]);

/** Hours that UTC is ahead of a state's winter time: 5 east, 6 central, 7 mountain, 8 for the rest. */
export function hoursToUtc(state: string): number {
  return utcOffsetHours.get(state) ?? 8;
}

const kilometresPerMile = 1.609344;
export const missingOriginShare = 0.04;
/** By the file's clock. */
const silence = { day: "2001-04-26", fromHour: 6, toHour: 18 };

export const plantedFaults: readonly PlantedFault[] = [
  {
    name: "hour_in_utc",
    firstDay: "2001-03-14",
    lastDay: "2001-03-16",
    apply: (inputs, { originState }) => ({ ...inputs, hour: (inputs.hour + hoursToUtc(originState)) % 24 }),
  },
  {
    name: "distance_in_kilometres",
    firstDay: "2001-03-28",
    lastDay: "2001-04-01",
    apply: (inputs) => {
      const distance = Math.round(inputs.distance * kilometresPerMile);
      // The service derives the haul from the number it got.
      return { ...inputs, distance, haul: haulOf(distance) };
    },
  },
  {
    name: "origin_missing",
    firstDay: "2001-04-20",
    lastDay: "2001-04-20",
    apply: (inputs, { flight, seed }) =>
      chance(seed, flight.sequence) < missingOriginShare ? { ...inputs, origin: null } : inputs,
  },
  {
    name: "silence",
    firstDay: silence.day,
    lastDay: silence.day,
    apply: (inputs, { flight }) => {
      const hour = (flight.departureMs - dayStartMs(silence.day)) / hourMs;
      return hour >= silence.fromHour && hour < silence.toHour ? null : inputs;
    },
  },
];

/** The faults of one original day. */
export function faultsOn(day: Day, faults: readonly PlantedFault[]): readonly PlantedFault[] {
  const startMs = dayStartMs(day);
  return faults.filter((fault) => startMs >= dayStartMs(fault.firstDay) && startMs < dayStartMs(fault.lastDay) + dayMs);
}

/** Applies the faults in order; null as soon as one of them swallows the event. */
export function applyFaults(faults: readonly PlantedFault[], inputs: Inputs, context: FaultContext): Inputs | null {
  let spoiled: Inputs | null = inputs;
  for (const fault of faults) {
    if (spoiled === null) return null;
    spoiled = fault.apply(spoiled, context);
  }
  return spoiled;
}
