import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { Task } from "../../core/model.ts";
import type { Facts, InsertFileFormat } from "./client.ts";
import { neverExpires, sqlText } from "./row-scope.ts";

/** Where an event's parts lie in a baseline's file. All columns named here must exist. */
export interface BaselineFile {
  readonly path: string;
  readonly format: InsertFileFormat;
  /** Features, in the schema's order, lie in columns of their names. */
  readonly schema: FeatureSchema;
  readonly time: { readonly column: string; readonly type: "timestamp" | "date" | "milliseconds" | "text" } | null;
  readonly prediction: string | null;
  readonly score: string | null;
  /** What happened; rows without it have no label. */
  readonly label: string | null;
  readonly cohorts: readonly string[];
}

/** Rows of a file without times get one millisecond each from here on, so that their order stands for time. */
export const rowOrderEpochMs = Date.UTC(2000, 0, 1);

/**
 * Inserts the rows of a file as events of an environment of their own, so that a reference is asked by the same statements
 * as live rows; what happened, where the file says it, is stored as their labels. Row numbers are stored as offsets. The same file under the same environment is stored once.
 *
 * @throws LeewayError `store_rejected` if a value cannot be read as its column's type.
 */
export async function insertBaselineRows(
  facts: Facts,
  file: BaselineFile,
  target: { readonly environment: string; readonly task: Task; readonly ingestTimeMs: number },
): Promise<void> {
  const { schema, time, format } = file;
  const numeric = new Set(schema.fields.filter((field) => field.type === "numeric").map((field) => field.name));
  const columns = new Map<string, string>();
  for (const field of schema.fields) columns.set(field.name, numeric.has(field.name) ? number : text);
  for (const name of [file.prediction, file.label, ...file.cohorts])
    if (name !== null && !columns.has(name)) columns.set(name, text);
  if (file.score !== null) columns.set(file.score, number);
  if (time !== null) columns.set(time.column, timeTypes[time.type]);

  // In CSV an empty field is the only way to say that a value is missing.
  const asText = (name: string) => {
    const sql = columns.get(name) === text ? identifier(name) : `toString(${identifier(name)})`;
    return format === "CSVWithNames" ? `nullIf(${sql}, '')` : sql;
  };
  const asNumber = (name: string) =>
    columns.get(name) === number ? identifier(name) : `toFloat64OrNull(toString(${identifier(name)}))`;
  const num = schema.fields.filter((field) => field.type === "numeric").map((field) => asNumber(field.name));
  const cat = schema.fields
    .filter((field) => field.type !== "numeric")
    .map((field) => (field.type === "boolean" ? booleanText(asText(field.name)) : asText(field.name)));
  const { task } = target;
  const isEstimate = task.kind === "regression";
  const predictionNum = isEstimate && file.prediction !== null ? asNumber(file.prediction) : "NULL";
  const predictionClass = !isEstimate && file.prediction !== null ? asText(file.prediction) : "NULL";
  const scoredClass = task.kind === "binary" ? sqlText(task.positive) : `ifNull(${predictionClass}, '')`;
  const scores =
    file.score === null
      ? "map()"
      : `if(isNull(${identifier(file.score)}), map(), map(${scoredClass}, assumeNotNull(${identifier(file.score)})))`;
  const cohorts = file.cohorts.map((name) => `${sqlText(name)}, ifNull(${asText(name)}, '')`);
  const structure = [...columns].map(([name, type]) => `${identifier(name)} ${type}`).join(", ");
  const eventTime = time === null ? `${rowOrderEpochMs} + row_number` : timeSql(time);
  const statement = `INSERT INTO events (environment, model, version, arm, event_time, event_id, schema_id, num, cat,
  prediction_num, prediction_class, scores, entity_key, trace_id, latency_ms, weight, cohorts, attributions, extra,
  topic, partition, offset, ingest_time, expires_on)
SELECT ${sqlText(target.environment)}, ${sqlText(schema.model)}, '', '',
  ${time === null ? `fromUnixTimestamp64Milli(toInt64(${eventTime}), 'UTC')` : eventTime}, toString(row_number), ${sqlText(schema.schemaId)},
  CAST([${num.join(", ")}], 'Array(Nullable(Float64))'), CAST([${cat.join(", ")}], 'Array(LowCardinality(Nullable(String)))'),
  ${predictionNum}, ${predictionClass}, CAST(${scores}, 'Map(String, Float64)'), '', '', NULL, 1,
  CAST(${cohorts.length === 0 ? "map()" : `map(${cohorts.join(", ")})`}, 'Map(String, String)'), map(), map(),
  '', 0, row_number, fromUnixTimestamp64Milli(toInt64(${target.ingestTimeMs}), 'UTC'), toDate('${neverExpires}')
FROM (SELECT *, toInt64(rowNumberInAllBlocks()) AS row_number FROM input(${sqlText(structure)}))`;
  const source = {
    path: file.path,
    format,
    settings: {
      // One stream, in the file's order: row numbers and blocks are then the same each time.
      max_threads: 1,
      max_insert_threads: 1,
      input_format_parquet_preserve_order: 1,
      max_partitions_per_insert_block: 0,
    },
  };
  if (file.label !== null) {
    const label = isEstimate ? asNumber(file.label) : asText(file.label);
    const numbered = `(SELECT *, toInt64(rowNumberInAllBlocks()) AS row_number FROM input(${sqlText(structure)}))`;
    await facts.insertFile({
      ...source,
      statement: `INSERT INTO labels (environment, model, label_time, event_id, ${isEstimate ? "label_num" : "label_class"}, offset, ingest_time, expires_on)
SELECT ${sqlText(target.environment)}, ${sqlText(schema.model)},
  ${time === null ? `fromUnixTimestamp64Milli(toInt64(${eventTime}), 'UTC')` : eventTime}, toString(row_number), ${label},
  row_number, fromUnixTimestamp64Milli(toInt64(${target.ingestTimeMs}), 'UTC'), toDate('${neverExpires}')
FROM ${numbered} WHERE isNotNull(${label})`,
      token: `baseline-labels/${target.environment}`,
    });
  }
  await facts.insertFile({ ...source, statement, token: `baseline-rows/${target.environment}` });
}

/** Rows of the file that are stored, and of those how many different ones. */
export async function countBaselineRows(
  facts: Facts,
  key: { readonly environment: string; readonly model: string },
): Promise<{ readonly rows: number; readonly distinct: number; readonly expected: number }> {
  const [row] = await facts.query<{ row_count: number; different: number; expected: number }>(
    `SELECT count() AS row_count, uniqExact(offset) AS different, if(count() = 0, 0, max(offset) + 1) AS expected
     FROM events WHERE environment = {environment:String} AND model = {model:String}`,
    { ...key },
  );
  return { rows: row?.row_count ?? 0, distinct: row?.different ?? 0, expected: row?.expected ?? 0 };
}

const number = "Nullable(Float64)";
const text = "Nullable(String)";

const timeTypes = {
  timestamp: "DateTime64(3, 'UTC')",
  date: "Date32",
  milliseconds: "Int64",
  text: "String",
} as const;

function timeSql(time: NonNullable<BaselineFile["time"]>): string {
  const column = identifier(time.column);
  switch (time.type) {
    case "timestamp":
      return column;
    case "date":
      return `toDateTime64(${column}, 3, 'UTC')`;
    case "milliseconds":
      return `fromUnixTimestamp64Milli(${column}, 'UTC')`;
    case "text":
      // Text is milliseconds since 1970 or a time as people write it; without a zone it is UTC.
      // (A branch that is not taken may still be computed: it is given a time that can be read.)
      return `if(match(${column}, '^-?[0-9]{11,}$'), fromUnixTimestamp64Milli(toInt64OrZero(${column}), 'UTC'),
        parseDateTime64BestEffort(if(match(${column}, '^-?[0-9]{11,}$'), '2000-01-01', ${column}), 3, 'UTC'))`;
  }
}

/** Producers say booleans in many ways; events store them as `true` and `false`. */
function booleanText(sql: string): string {
  return `multiIf(isNull(${sql}), NULL, lower(${sql}) IN ('true', 't', 'yes', '1', '1.0'), 'true', lower(${sql}) IN ('false', 'f', 'no', '0', '0.0'), 'false', ${sql})`;
}

function identifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}
