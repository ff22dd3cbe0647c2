import { insertSettings, type Facts } from "./client.ts";
import {
  identifier,
  numberSql,
  readSettings,
  textSql,
  unreadableNumberSql,
  type ComparisonSource,
  type FileAddress,
  type SourceColumn,
} from "./file-comparison-source.ts";
import { sqlText } from "./row-scope.ts";

/** How a column's values are written into a message. */
export interface MessageColumn {
  readonly column: SourceColumn;
  readonly as: "number" | "text" | "boolean";
}

/** Where the parts of an event (or label) come from. Null: the file does not say. */
export interface MessageLayout {
  readonly kind: "events" | "labels";
  readonly model: string;
  readonly environment: string;
  readonly time: MessageTime;
  readonly id: SourceColumn | null;
  /** Without an id column an event's id is this and the number of its row. Labels get none. */
  readonly idPrefix: string;
  readonly entityKey: SourceColumn | null;
  readonly version: SourceColumn | null;
  readonly arm: SourceColumn | null;
  readonly prediction: MessageColumn | null;
  readonly score: { readonly column: SourceColumn; readonly className: string } | null;
  readonly latencyMs: SourceColumn | null;
  readonly weight: SourceColumn | null;
  readonly features: readonly (MessageColumn & { readonly name: string })[];
  readonly cohorts: readonly SourceColumn[];
  readonly extra: readonly SourceColumn[];
  /** The known outcome: of a file of labels, or beside the events. */
  readonly label: MessageColumn | null;
  /** Of a file of labels: the name of the outcome, which is a number then; a row without one has the truth. */
  readonly labelName: SourceColumn | null;
  /** Of labels beside events; null: the event's own time. */
  readonly labelTime: MessageTime | null;
}

export type MessageTime =
  | { readonly kind: "fixed"; readonly timeMs: number }
  /** Text, or a time of the file's own type. @param zone For text that names none. */
  | { readonly kind: "time"; readonly column: SourceColumn; readonly zone: string }
  /** A number since 1970. */
  | { readonly kind: "number"; readonly column: SourceColumn; readonly unitMs: number };

/** One message, in the words of docs/events.md; `label` is empty if the row has none. */
export interface FileMessage {
  /** Counted from 0, in the file's order. */
  readonly row: number;
  /** `noTimeMs` if the row has no time that can be read. */
  readonly timeMs: number;
  readonly message: string;
  readonly label: string;
}

/** Before every time: rows without one come first. */
export const noTimeMs = -1e18;

export interface FileMessages {
  readonly table: string;
  readonly rows: number;
  /** One more than the largest number of a row. */
  readonly rowNumbers: number;
  /** Of all messages. */
  readonly bytes: number;
  readonly labels: number;
  /** Over the rows that have a time; null if none has. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

const tableSql = (table: string) =>
  `CREATE TABLE ${table} (time_ms Int64, row UInt64, message String, label String) ENGINE = MergeTree ORDER BY (time_ms, row)`;

/** One stream, in the file's order: row numbers are then the same each time. */
const orderedSettings = {
  ...readSettings,
  ...insertSettings(null),
  max_threads: 1,
  max_insert_threads: 1,
  input_format_parallel_parsing: 0,
  input_format_parquet_preserve_order: 1,
  min_insert_block_size_rows: 100_000,
  min_insert_block_size_bytes: 64 * 1024 * 1024,
  max_insert_block_size: 100_000,
};

/**
 * Makes a table with the message of every row of a file, to be read in the order of time.
 *
 * @param firstRows Null: all of them.
 */
export async function writeEventMessages(
  facts: Facts,
  source: ComparisonSource,
  layout: MessageLayout,
  table: string,
  firstRows: number | null,
): Promise<FileMessages> {
  const id =
    layout.id !== null
      ? jsonText(source, layout.id)
      : layout.kind === "events"
        ? `concat('"', ${sqlText(layout.idPrefix)}, toString(row), '"')`
        : "'null'";
  const time = timeOf(source, layout.time);
  const names = [`"model":${JSON.stringify(layout.model)}`, `"environment":${JSON.stringify(layout.environment)}`];
  const keys: Part[] = [`{${names.join(",")},"event_id":`, { sql: id }];
  if (layout.entityKey !== null) keys.push(`,"entity_key":`, { sql: jsonText(source, layout.entityKey) });
  const labelParts = (labelTime: { readonly json: string }): Part[] =>
    layout.label === null
      ? []
      : [
          ...keys,
          ...(layout.labelName === null ? [] : [`,"name":`, { sql: jsonText(source, layout.labelName) }]),
          `,"label":`,
          { sql: labelSql(source, layout.label, layout.labelName) },
          `,"label_time":`,
          { sql: labelTime.json },
          "}",
        ];

  let message: string;
  let label = "''";
  if (layout.kind === "labels") message = joined(labelParts(time));
  else {
    const parts: Part[] = [...keys, `,"event_time":`, { sql: time.json }];
    if (layout.version !== null) parts.push(`,"version":`, { sql: jsonText(source, layout.version) });
    if (layout.arm !== null) parts.push(`,"arm":`, { sql: jsonText(source, layout.arm) });
    if (layout.prediction !== null) parts.push(`,"prediction":`, { sql: jsonValue(source, layout.prediction) });
    if (layout.score !== null) {
      const value = jsonNumber(source, layout.score.column);
      const object = joined([`{${JSON.stringify(layout.score.className)}:`, { sql: value }, "}"]);
      parts.push(`,"scores":`, { sql: `if(${value} = 'null', 'null', ${object})` });
    }
    if (layout.latencyMs !== null) parts.push(`,"latency_ms":`, { sql: jsonNumber(source, layout.latencyMs) });
    if (layout.weight !== null) parts.push(`,"weight":`, { sql: jsonNumber(source, layout.weight) });
    const members = (values: readonly { readonly name: string; readonly sql: string }[]): Part[] =>
      values.flatMap(({ name, sql }, index): Part[] => [`${index === 0 ? "" : ","}${JSON.stringify(name)}:`, { sql }]);
    const objectOf = (field: string, values: readonly { readonly name: string; readonly sql: string }[]) => {
      if (values.length > 0) parts.push(`,"${field}":{`, ...members(values), "}");
    };
    objectOf(
      "features",
      layout.features.map((feature) => ({ name: feature.name, sql: jsonValue(source, feature) })),
    );
    const texts = (columns: readonly SourceColumn[]) =>
      columns.map((column) => ({ name: column.name, sql: jsonText(source, column) }));
    objectOf("cohorts", texts(layout.cohorts));
    objectOf("extra", texts(layout.extra));
    message = joined([...parts, "}"]);
    if (layout.label !== null) {
      const labelTime = layout.labelTime === null ? time : timeOf(source, layout.labelTime);
      label = `if(${jsonValue(source, layout.label)} = 'null', '', ${joined(labelParts(labelTime))})`;
    }
  }
  await facts.command(tableSql(table));
  await facts.command(
    `INSERT INTO ${table} SELECT ifNull(toInt64(${time.ms}), ${noTimeMs}), row, ${message}, ${label}
    FROM (SELECT *, rowNumberInAllBlocks() AS row FROM ${source.from} ${limitSql(firstRows)})`,
    {},
    orderedSettings,
  );
  return summary(facts, table);
}

/**
 * The same for a file whose lines are messages already: they are taken as they stand, broken ones too. Blank lines are no
 * rows, though they are counted in row numbers.
 */
export async function writeLineMessages(
  facts: Facts,
  file: Pick<FileAddress, "path">,
  kind: MessageLayout["kind"],
  table: string,
  firstRows: number | null,
): Promise<FileMessages> {
  const field = sqlText(kind === "events" ? "event_time" : "label_time");
  await facts.command(tableSql(table));
  await facts.command(
    `INSERT INTO ${table}
    SELECT ifNull(if(startsWith(raw, '"'),
        toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull(trimBoth(raw, '"'), 3, 'UTC')),
        toInt64OrNull(raw)), ${noTimeMs}), row, line, ''
    FROM (SELECT rowNumberInAllBlocks() AS row, line, JSONExtractRaw(line, ${field}) AS raw
      FROM file(${sqlText(file.path)}, LineAsString))
    WHERE notEmpty(trimBoth(line)) ${limitSql(firstRows)}`,
    {},
    orderedSettings,
  );
  return summary(facts, table);
}

function limitSql(rows: number | null): string {
  return rows === null ? "" : `LIMIT ${rows}`;
}

/** The first lines of a text file that are not blank. */
export async function firstLines(facts: Facts, file: Pick<FileAddress, "path">, count: number): Promise<string[]> {
  const rows = await facts.query<{ line: string }>(
    `SELECT line FROM file(${sqlText(file.path)}, LineAsString) WHERE notEmpty(trimBoth(line)) LIMIT ${count}`,
    {},
    { settings: { ...readSettings, max_threads: 1 } },
  );
  return rows.map(({ line }) => line);
}

async function summary(facts: Facts, table: string): Promise<FileMessages> {
  const [row] = await facts.query<Omit<FileMessages, "table">>(
    `SELECT count() AS rows, max(row) + 1 AS rowNumbers, sum(length(message)) AS bytes, countIf(notEmpty(label)) AS labels,
      minOrNullIf(time_ms, time_ms != ${noTimeMs}) AS fromMs, maxOrNullIf(time_ms, time_ms != ${noTimeMs}) AS toMs
    FROM ${table}`,
  );
  return { rows: 0, rowNumbers: 0, bytes: 0, labels: 0, fromMs: null, toMs: null, ...row, table };
}

/**
 * The messages after one (null: from the first), by time and then by row.
 *
 * @param beforeMs Only those of earlier times.
 */
export async function messagesAfter(
  facts: Facts,
  table: string,
  after: { readonly timeMs: number; readonly row: number } | null,
  limit: number,
  beforeMs: number | null = null,
): Promise<FileMessage[]> {
  const place = after === null ? "true" : "(time_ms, row) > ({timeMs:Int64}, {row:UInt64})";
  return facts.query<FileMessage>(
    `SELECT row, time_ms AS timeMs, message, label FROM ${table}
    WHERE ${place} AND ${beforeMs === null ? "true" : "time_ms < {beforeMs:Int64}"}
    ORDER BY time_ms, row LIMIT {limit:UInt64}`,
    { timeMs: after?.timeMs ?? 0, row: after?.row ?? 0, limit, beforeMs: beforeMs ?? 0 },
  );
}

/** What a column holds, as far as its meaning depends on it. */
export interface ColumnFacts {
  /** Values that are there. */
  readonly present: number;
  readonly distinct: number;
  /** Of those that are numbers. */
  readonly largest: number | null;
  /** Values that can be read as a time. */
  readonly times: number;
}

/** Looks at a column's first rows. @param rows How many. */
export async function lookAtColumn(
  facts: Facts,
  source: ComparisonSource,
  column: SourceColumn,
  rows: number,
): Promise<ColumnFacts> {
  const time = timeOf(source, { kind: "time", column, zone: "UTC" });
  const [row] = await facts.query<ColumnFacts>(
    `SELECT countIf(isNotNull(value)) AS present, uniqExact(value) AS distinct,
      maxOrNullIf(abs(ifNull(number, 0)), isFinite(ifNull(number, nan))) AS largest, countIf(isNotNull(time)) AS times
    FROM (SELECT ${textSql(source, column)} AS value, ${numberSql(source, column)} AS number, ${time.ms} AS time
      FROM ${source.from} LIMIT ${rows})`,
    {},
    { settings: readSettings },
  );
  return { present: 0, distinct: 0, largest: null, times: 0, ...row };
}

/** Text of a message, or an expression that gives it. */
type Part = string | { readonly sql: string };

/** Functions take that many arguments without complaint; more are joined in groups. */
const argumentsPerConcat = 200;

function joined(parts: readonly Part[]): string {
  const texts = merged(parts).map((part) => (typeof part === "string" ? sqlText(part) : part.sql));
  let level = texts;
  while (level.length > argumentsPerConcat) {
    const groups: string[] = [];
    for (let at = 0; at < level.length; at += argumentsPerConcat)
      groups.push(concat(level.slice(at, at + argumentsPerConcat)));
    level = groups;
  }
  return concat(level);
}

function concat(texts: readonly string[]): string {
  return texts.length === 1 ? texts[0]! : `concat(${texts.join(", ")})`;
}

/** Neighbouring texts as one. */
function merged(parts: readonly Part[]): Part[] {
  const result: Part[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (typeof part === "string" && typeof last === "string") result[result.length - 1] = last + part;
    else result.push(part);
  }
  return result;
}

/** A time as JSON, and as Nullable(Int64) milliseconds. What cannot be read stays as it was written, to be refused as such. */
function timeOf(source: ComparisonSource, time: MessageTime): { readonly ms: string; readonly json: string } {
  if (time.kind === "fixed") return { ms: `toNullable(toInt64(${time.timeMs}))`, json: `'${time.timeMs}'` };
  const ms =
    time.kind === "number"
      ? `toInt64(${numberSql(source, time.column)} * ${time.unitMs})`
      : timeMsSql(source, time.column, time.zone);
  const json = `if(isNull(${ms}), ${jsonText(source, { ...time.column, kind: "text" })}, toString(assumeNotNull(${ms})))`;
  return { ms, json };
}

function timeMsSql(source: ComparisonSource, column: SourceColumn, zone: string): string {
  const name = identifier(column.name);
  if (!/String/.test(column.type) && column.kind === "time") {
    return `toNullable(toUnixTimestamp64Milli(toDateTime64(${name}, 3, 'UTC')))`;
  }
  // A bare number is no time here, though the parser would find one in it.
  const text = textSql(source, column);
  const whole = `if(match(ifNull(${text}, ''), '[-/:]'), ${text}, NULL)`;
  return `toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull(${whole}, 3, ${sqlText(zone)}))`;
}

function jsonValue(source: ComparisonSource, { column, as }: MessageColumn): string {
  if (as === "number") return jsonNumber(source, column);
  if (as === "text") return jsonText(source, column);
  const text = textSql(source, column);
  const lower = `lower(ifNull(${text}, 'null'))`;
  return `if(${lower} IN ('true', 'false', 'null'), ${lower}, ${jsonText(source, column)})`;
}

/** A named outcome is a number, whatever the truth is. */
function labelSql(source: ComparisonSource, label: MessageColumn, name: SourceColumn | null): string {
  const truth = jsonValue(source, label);
  if (name === null || label.as === "number") return truth;
  return `if(empty(ifNull(${textSql(source, name)}, '')), ${truth}, ${jsonNumber(source, label.column)})`;
}

function jsonText(source: ComparisonSource, column: SourceColumn): string {
  return `ifNull(toJSONString(${textSql(source, column)}), 'null')`;
}

/** A text where a number belongs stays a text: the collector keeps it, or refuses it, as it would one from Kafka. */
function jsonNumber(source: ComparisonSource, column: SourceColumn): string {
  const exact = /^(?:LowCardinality\()?(?:Nullable\()?(?:U?Int|Decimal)/.test(column.type);
  if (exact) return `ifNull(toString(${identifier(column.name)}), 'null')`;
  const number = numberSql(source, column);
  const bad = unreadableNumberSql(source, column);
  const missing = bad === "0" ? "'null'" : `if(${bad}, ${jsonText(source, { ...column, kind: "text" })}, 'null')`;
  const nan = source.hasMissingMarkers ? "'null'" : `'"NaN"'`;
  return `multiIf(isNull(${number}), ${missing}, isFinite(assumeNotNull(${number})), toString(assumeNotNull(${number})), isNaN(assumeNotNull(${number})), ${nan}, assumeNotNull(${number}) > 0, '"Infinity"', '"-Infinity"')`;
}
