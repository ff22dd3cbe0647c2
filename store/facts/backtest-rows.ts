import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { SeriesState } from "../../core/finding.ts";
import type { Task } from "../../core/model.ts";
import { dayMs, type Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import { insertSettings } from "./client.ts";
import {
  numberSql,
  readSettings,
  textSql,
  timeSql,
  unreadableNumberSql,
  type Categories,
  type ComparisonSource,
  type SourceColumn,
} from "./file-comparison-source.ts";
import { labelledRows } from "./performance.ts";
import { neverExpires, scopeCondition, scopeParams, sqlText, windowStartExpression } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";

/** A file's column and how its values are told apart. */
export interface BacktestColumn {
  readonly column: SourceColumn;
  readonly categories: Categories;
}

/** What a row's event time is made of. */
export type BacktestTime =
  /** The column's own, moved by so many ms. */
  | { readonly kind: "time"; readonly column: SourceColumn; readonly shiftMs: number }
  /** So many consecutive rows make one day, beginning with this one; in the file's order, or that of a column. */
  | {
      readonly kind: "rows";
      readonly rowsPerDay: number;
      readonly firstDayMs: number;
      readonly orderedBy: SourceColumn | null;
    };

export interface BacktestLayout {
  readonly environment: string;
  readonly time: BacktestTime;
  readonly schema: FeatureSchema;
  readonly task: Task;
  /** In the schema's order; null where the file has no such column. */
  readonly features: readonly (BacktestColumn | null)[];
  readonly prediction: BacktestColumn | null;
  readonly score: SourceColumn | null;
  readonly label: BacktestColumn | null;
  /** Outcomes are written as yes and no in one way or another: they become `1` and `0`. */
  readonly yesNo: boolean;
  /** Where results with their labels are stored once more, as the service has them; null: nowhere. */
  readonly labelled: LabelledResults | null;
}

/** Results and labels as events and labels of an environment that holds nothing else. */
export interface LabelledResults {
  readonly environment: string;
  /** Before row numbers, so that rows of two files are told apart. */
  readonly idPrefix: string;
  /** From such a score on a row without a decided class counts as positive; null: it counts as undecided. */
  readonly decisionThreshold: number | null;
}

/** One stream, in the file's order: row numbers are then the same in each statement. */
const orderedSettings = {
  ...readSettings,
  max_threads: 1,
  max_insert_threads: 1,
  input_format_parallel_parsing: 0,
  input_format_parquet_preserve_order: 1,
  query_plan_remove_redundant_sorting: 0,
  max_partitions_per_insert_block: 0,
  throw_on_max_partitions_per_insert_block: 0,
};

const yesAndNo = {
  from: ["true", "t", "yes", "y", "1", "1.0", "false", "f", "no", "n", "0", "0.0"],
  to: ["1", "1", "1", "1", "1", "1", "0", "0", "0", "0", "0", "0"],
} as const;

/** Whether values, as they are written, are all ways to say yes or no. */
export function areYesNo(values: readonly string[]): boolean {
  const known: readonly string[] = yesAndNo.from;
  return values.length > 0 && values.every((value) => known.includes(value.toLowerCase()));
}

/** The class `value` stands for. */
export function outcomeText(value: string, yesNo: boolean): string {
  const at = (yesAndNo.from as readonly string[]).indexOf(value.toLowerCase());
  return yesNo && at >= 0 ? yesAndNo.to[at]! : value;
}

/** A table of what was predicted and what came of it, beside the events. */
export async function createOutcomes(facts: Facts): Promise<void> {
  await facts.command(
    `CREATE TABLE backtest_outcomes (environment LowCardinality(String), event_time DateTime64(3, 'UTC'),
      score Nullable(Float64), decided LowCardinality(Nullable(String)), label LowCardinality(Nullable(String)),
      estimate Nullable(Float64), outcome Nullable(Float64)) ENGINE = MergeTree ORDER BY (environment, event_time)`,
  );
}

/**
 * Stores a file's rows as events, and their outcomes beside them. Rows without a time, where it is asked for, are left out.
 *
 * @throws LeewayError `store_rejected` if the file cannot be read.
 */
export async function insertBacktestRows(
  facts: Facts,
  source: ComparisonSource,
  layout: BacktestLayout,
): Promise<void> {
  const { schema, task, prediction, score, label } = layout;
  const value = (type: string, found: BacktestColumn | null) => {
    if (found === null) return "NULL";
    return type === "numeric"
      ? numberSql(source, found.column)
      : textSql(source, found.column, type === "boolean" ? "boolean" : found.categories);
  };
  const num: string[] = [];
  const cat: string[] = [];
  for (const [index, field] of schema.fields.entries()) {
    (field.type === "numeric" ? num : cat).push(value(field.type, layout.features[index] ?? null));
  }
  const isEstimate = task.kind === "regression";
  const decided = prediction === null || isEstimate ? "NULL" : outcomeSql(source, prediction, layout.yesNo);
  const estimate = prediction === null || !isEstimate ? "NULL" : numberSql(source, prediction.column);
  const scoreSql = score === null ? "NULL" : numberSql(source, score);
  const scored = task.kind === "binary" ? sqlText(task.positive) : "'score'";
  const scores =
    score === null ? "map()" : `if(isFinite(${scoreSql}), map(${scored}, assumeNotNull(${scoreSql})), map())`;
  const rows = orderedRows(source, layout.time);
  await facts.command(
    `INSERT INTO events (environment, model, version, arm, event_time, event_id, schema_id, num, cat,
      prediction_num, prediction_class, scores, entity_key, trace_id, latency_ms, weight, cohorts, attributions, extra,
      topic, partition, offset, ingest_time, expires_on)
    SELECT ${sqlText(layout.environment)}, ${sqlText(schema.model)}, '', '', ${rows.eventTime}, toString(leeway_row), ${sqlText(schema.schemaId)},
      CAST([${num.join(", ")}], 'Array(Nullable(Float64))'), CAST([${cat.join(", ")}], 'Array(LowCardinality(Nullable(String)))'),
      ${estimate}, ${decided}, CAST(${scores}, 'Map(String, Float64)'), '', '', NULL, 1, map(), map(), map(),
      '', 0, leeway_row, ${rows.eventTime}, toDate('${neverExpires}')
    FROM ${rows.from}`,
    {},
    { ...orderedSettings, ...insertSettings(null) },
  );
  if (prediction === null && score === null && label === null) return;
  await facts.command(
    `INSERT INTO backtest_outcomes SELECT ${sqlText(layout.environment)}, ${rows.eventTime}, ${scoreSql}, ${decided},
      ${label === null || isEstimate ? "NULL" : outcomeSql(source, label, layout.yesNo)}, ${estimate},
      ${label === null || !isEstimate ? "NULL" : numberSql(source, label.column)}
    FROM ${rows.from}`,
    {},
    { ...orderedSettings, ...insertSettings(null) },
  );
  if (layout.labelled === null) return;
  const { environment, idPrefix, decisionThreshold } = layout.labelled;
  const eventId = `concat(${sqlText(idPrefix)}, toString(leeway_row))`;
  const byScore =
    task.kind !== "binary" || decisionThreshold === null
      ? "NULL"
      : `multiIf(NOT ifNull(isFinite(${scoreSql}), 0), NULL, ${scoreSql} >= ${decisionThreshold}, ${sqlText(task.positive)}, ${sqlText(`not ${task.positive}`)})`;
  await facts.command(
    `INSERT INTO events (environment, model, version, event_time, event_id, schema_id, prediction_num, prediction_class,
      scores, weight, offset, ingest_time, expires_on)
    SELECT ${sqlText(environment)}, ${sqlText(schema.model)}, '', ${rows.eventTime}, ${eventId}, ${sqlText(schema.schemaId)},
      ${estimate}, ${prediction === null ? byScore : decided}, CAST(${scores}, 'Map(String, Float64)'), 1, leeway_row,
      ${rows.eventTime}, toDate('${neverExpires}')
    FROM ${rows.from}`,
    {},
    { ...orderedSettings, ...insertSettings(null) },
  );
  if (label === null) return;
  const known = isEstimate ? numberSql(source, label.column) : outcomeSql(source, label, layout.yesNo);
  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, ${isEstimate ? "label_num" : "label_class"}, offset,
      ingest_time, expires_on)
    SELECT ${sqlText(environment)}, ${sqlText(schema.model)}, ${rows.eventTime}, ${eventId}, ${known} AS leeway_label,
      leeway_row, ${rows.eventTime}, toDate('${neverExpires}')
    FROM ${rows.from} WHERE isNotNull(leeway_label)`,
    {},
    { ...orderedSettings, ...insertSettings(null) },
  );
}

/** The outcomes of stored events, with the labels that belong to them. */
export async function copyOutcomes(
  facts: Facts,
  scope: RowScope,
  task: Exclude<Task, { readonly kind: "unknown" }>,
  environment: string,
): Promise<void> {
  const { sql, params } = await labelledRows(facts, scope, task);
  const isEstimate = task.kind === "regression";
  await facts.command(
    `INSERT INTO backtest_outcomes SELECT {outcomesOf:String}, event_time, ${isEstimate ? "NULL" : "score"},
      ${isEstimate ? "NULL" : "class"}, ${isEstimate ? "NULL" : "if(has_label, label, NULL)"},
      ${isEstimate ? "score" : "NULL"}, ${isEstimate ? "if(has_label, label_number, NULL)" : "NULL"}
    FROM (${sql})`,
    { ...params, outcomesOf: environment },
    { ...insertSettings(null), join_use_nulls: 0 },
  );
}

/** Outcomes side by side; NaN, and the empty text, where a row has none. A column that no row has is empty. */
export interface WindowOutcomes {
  readonly score: Float64Array;
  readonly decided: readonly string[];
  readonly label: readonly string[];
  readonly estimate: Float64Array;
  readonly outcome: Float64Array;
}

export async function readOutcomes(facts: Facts, scope: Omit<RowScope, "model">): Promise<WindowOutcomes> {
  // groupArray leaves out nulls, but not tuples that hold one. A column without a value comes as nothing.
  const all = (name: string) => `if(count(${name}) = 0, [], groupArray(tuple(${name})).1) AS all_${name}`;
  type Values = readonly (number | string | null)[];
  const [row] = await facts.query<Record<`all_${keyof WindowOutcomes}`, Values>>(
    `SELECT ${(["score", "decided", "label", "estimate", "outcome"] as const).map(all).join(", ")}
    FROM backtest_outcomes WHERE environment = {environment:String}
      AND event_time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')`,
    { ...scope },
    { settings: { output_format_json_quote_denormals: 0 } },
  );
  const numbers = (values: Values = []) =>
    Float64Array.from(values, (value) => (typeof value === "number" ? value : Number.NaN));
  const texts = (values: Values = []) => values.map((value) => (value === null ? "" : String(value)));
  return {
    score: numbers(row?.all_score),
    decided: texts(row?.all_decided),
    label: texts(row?.all_label),
    estimate: numbers(row?.all_estimate),
    outcome: numbers(row?.all_outcome),
  };
}

/** The first and last time of each group of so many rows, in a column's order. */
export async function readRowTimes(
  facts: Facts,
  source: ComparisonSource,
  column: SourceColumn,
  rowsPerWindow: number,
): Promise<{ readonly fromMs: number; readonly toMs: number }[]> {
  return facts.query<{ fromMs: number; toMs: number }>(
    `SELECT min(leeway_time) AS fromMs, max(leeway_time) AS toMs FROM (
      SELECT leeway_time, rowNumberInAllBlocks() AS leeway_row FROM (
        SELECT ${timeMsSql(column)} AS leeway_time FROM ${source.from} WHERE isNotNull(leeway_time) ORDER BY leeway_time))
    GROUP BY intDiv(leeway_row, ${rowsPerWindow}) AS part ORDER BY part`,
    {},
    { settings: { ...orderedSettings } },
  );
}

export interface TimeSpan {
  readonly rows: number;
  /** Rows whose time can be read, and the span of those. */
  readonly timed: number;
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

export async function readTimeSpan(facts: Facts, source: ComparisonSource, column: SourceColumn): Promise<TimeSpan> {
  const [row] = await facts.query<TimeSpan>(
    `SELECT count() AS rows, countIf(isNotNull(leeway_time)) AS timed,
      minOrNullIf(leeway_time, isNotNull(leeway_time)) AS fromMs, maxOrNullIf(leeway_time, isNotNull(leeway_time)) AS toMs
    FROM (SELECT ${timeMsSql(column)} AS leeway_time FROM ${source.from})`,
    {},
    { settings: readSettings },
  );
  return row ?? { rows: 0, timed: 0, fromMs: null, toMs: null };
}

export interface ColumnContents {
  readonly rows: number;
  readonly present: number;
  readonly distinct: number;
  /** Whole numbers that only ever rise from row to row, by about one: a row number. */
  readonly countsRows: boolean;
}

const columnsPerStatement = 20;

/** How many values columns have, and how many different ones. */
export async function readColumnContents(
  facts: Facts,
  source: ComparisonSource,
  columns: readonly SourceColumn[],
): Promise<ReadonlyMap<string, ColumnContents>> {
  const contents = new Map<string, ColumnContents>();
  for (let start = 0; start < columns.length; start += columnsPerStatement) {
    const chunk = columns.slice(start, start + columnsPerStatement);
    const parts = chunk.map((column) => {
      const text = textSql(source, column);
      const number = `ifNull(${column.kind === "number" ? numberSql(source, column) : "NULL"}, nan)`;
      const spread = `max(${number}) - min(${number})`;
      return `(toUInt64(countIf(isNotNull(${text}))), toUInt64(uniqCombined(17)(${text})),
        ${column.kind === "number" ? `countIf(${number} != round(${number})) = 0 AND ${spread} + 1 >= count() AND ${spread} <= 2 * count()` : "0"})`;
    });
    const [row] = await facts.query<{ rows: number; parts: readonly (readonly [number, number, number])[] }>(
      `SELECT count() AS rows, [${parts.join(", ")}] AS parts FROM ${source.from}`,
      {},
      { settings: readSettings },
    );
    for (const [index, { name }] of chunk.entries()) {
      const [present, distinct, counts] = row!.parts[index]!;
      contents.set(name, {
        rows: row!.rows,
        present,
        distinct,
        countsRows: Boolean(counts) && distinct >= 0.97 * present,
      });
    }
  }
  return contents;
}

/** Values of a column that are there, and those of them that cannot be read as numbers. */
export async function countUnreadableNumbers(
  facts: Facts,
  source: ComparisonSource,
  column: SourceColumn,
): Promise<{ readonly present: number; readonly unreadable: number }> {
  const [row] = await facts.query<{ present: number; unreadable: number }>(
    `SELECT countIf(isNotNull(${textSql(source, column, "text")})) AS present,
      countIf(${unreadableNumberSql(source, column)}) AS unreadable FROM ${source.from}`,
    {},
    { settings: readSettings },
  );
  return row ?? { present: 0, unreadable: 0 };
}

/** The different values of a column of outcomes, at most so many; and how many numbers lie outside of 0…1. */
export async function readOutcomeValues(
  facts: Facts,
  source: ComparisonSource,
  { column, categories }: BacktestColumn,
  limit: number,
): Promise<{ readonly values: readonly string[]; readonly numeric: boolean; readonly outsideUnit: number }> {
  const [row] = await facts.query<{ distinct: readonly string[]; texts: number; outside: number }>(
    `SELECT arraySort(groupUniqArrayIf(${limit})(assumeNotNull(leeway_text), isNotNull(leeway_text))) AS distinct,
      countIf(isNotNull(leeway_text) AND isNull(leeway_number)) AS texts,
      countIf(leeway_number < 0 OR leeway_number > 1) AS outside
    FROM (SELECT ${textSql(source, column, categories)} AS leeway_text,
      toNullable(${numberSql(source, column)}) AS leeway_number FROM ${source.from})`,
    {},
    { settings: readSettings },
  );
  return { values: row?.distinct ?? [], numeric: (row?.texts ?? 0) === 0, outsideUnit: row?.outside ?? 0 };
}

function outcomeSql(source: ComparisonSource, { column, categories }: BacktestColumn, yesNo: boolean): string {
  const text = textSql(source, column, categories);
  if (!yesNo) return text;
  const list = (values: readonly string[]) => `[${values.map(sqlText).join(", ")}]`;
  return `transform(lower(${text}), ${list(yesAndNo.from)}, ${list(yesAndNo.to)}, ${text})`;
}

/** Nullable(Int64) milliseconds since 1970. */
function timeMsSql(column: SourceColumn): string {
  return `toInt64(floor(toNullable(${timeSql(column)})))`;
}

function orderedRows(
  source: ComparisonSource,
  time: BacktestTime,
): { readonly from: string; readonly eventTime: string } {
  const numbered = `(SELECT *, toInt64(rowNumberInAllBlocks()) AS leeway_row FROM ${source.from})`;
  if (time.kind === "time") {
    const t = timeMsSql(time.column);
    return {
      from: `(SELECT * FROM ${numbered} WHERE isNotNull(${t}))`,
      eventTime: `fromUnixTimestamp64Milli(assumeNotNull(${t}) + ${time.shiftMs}, 'UTC')`,
    };
  }
  const { rowsPerDay: n, firstDayMs, orderedBy } = time;
  const t = orderedBy === null ? null : timeMsSql(orderedBy);
  return {
    from:
      t === null
        ? numbered
        : `(SELECT * EXCEPT leeway_file_row, toInt64(rowNumberInAllBlocks()) AS leeway_row FROM (
          SELECT * FROM (SELECT *, rowNumberInAllBlocks() AS leeway_file_row FROM ${source.from}) WHERE isNotNull(${t}) ORDER BY ${t}, leeway_file_row))`,
    eventTime: `fromUnixTimestamp64Milli(${firstDayMs} + intDiv(leeway_row, ${n}) * ${dayMs} + intDiv((leeway_row % ${n}) * ${dayMs}, ${n}), 'UTC')`,
  };
}

/** The states of the series of each decided window, by the window's start. */
export async function readSeriesStates(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly baselineId: string },
): Promise<ReadonlyMap<number, ReadonlySet<SeriesState>>> {
  const rows = await facts.query<{ start_ms: number; states: readonly SeriesState[] }>(
    `SELECT toUnixTimestamp64Milli(window_start) AS start_ms, groupUniqArray(toString(state)) AS states FROM evaluations
    WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
      AND signal IN ('distribution', 'missing', 'unseen', 'silence') AND slice = ''
    GROUP BY window_start`,
    { ...key },
  );
  return new Map(rows.map((row) => [row.start_ms, new Set(row.states)]));
}

export interface RowsSpan {
  readonly rows: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** The rows of each window that has some, by the window's start. */
export async function readWindowSpans(
  facts: Facts,
  key: { readonly environment: string; readonly model: string },
  windows: readonly Window[],
): Promise<ReadonlyMap<number, RowsSpan>> {
  const [first, last] = [windows[0], windows.at(-1)];
  if (first === undefined || last === undefined) return new Map();
  const rows = await facts.query<RowsSpan & { start: number }>(
    `SELECT ${windowStartExpression(windows)} AS start, count() AS rows, toUnixTimestamp64Milli(min(event_time)) AS firstMs,
      toUnixTimestamp64Milli(max(event_time)) AS lastMs
    FROM events WHERE ${scopeCondition} GROUP BY start`,
    scopeParams({ ...key, fromMs: first.startMs, toMs: last.endMs }),
  );
  return new Map(rows.map(({ start, ...span }) => [start, span]));
}
