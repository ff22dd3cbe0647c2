import { LeewayError } from "../../core/errors.ts";
import type { Facts, InsertFileFormat, Settings } from "./client.ts";
import { sqlText } from "./row-scope.ts";

/**
 * What a column's values are. `nothing`: no value at all, so any kind will do; `other`: lists, maps and the like, which are
 * no numbers, categories or times.
 */
export type StoredKind = "number" | "boolean" | "text" | "time" | "nothing" | "other";

export interface SourceColumn {
  readonly name: string;
  /** ClickHouse's type, as the file says it or as the first rows suggest. */
  readonly type: string;
  readonly kind: StoredKind;
}

/** A file on this machine, as the embedded engine sees it. */
export interface FileAddress {
  /** Absolute, without characters that file patterns give a meaning (`*?{}`). */
  readonly path: string;
  readonly format: InsertFileFormat;
  /** Between the columns of a CSV file. Where it is a semicolon, a comma in a number is its decimal point. */
  readonly delimiter: "," | ";" | "\t" | "|";
}

/** Rows that statements can read column by column: a Parquet file as it lies, or a table made from a text file. */
export interface ComparisonSource {
  /** What stands behind FROM. */
  readonly from: string;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, SourceColumn>;
  /** In a text file `NA` and the like stand for "no value". */
  readonly hasMissingMarkers: boolean;
  readonly hasDecimalCommas: boolean;
}

/** What text files write where there is no value, beside an empty field: pandas' list. */
export const missingMarkers = [
  "",
  "#N/A",
  "#NA",
  "-NaN",
  "-nan",
  "<NA>",
  "N/A",
  "NA",
  "NULL",
  "NaN",
  "None",
  "n/a",
  "nan",
  "null",
] as const;

/** Rows whose values suggest the types of a text file's columns. */
const rowsForTypes = 10_000;
/** What a column of text holds is seen in its first rows. */
const rowsForContents = 20_000;
const columnsPerStatement = 50;

/**
 * pread: pages of a mapped file count as this process' memory. A statement that groups very many categories goes on on
 * disk rather than in memory.
 */
export const readSettings: Settings = {
  storage_file_read_method: "pread",
  max_query_size: 64 * 1024 * 1024,
  max_ast_elements: 1_000_000,
  max_expanded_ast_elements: 1_000_000,
  max_bytes_before_external_group_by: 256 * 1024 * 1024,
  max_bytes_ratio_before_external_group_by: 0,
  // A whole number may be followed by a broken one.
  input_format_try_infer_integers: 0,
  input_format_max_rows_to_read_for_schema_inference: rowsForTypes,
  input_format_json_infer_incomplete_types_as_strings: 1,
  input_format_json_use_string_type_for_ambiguous_paths_in_named_tuples_inference_from_objects: 1,
  input_format_parquet_allow_missing_columns: 1,
  output_format_json_quote_denormals: 0,
};

/** @throws LeewayError `store_rejected` if the file is not what its name says. */
export async function describeFile(facts: Facts, file: FileAddress): Promise<SourceColumn[]> {
  try {
    const rows = await facts.query<{ name: string; type: string }>(
      `DESCRIBE TABLE file(${sqlText(file.path)}, ${file.format})`,
      {},
      { settings: settingsOf(file) },
    );
    return rows.map(({ name, type }) => ({ name, type, kind: kindOf(type) }));
  } catch (error) {
    const names = file.format === "CSVWithNames" ? await onlyLine(facts, file) : null;
    if (names === null) throw error;
    return names.map((name) => ({ name, type: "Nullable(String)", kind: "nothing" }));
  }
}

/** The fields of a CSV file that has one line: from names alone no types can be guessed. Null if it has more, or none. */
async function onlyLine(facts: Facts, file: FileAddress): Promise<string[] | null> {
  try {
    const lines = await facts.query<Record<string, unknown>>(
      `SELECT * FROM file(${sqlText(file.path)}, CSV) LIMIT 2`,
      {},
      {
        settings: {
          ...settingsOf(file),
          input_format_csv_detect_header: 0,
          input_format_csv_use_best_effort_in_schema_inference: 0,
        },
      },
    );
    return lines.length === 1 ? Object.values(lines[0]!).map(String) : null;
  } catch {
    return null;
  }
}

function settingsOf({ delimiter }: FileAddress): Settings {
  return {
    ...readSettings,
    format_csv_delimiter: delimiter,
    // Otherwise a tab is white space around a value.
    input_format_csv_allow_whitespace_or_tab_as_delimiter: delimiter === "\t" ? 1 : 0,
  };
}

export function kindOf(type: string): StoredKind {
  const plain = /^(?:LowCardinality\(|Nullable\()*([A-Za-z0-9]+)/.exec(type)?.[1] ?? "";
  if (/^(U?Int\d+|BFloat16|Float\d+|Decimal\d*)$/.test(plain)) return "number";
  if (/^(Date|Date32|DateTime|DateTime64)$/.test(plain)) return "time";
  if (/^(String|FixedString|UUID|Enum8|Enum16|IPv4|IPv6)$/.test(plain)) return "text";
  if (plain === "Bool") return "boolean";
  return plain === "Nothing" ? "nothing" : "other";
}

/** A Parquet file is read where it lies, column by column. */
export async function openParquet(
  facts: Facts,
  file: FileAddress,
  columns: readonly SourceColumn[],
): Promise<ComparisonSource> {
  const from = `file(${sqlText(file.path)}, ${file.format})`;
  return {
    from,
    rows: await countRows(facts, from),
    columns: new Map(columns.map((column) => [column.name, column])),
    hasMissingMarkers: false,
    hasDecimalCommas: false,
  };
}

/**
 * A text file is parsed once, into a table of the engine. Numbers become numbers; if one of them later turns out not to be
 * one, everything is read again as text, and it is seen value by value.
 *
 * @throws LeewayError `store_rejected` if a line is broken.
 */
export async function convertTextFile(
  facts: Facts,
  file: FileAddress,
  columns: readonly SourceColumn[],
  table: string,
): Promise<ComparisonSource> {
  const convert = async (typeOf: (column: SourceColumn) => string): Promise<void> => {
    const structure = columns.map((column) => `${identifier(column.name)} ${typeOf(column)}`).join(", ");
    await facts.command(`DROP TABLE IF EXISTS ${table}`);
    await facts.command(`CREATE TABLE ${table} (${structure}) ENGINE = Log`, {}, readSettings);
    await facts.command(
      `INSERT INTO ${table} SELECT * FROM file(${sqlText(file.path)}, ${file.format}, ${sqlText(structure)})`,
      {},
      {
        ...settingsOf(file),
        // Small blocks and one parser: a file of any size takes little memory, and the rows stay in order.
        max_threads: 1,
        max_insert_threads: 1,
        input_format_parallel_parsing: 0,
        min_insert_block_size_rows: 32_768,
        min_insert_block_size_bytes: 8 * 1024 * 1024,
        input_format_skip_unknown_fields: 1,
        input_format_json_read_bools_as_strings: 1,
        input_format_json_read_numbers_as_strings: 1,
        input_format_json_read_objects_as_strings: 1,
        input_format_json_read_arrays_as_strings: 1,
      },
    );
  };
  const text = "Nullable(String)";
  let typed = true;
  try {
    await convert(({ kind }) => (kind === "number" ? "Nullable(Float64)" : text));
  } catch (error) {
    if (!(error instanceof LeewayError) || error.code !== "store_rejected") throw error;
    typed = false;
    await convert(() => text);
  }
  const source = {
    from: table,
    rows: await countRows(facts, table),
    hasMissingMarkers: true,
    hasDecimalCommas: file.format === "CSVWithNames" && file.delimiter === ";",
  };
  const stored = columns.map((column): SourceColumn => {
    const type = column.kind === "number" && typed ? "Nullable(Float64)" : text;
    return { ...column, type };
  });
  const texts = stored.filter(({ kind }) => kind === "text" || kind === "nothing");
  const found = await contentsOf(facts, source, texts, rowsForContents);
  // What the first rows leave out, the others may have.
  const empty = texts.filter(({ name }) => found.get(name) === "nothing");
  if (source.rows > rowsForContents) {
    for (const [name, kind] of await contentsOf(facts, source, empty, source.rows)) found.set(name, kind);
  }
  return {
    ...source,
    columns: new Map(stored.map((column) => [column.name, { ...column, kind: found.get(column.name) ?? column.kind }])),
  };
}

/** What columns of text hold: nothing but numbers, nothing but booleans, nothing at all, or text. */
async function contentsOf(
  facts: Facts,
  source: Omit<ComparisonSource, "columns">,
  columns: readonly SourceColumn[],
  firstRows: number,
): Promise<Map<string, StoredKind>> {
  const found = new Map<string, StoredKind>();
  for (let start = 0; start < columns.length; start += columnsPerStatement) {
    const chunk = columns.slice(start, start + columnsPerStatement);
    const tests = chunk.map((column) => {
      const value = presentTextSql(source, column);
      const number = numberSql(source, column);
      return `multiIf(countIf(isNotNull(${value})) = 0, 'nothing',
        countIf(isNotNull(${value}) AND isNull(${number})) = 0, 'number',
        countIf(lower(${value}) NOT IN ('true', 'false')) = 0, 'boolean', 'text')`;
    });
    const [row] = await facts.query<{ kinds: readonly StoredKind[] }>(
      `SELECT [${tests.join(", ")}] AS kinds FROM (SELECT * FROM ${source.from} LIMIT ${firstRows})`,
      {},
      { settings: readSettings },
    );
    for (const [index, { name }] of chunk.entries()) found.set(name, row!.kinds[index]!);
  }
  return found;
}

async function countRows(facts: Facts, from: string): Promise<number> {
  const [row] = await facts.query<{ row_count: number }>(
    `SELECT count() AS row_count FROM ${from}`,
    {},
    { settings: readSettings },
  );
  return row?.row_count ?? 0;
}

const markersSql = missingMarkers.map(sqlText).join(", ");

type Conventions = Pick<ComparisonSource, "hasMissingMarkers" | "hasDecimalCommas">;

/** The column's value as Nullable(Float64): null if there is none, or none that is a number. */
export function numberSql(source: Conventions, column: SourceColumn): string {
  const name = identifier(column.name);
  if (/String/.test(column.type)) {
    const text = `trimBoth(toString(${name}))`;
    return `toFloat64OrNull(${source.hasDecimalCommas ? `replaceOne(${text}, ',', '.')` : text})`;
  }
  if (column.kind === "text") return `toFloat64OrNull(toString(${name}))`;
  if (column.kind === "time") return timeSql(column);
  return `toFloat64(${name})`;
}

/** 1 where a value is there but cannot be read as a number. */
export function unreadableNumberSql(source: Conventions, column: SourceColumn): string {
  if (!/String/.test(column.type) && column.kind !== "text") return "0";
  return `isNotNull(${presentTextSql(source, column)}) AND isNull(${numberSql(source, column)})`;
}

/** Milliseconds since 1970 as Nullable(Float64). */
export function timeSql(column: SourceColumn): string {
  const name = identifier(column.name);
  if (/String/.test(column.type)) {
    return `toFloat64(toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull(toString(${name}), 3, 'UTC')))`;
  }
  if (column.kind !== "time") {
    const number = `toFloat64(${name})`;
    // Seconds, milliseconds, micro- or nanoseconds, by their size: seconds up to the year 5138.
    const units = `multiIf(abs(${number}) < 1e11, 1000, abs(${number}) < 1e14, 1, abs(${number}) < 1e17, 1e-3, 1e-6)`;
    return `${number} * ${units}`;
  }
  return `toFloat64(toUnixTimestamp64Milli(toDateTime64(${name}, 3, 'UTC')))`;
}

/** How a category is told from others: as it is written, as a number, or as true and false however they are written. */
export type Categories = "text" | "number" | "boolean";

function categoriesOf({ kind }: SourceColumn): Categories {
  return kind === "number" || kind === "boolean" ? kind : "text";
}

/** The column's value as a nullable string. */
export function textSql(source: Conventions, column: SourceColumn, categories = categoriesOf(column)): string {
  switch (categories) {
    case "number":
      return numberTextSql(source, column);
    case "boolean": {
      const text =
        column.kind === "number" && !/String/.test(column.type)
          ? numberTextSql(source, column)
          : `lower(trimBoth(${presentTextSql(source, column)}))`;
      return `transform(${text}, ['1', '0', '1.0', '0.0'], ['true', 'false', 'true', 'false'], ${text})`;
    }
    case "text":
      return presentTextSql(source, column);
  }
}

/** The same number is the same category, however it was written. */
function numberTextSql(source: Conventions, column: SourceColumn): string {
  const number = numberSql(source, column);
  return `if(isFinite(${number}), toString(${number}), NULL)`;
}

function presentTextSql(source: Pick<ComparisonSource, "hasMissingMarkers">, column: SourceColumn): string {
  const name = identifier(column.name);
  const text = /^(LowCardinality\()?(Nullable\()?String/.test(column.type) ? name : `toString(${name})`;
  return source.hasMissingMarkers ? `if(${text} IN (${markersSql}), NULL, ${text})` : text;
}

export function identifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}
