/**
 * A process of its own that reads the training weeks, fits the delay model and writes `model.json` and
 * `baseline.parquet`:
 *
 *     node examples/flights/prepare.ts --data data/demo --shift-weeks 1338
 *
 * It prints one line of JSON (`Prepared`).
 */
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { writeBaseline } from "./baseline.ts";
import type { BaselineRow } from "./baseline.ts";
import { baselineDays, dayMs, daysBetween } from "./calendar.ts";
import { findDataset, isLate, openFileEngine, readAirportStates, readDay } from "./dataset.ts";
import { classOf, createScorer, fitDelayModel } from "./delay-model.ts";
import { inputsOf } from "./features.ts";

export interface Prepared {
  readonly rows: number;
  readonly lateShare: number;
  /** Share of the training rows that the model classifies rightly, beside the share of the larger class. */
  readonly accuracy: number;
}

const { values } = parseArgs({
  options: { data: { type: "string" }, "shift-weeks": { type: "string" } },
});
const folder = path.resolve(values.data ?? "data/demo");
const shift = { weeks: Number(values["shift-weeks"] ?? 0), ms: Number(values["shift-weeks"] ?? 0) * 7 * dayMs };

const dataset = findDataset();
const engine = openFileEngine();
const states = readAirportStates(dataset);
const days = daysBetween(baselineDays.first, baselineDays.last);
const flights = days.flatMap((day) => readDay(engine, dataset, day));

const departures = new Map<string, number>();
for (const { origin } of flights) departures.set(origin, (departures.get(origin) ?? 0) + 1);
const originTraffic = new Map(
  [...departures].map(([origin, count]) => [origin, Math.round((count / days.length) * 10) / 10]),
);

const rows = flights.map((flight): BaselineRow => ({
  flight,
  inputs: inputsOf(flight, originTraffic),
  late: isLate(flight),
  originState: states.get(flight.origin) ?? "unknown",
}));
const model = fitDelayModel(rows, { version: "1", originTraffic });

await mkdir(folder, { recursive: true });
await writeFile(path.join(folder, "model.json"), JSON.stringify(model));
await writeBaseline(engine, path.join(folder, "baseline.parquet"), rows, { model, shift });

const score = createScorer(model);
const right = rows.filter(({ inputs, late }) => (classOf(model, score(inputs)) === "late") === late).length;
const prepared: Prepared = {
  rows: rows.length,
  lateShare: rows.filter(({ late }) => late).length / rows.length,
  accuracy: right / rows.length,
};
process.stdout.write(`${JSON.stringify(prepared)}\n`);
