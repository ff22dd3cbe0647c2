import { baselineEnvironmentPrefix } from "../../core/inference-event.ts";
import type { Facts } from "./client.ts";

/** What is stored of a model in one environment, decided or not. */
export interface StoredEvents {
  readonly environment: string;
  readonly model: string;
  readonly rows: number;
  /** Event times. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Of one model, or (null) of every model that has events; reads no more than the sorting key and the event time. */
export async function readStoredEvents(facts: Facts, model: string | null): Promise<StoredEvents[]> {
  return facts.query<StoredEvents>(
    `SELECT toString(environment) AS environment, toString(model) AS model, count() AS rows,
       toUnixTimestamp64Milli(min(event_time)) AS firstMs, toUnixTimestamp64Milli(max(event_time)) AS lastMs
     FROM events WHERE NOT startsWith(events.environment, {baselineRows:String}) AND ({anyModel:Bool} OR events.model = {model:String})
     GROUP BY environment, model ORDER BY model, environment`,
    { baselineRows: baselineEnvironmentPrefix, anyModel: model === null, model: model ?? "" },
  );
}

/** One version of a model, as its events show it. */
export interface StoredVersion {
  readonly version: string;
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** Of the rows at or after `sinceMs`. */
  readonly recentRows: number;
}

/** Those whose events came last first. */
export async function readStoredVersions(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly sinceMs: number },
): Promise<StoredVersion[]> {
  return facts.query<StoredVersion>(
    `SELECT toString(version) AS version, count() AS rows, toUnixTimestamp64Milli(min(event_time)) AS firstMs,
       toUnixTimestamp64Milli(max(event_time)) AS lastMs,
       countIf(event_time >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')) AS recentRows
     FROM events WHERE environment = {environment:String} AND model = {model:String}
     GROUP BY version ORDER BY lastMs DESC, version LIMIT 100`,
    key,
  );
}
