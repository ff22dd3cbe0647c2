import { expect, test } from "vitest";
import { dayStartMs, hourMs } from "./calendar.ts";
import type { Flight } from "./dataset.ts";
import { applyFaults, faultsOn, hoursToUtc, missingOriginShare, plantedFaults } from "./faults.ts";
import { inputsOf } from "./features.ts";

const traffic = new Map([["ORD", 880]]);

function flightAt(day: string, hour: number, sequence = 1): Flight {
  const departureMs = dayStartMs(day) + hour * hourMs;
  return { sequence, departureMs, delayMinutes: 0, distanceMiles: 900, origin: "ORD", destination: "LGA" };
}

function spoiled(flight: Flight, day: string, originState = "IL", seed = 1) {
  return applyFaults(faultsOn(day, plantedFaults), inputsOf(flight, traffic), { flight, originState, seed });
}

test("a day without a planted fault is sent as it was", () => {
  const flight = flightAt("2001-03-13", 9);
  expect(faultsOn("2001-03-13", plantedFaults)).toEqual([]);
  expect(spoiled(flight, "2001-03-13")).toEqual(inputsOf(flight, traffic));
});

test("from 14 to 16 March hours are sent in UTC, and only hours change", () => {
  for (const day of ["2001-03-14", "2001-03-15", "2001-03-16"]) {
    const flight = flightAt(day, 20);
    expect(spoiled(flight, day)).toEqual({ ...inputsOf(flight, traffic), hour: 2 });
  }
  expect(faultsOn("2001-03-17", plantedFaults)).toEqual([]);
});

test("UTC is 5 hours ahead in the east, 6 in the centre, 7 in the mountains and 8 for the rest", () => {
  expect(["NY", "FL", "IL", "TX", "CO", "AZ", "CA", "HI", "unknown"].map(hoursToUtc)).toEqual([
    5, 5, 6, 6, 7, 7, 8, 8, 8,
  ]);
});

test("every state of the mainland but those of the Pacific coast has an offset of its own", () => {
  const states =
    "AL AR AZ CO CT DC DE FL GA IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NY OH OK PA RI SC SD TN TX UT VA VT WI WV WY";
  expect(states.split(" ").filter((state) => hoursToUtc(state) === 8)).toEqual([]);
  expect(["WA", "OR", "CA", "NV"].map(hoursToUtc)).toEqual([8, 8, 8, 8]);
});

test("from 28 March to 1 April distances are kilometres, and the haul is what they say", () => {
  const flight = flightAt("2001-03-28", 9);
  expect(spoiled(flight, "2001-03-28")).toEqual({ ...inputsOf(flight, traffic), distance: 1448, haul: "long" });
  expect(faultsOn("2001-04-01", plantedFaults)).toHaveLength(1);
  expect(faultsOn("2001-04-02", plantedFaults)).toEqual([]);
});

test("on 20 April about 4 % of the origins are missing: the same ones for a seed, others for another", () => {
  const faults = faultsOn("2001-04-20", plantedFaults);
  const inputs = inputsOf(flightAt("2001-04-20", 9), traffic);
  const missing = (seed: number) =>
    Array.from({ length: 20_000 }, (_, sequence) => sequence).filter(
      (sequence) =>
        applyFaults(faults, inputs, { flight: flightAt("2001-04-20", 9, sequence), originState: "IL", seed })
          ?.origin === null,
    );
  expect(missing(1).length / 20_000).toBeCloseTo(missingOriginShare, 2);
  expect(missing(1)).toEqual(missing(1));
  expect(missing(1)).not.toEqual(missing(2));
});

test("on 26 April nothing is sent between 06:00 and 18:00", () => {
  const sent = Array.from({ length: 24 }, (_, hour) => hour).filter(
    (hour) => spoiled(flightAt("2001-04-26", hour), "2001-04-26") !== null,
  );
  expect(sent).toEqual([0, 1, 2, 3, 4, 5, 18, 19, 20, 21, 22, 23]);
});

test("a fault never changes what it was given", () => {
  const inputs = Object.freeze(inputsOf(flightAt("2001-03-28", 9), traffic));
  const context = { flight: flightAt("2001-03-28", 9), originState: "IL", seed: 1 };
  expect(() => plantedFaults.map((fault) => fault.apply(inputs, context))).not.toThrow();
});
