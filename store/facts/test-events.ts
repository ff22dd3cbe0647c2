import type { Facts } from "./client.ts";
import { neverExpires, sqlText } from "./row-scope.ts";

/** Rows computed by the engine: each part is SQL over `i`, the row's number from 0. */
export interface GeneratedEvents {
  readonly model: string;
  readonly environment?: string;
  readonly schemaId: string;
  readonly fromMs: number;
  /** Between one event and the next. */
  readonly stepMs: number;
  readonly count: number;
  readonly num?: readonly string[];
  readonly cat?: readonly string[];
  readonly version?: string;
  readonly score?: string;
  readonly positive?: string;
  readonly predictionClass?: string;
  readonly weight?: string;
  readonly cohorts?: Readonly<Record<string, string>>;
  readonly eventId?: string;
  readonly entityKey?: string;
  /** Only rows for which this holds are stored. */
  readonly where?: string;
  readonly topic?: string;
  readonly partition?: string;
  readonly ingestTimeMs?: number;
}

/** For tests: stores events without a collector. */
export async function generateEvents(facts: Facts, events: GeneratedEvents): Promise<void> {
  const cohorts = Object.entries(events.cohorts ?? {}).map(([name, sql]) => `${sqlText(name)}, toString(${sql})`);
  await facts.command(
    `INSERT INTO events (environment, model, version, event_time, event_id, schema_id, num, cat, prediction_class, scores, entity_key,
       weight, cohorts, topic, partition, offset, ingest_time, expires_on)
     SELECT ${sqlText(events.environment ?? "production")}, ${sqlText(events.model)}, ${events.version ?? "'v1'"},
       fromUnixTimestamp64Milli(toInt64(${events.fromMs}) + i * ${events.stepMs}, 'UTC'), ${events.eventId ?? "toString(i)"}, ${sqlText(events.schemaId)},
       CAST([${(events.num ?? []).join(", ")}], 'Array(Nullable(Float64))'),
       CAST([${(events.cat ?? []).join(", ")}], 'Array(LowCardinality(Nullable(String)))'),
       ${events.predictionClass ?? "NULL"}, ${events.score === undefined ? "map()" : `map(${sqlText(events.positive ?? "yes")}, toFloat64(${events.score}))`},
       ${events.entityKey ?? "''"}, ${events.weight ?? "1"}, ${cohorts.length === 0 ? "map()" : `map(${cohorts.join(", ")})`},
       ${sqlText(events.topic ?? "")}, ${events.partition ?? "0"}, i,
       fromUnixTimestamp64Milli(toInt64(${events.ingestTimeMs ?? events.fromMs}), 'UTC'), '${neverExpires}'
     FROM (SELECT toInt64(number) AS i FROM numbers(${events.count})) WHERE ${events.where ?? "true"}`,
    {},
    { async_insert: 0, insert_deduplicate: 0, max_partitions_per_insert_block: 0 },
  );
}

/** Normally distributed and reproducible: Box–Muller over two hashes of the row's number. */
export function normalSql(seed: number): string {
  const uniform = (salt: number) => `((sipHash64(i, ${seed}, ${salt}) % 1000003 + 0.5) / 1000003)`;
  return `(sqrt(-2 * log(${uniform(1)})) * cos(2 * pi() * ${uniform(2)}))`;
}

/** Uniform in [0, 1) and reproducible. */
export function uniformSql(seed: number): string {
  return `(sipHash64(i, ${seed}, 3) % 1000003 / 1000003)`;
}
