import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { dayMs, dayStartMs, minuteMs } from "./calendar.ts";
import type { Day } from "./calendar.ts";
import { MissingPart } from "./missing-part.ts";

const require = createRequire(import.meta.url);

export interface Dataset {
  /** 3,000,000 US flights, 2001-01-01 to 2001-07-01, in order of departure. */
  readonly flightsPath: string;
  readonly airportsPath: string;
}

export interface Flight {
  /** Row of the file, counted from 0: in order of departure, and the same in every run. */
  readonly sequence: number;
  /** Departure by the file's clock, to the minute, at its original date. */
  readonly departureMs: number;
  /** Minutes later (or, below 0, earlier) than planned. */
  readonly delayMinutes: number;
  readonly distanceMiles: number;
  /** IATA codes. */
  readonly origin: string;
  readonly destination: string;
}

/** A flight is late if it is more than this many minutes behind its plan. */
export const lateAfterMinutes = 15;

export function isLate(flight: Flight): boolean {
  return flight.delayMinutes > lateAfterMinutes;
}

/** @throws MissingPart if the package vega-datasets or its files are not installed. */
export function findDataset(): Dataset {
  for (const folder of require.resolve.paths("vega-datasets") ?? []) {
    const flightsPath = path.join(folder, "vega-datasets/data/flights-3m.parquet");
    const airportsPath = path.join(folder, "vega-datasets/data/airports.csv");
    if (existsSync(flightsPath) && existsSync(airportsPath)) return { flightsPath, airportsPath };
  }
  throw new MissingPart("The flights are missing (npm package vega-datasets): run `npm ci`, which installs it.");
}

/** State (two letters) of each airport by its IATA code. Unknown airports, and those without a state, are left out. */
export function readAirportStates(dataset: Dataset): ReadonlyMap<string, string> {
  const states = new Map<string, string>();
  for (const line of readFileSync(dataset.airportsPath, "utf8").split("\n").slice(1)) {
    // Names may hold commas inside quotes; the state follows name and city.
    const fields = [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map((match) => match[1] ?? "");
    const [iata, , , state] = fields;
    if (iata !== undefined && state !== undefined && /^[A-Z]{2}$/.test(state) && state !== "NA")
      states.set(iata, state);
  }
  return states;
}

export interface FileEngine {
  query(sql: string, format: string): string;
}

/** The embedded ClickHouse engine, used here only to read and write files. @throws MissingPart without chdb. */
export function openFileEngine(): FileEngine {
  try {
    return require("chdb") as FileEngine;
  } catch (cause) {
    throw new MissingPart(
      "The engine that reads Parquet is missing (npm package chdb): run `npm ci` without --omit=optional.",
      {
        cause,
      },
    );
  }
}

/** A path as a ClickHouse string literal. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
}

/** The flights that departed on one day, in order of departure: about 16,500. */
export function readDay(engine: FileEngine, dataset: Dataset, day: Day): Flight[] {
  const startMs = dayStartMs(day);
  const table = engine.query(
    `SELECT _row_number, intDiv(toUnixTimestamp(assumeNotNull(date)), 60), delay, distance, origin, destination
     FROM file(${sqlText(dataset.flightsPath)}, Parquet)
     WHERE date >= fromUnixTimestamp64Milli(${startMs}, 'UTC') AND date < fromUnixTimestamp64Milli(${startMs + dayMs}, 'UTC')
     ORDER BY _row_number`,
    "TabSeparated",
  );
  const flights: Flight[] = [];
  for (const line of table.split("\n")) {
    if (line === "") continue;
    const [sequence, minute, delay, distance, origin = "", destination = ""] = line.split("\t");
    flights.push({
      sequence: Number(sequence),
      departureMs: Number(minute) * minuteMs,
      delayMinutes: Number(delay),
      distanceMiles: Number(distance),
      origin,
      destination,
    });
  }
  return flights;
}
