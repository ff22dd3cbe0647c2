import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { once } from "node:events";
import { classOf, createScorer } from "./delay-model.ts";
import type { DelayModel, TrainingRow } from "./delay-model.ts";
import { sqlText } from "./dataset.ts";
import type { FileEngine, Flight } from "./dataset.ts";
import type { Shift } from "./calendar.ts";

/** A flight of the training weeks with what the model was given for it. */
export interface BaselineRow extends TrainingRow {
  readonly flight: Flight;
  readonly originState: string;
}

const structure =
  "event_time Int64, hour Float64, distance Float64, origin String, destination String, haul String, " +
  "origin_traffic Float64, weekday String, origin_state String, score Float64, prediction String, label String";

/**
 * Writes the baseline as Parquet, one row a flight at its shifted time: the columns are named like the model's features,
 * its cohorts, and `event_time`, `score`, `prediction`, `label`. An existing file is replaced.
 */
export async function writeBaseline(
  engine: FileEngine,
  path: string,
  rows: readonly BaselineRow[],
  options: { readonly model: DelayModel; readonly shift: Shift },
): Promise<void> {
  const { model, shift } = options;
  const score = createScorer(model);
  // The engine turns text columns into Parquet; inline values would put data and statement into one string.
  const csvPath = `${path}.csv`;
  const csv = createWriteStream(csvPath);
  let block = "";
  for (const { flight, inputs, late, originState } of rows) {
    const rowScore = score(inputs);
    block +=
      `${flight.departureMs + shift.ms},${inputs.hour},${inputs.distance},${inputs.origin},${inputs.destination},` +
      `${inputs.haul},${inputs.originTraffic},${inputs.weekday},${originState},${rowScore},` +
      `${classOf(model, rowScore)},${late ? "late" : "on_time"}\n`;
    if (block.length > 1 << 20) {
      if (!csv.write(block)) await once(csv, "drain");
      block = "";
    }
  }
  csv.end(block);
  await once(csv, "close");
  await rm(path, { force: true });
  engine.query(
    `INSERT INTO FUNCTION file(${sqlText(path)}, Parquet)
     SELECT fromUnixTimestamp64Milli(event_time, 'UTC') AS event_time, * EXCEPT (event_time)
     FROM file(${sqlText(csvPath)}, CSV, ${sqlText(structure)})`,
    "TabSeparated",
  );
  await rm(csvPath);
}
