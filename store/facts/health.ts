import type { Series, SeriesRole } from "../../core/baseline.ts";
import type { Facts } from "./client.ts";

/** Who answers, and what time it is there. */
export async function storeClock(facts: Facts): Promise<{ readonly version: string; readonly nowMs: number }> {
  const [row] = await facts.query<{ version: string; now_ms: number }>(
    "SELECT version() AS version, toUnixTimestamp64Milli(now64(3)) AS now_ms",
  );
  return { version: row?.version ?? "", nowMs: row?.now_ms ?? Number.NaN };
}

/** How each table is stored, as ClickHouse writes it: engine, partitions, order, TTL and settings. */
export async function tableEngines(facts: Facts): Promise<ReadonlyMap<string, string>> {
  const rows = await facts.query<{ name: string; engine_full: string }>(
    "SELECT name, engine_full FROM system.tables WHERE database = {database:String}",
    { database: facts.database },
  );
  return new Map(rows.map((row) => [row.name, row.engine_full]));
}

export interface StoreDisk {
  readonly name: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export async function storeDisks(facts: Facts): Promise<readonly StoreDisk[]> {
  const rows = await facts.query<{ name: string; free_space: number; total_space: number }>(
    "SELECT name, free_space, total_space FROM system.disks WHERE NOT is_remote",
  );
  return rows.map((row) => ({ name: row.name, freeBytes: row.free_space, totalBytes: row.total_space }));
}

/** Inserts into a table since a time. The rows of one insert share topic, partition and ingest time. */
export async function insertsSince(facts: Facts, table: "events" | "labels", sinceMs: number): Promise<number> {
  const [row] = await facts.query<{ inserts: number }>(
    `SELECT uniqExact(topic, partition, ingest_time) AS inserts FROM ${table}
     WHERE ingest_time >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')`,
    { sinceMs },
  );
  return row?.inserts ?? 0;
}

/** Rows that should have been deleted more than a week ago. */
export async function overdueRows(facts: Facts, table: "events" | "labels"): Promise<number> {
  const [row] = await facts.query<{ overdue: number }>(
    `SELECT count() AS overdue FROM ${table} WHERE expires_on < toDate(now('UTC')) - 7`,
  );
  return row?.overdue ?? 0;
}

export interface BaselineAge {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  readonly rows: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly windowMs: number;
}

/** The baseline that decided the newest window of each model and environment. */
export async function baselinesInUse(facts: Facts): Promise<readonly BaselineAge[]> {
  return facts.query(
    `SELECT toString(environment) AS environment, toString(model) AS model, baseline_id AS baselineId, rows,
       toUnixTimestamp64Milli(from_time) AS fromMs, toUnixTimestamp64Milli(to_time) AS toMs, window_ms AS windowMs
     FROM baselines
     WHERE (baselines.environment, baselines.model, baseline_id) IN (
       SELECT environment, model, argMax(baseline_id, (window_start, evaluated_at)) FROM decision_states
       GROUP BY environment, model)
     ORDER BY created_at DESC LIMIT 1 BY environment, model`,
  );
}

export interface SeriesStates {
  readonly environment: string;
  readonly model: string;
  readonly series: Series;
  readonly signal: string;
  readonly windows: number;
  /** Every state that it had. */
  readonly states: readonly string[];
  readonly reference_rows: number;
}

/** The states of every series over the last `windows` windows of its model. */
export async function seriesStates(facts: Facts, windows: number): Promise<readonly SeriesStates[]> {
  const rows = await facts.query<{
    environment: string;
    model: string;
    role: SeriesRole;
    feature: string;
    version: string;
    slice: string;
    signal: string;
    windows: number;
    states: readonly string[];
    reference_rows: number;
  }>(
    `SELECT toString(environment) AS environment, toString(model) AS model, toString(role) AS role,
       toString(feature) AS feature, toString(version) AS version, slice, toString(signal) AS signal,
       uniqExact(window_start) AS windows, groupUniqArray(toString(state)) AS states,
       max(evaluations.reference_rows) AS reference_rows
     FROM evaluations
     WHERE signal != 'performance' AND (evaluations.environment, evaluations.model, window_start) IN (
       SELECT environment, model, window_start FROM decision_states
       GROUP BY environment, model, window_start
       ORDER BY window_start DESC LIMIT {windows:UInt32} BY environment, model)
     GROUP BY environment, model, role, feature, version, slice, signal`,
    { windows },
  );
  return rows.map(({ role, feature, version, slice, ...row }) => ({
    ...row,
    series: { role, feature, version, slice },
  }));
}

/** How many findings each series opened whose windows end after `sinceMs`, most first. */
export async function findingsOpenedSince(
  facts: Facts,
  sinceMs: number,
): Promise<
  readonly { readonly model: string; readonly feature: string; readonly signal: string; readonly findings: number }[]
> {
  return facts.query(
    `SELECT toString(model) AS model, JSONExtractString(finding, 'series', 'feature') AS feature,
       JSONExtractString(finding, 'signal') AS signal, uniqExact(finding_id) AS findings
     FROM finding_history WHERE window_end > fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
     GROUP BY model, feature, signal ORDER BY findings DESC, model, feature`,
    { sinceMs },
  );
}

/** Topics of Kafka that stored events of each model came from, with the newest of them. */
export async function eventTopics(facts: Facts): Promise<
  readonly {
    readonly model: string;
    readonly topic: string;
    readonly partition: number;
    readonly lastEventMs: number;
  }[]
> {
  return facts.query(
    `SELECT toString(model) AS model, toString(topic) AS topic, partition,
       toUnixTimestamp64Milli(max(event_time)) AS lastEventMs
     FROM events WHERE topic != '' AND NOT startsWith(topic, '/') AND NOT startsWith(environment, 'baseline-')
     GROUP BY model, topic, partition`,
  );
}
