import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import type { Facts } from "./client.ts";
import {
  binsFromMarks,
  binsFromOrderStatistics,
  edgeMarks,
  markPlacesSql,
  orderStatisticsSql,
} from "./file-comparison-quantiles.ts";
import {
  identifier,
  numberSql,
  readSettings,
  textSql,
  timeSql,
  unreadableNumberSql,
  type Categories,
  type ComparisonSource,
  type SourceColumn,
} from "./file-comparison-source.ts";

/** Categories that are counted one by one, and new ones that are named; the others are counted together. */
export const listedCategories = 100;
const listedUnseen = 20;

/**
 * Rows up to which a column is sorted in memory (sorting and looking edges up costs less than looking every value up):
 * a reference's quantiles are exact. Beyond, they are those of about a million rows drawn by hash.
 */
const sortedRows = 4_000_000;
const sampledRows = 1_000_000;

type NumericBinning = Extract<Binning, { kind: "numeric" }>;
type CategoricalBinning = Extract<Binning, { kind: "categorical" }>;

/** One column of one file, counted. */
export interface ColumnCounts {
  readonly counts: SeriesCounts;
  /** Different values. Categories exactly; numbers exactly while they are few, else within one percent. */
  readonly distinct: number;
  /** Rows whose value is there but is not of the compared kind; they are in `counts.missing` too. */
  readonly unreadable: number;
  /** New categories, the most frequent first, with their rows. */
  readonly newCategories: readonly (readonly [category: string, rows: number])[];
}

export interface NumericReference {
  readonly column: SourceColumn;
  /** Null: at most two different values, so that they are counted as categories. */
  readonly binning: NumericBinning | null;
  /** Null where the bins have to be counted (`countNumbers`). */
  readonly counted: ColumnCounts | null;
}

/** How many numeric columns go into one statement: each keeps its values in memory. */
export function numericColumnsPerStatement(rows: number): number {
  return Math.max(1, Math.min(8, Math.floor(1_000_000 / Math.max(1, rows))));
}

interface NumericRow {
  readonly missing: number;
  readonly non_finite: number;
  readonly unreadable: number;
  readonly distinct: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly sum: number | null;
  readonly sum_squares: number | null;
}

/** Named so that no column of a file is called the same. */
const value = (index: number): string => `leeway_value_${index}`;
const unreadable = (index: number): string => `leeway_unreadable_${index}`;

const numericRow =
  "missing UInt64, non_finite UInt64, unreadable UInt64, distinct UInt64, min Nullable(Float64), max Nullable(Float64), sum Nullable(Float64), sum_squares Nullable(Float64)";

function numericRowSql(index: number): string {
  const v = value(index);
  return `tuple(countIf(isNull(${v})), countIf(NOT isFinite(${v})), countIf(${unreadable(index)}), ifNull(uniqCombinedIf(${v}, isFinite(${v})), 0),
    minIf(${v}, isFinite(${v})), maxIf(${v}, isFinite(${v})), sumIf(${v}, isFinite(${v})), sumIf(${v} * ${v}, isFinite(${v})))`;
}

function numericColumns(source: ComparisonSource, columns: readonly SourceColumn[]): string {
  return columns
    .flatMap((column, index) => [
      `toNullable(${numberSql(source, column)}) AS ${value(index)}`,
      `${unreadableNumberSql(source, column)} AS ${unreadable(index)}`,
    ])
    .join(", ");
}

/**
 * The bins of the reference's numeric columns, cut at its own quantiles, in one pass over their values.
 *
 * @param columns At most `numericColumnsPerStatement(source.rows)`.
 */
export async function numericReferences(
  facts: Facts,
  source: ComparisonSource,
  columns: readonly SourceColumn[],
): Promise<NumericReference[]> {
  const every = source.rows > sortedRows ? Math.floor(source.rows / sampledRows) : 1;
  const drawn = every > 1 ? ` AND leeway_draw` : "";
  const draw = every > 1 ? `, cityHash64(rowNumberInAllBlocks()) % ${every} = 0 AS leeway_draw` : "";
  const outer = columns.map(
    (_, index) =>
      `CAST(row_${index}, 'Tuple(${numericRow})') AS row${index}, length(sorted_${index}) AS count${index},
       ${orderStatisticsSql(`sorted_${index}`, `(greatest(count${index}, 2) - 1)`)} AS picked${index}`,
  );
  const inner = columns.map(
    (_, index) =>
      `${numericRowSql(index)} AS row_${index},
       arraySort(groupArrayIf(assumeNotNull(${value(index)}), isFinite(${value(index)})${drawn})) AS sorted_${index}`,
  );
  const [row] = await facts.query<Record<string, unknown>>(
    `SELECT ${outer.join(", ")} FROM (SELECT ${inner.join(", ")}
     FROM (SELECT ${numericColumns(source, columns)}${draw} FROM ${source.from}))`,
    {},
    { settings: every > 1 ? { ...readSettings, ...inOrder } : readSettings },
  );
  return columns.map((column, index): NumericReference => {
    const numbers = row![`row${index}`] as NumericRow;
    const count = row![`count${index}`] as number;
    if (numbers.distinct <= 2 || count === 0) return { column, binning: null, counted: null };
    const { binning, bins } = binsFromOrderStatistics(row![`picked${index}`] as number[], count);
    const countable = every === 1 ? bins : null;
    return { column, binning, counted: countable === null ? null : numericCounts(source, numbers, countable) };
  });
}

/** One stream, in the file's order: the same rows are drawn each time. */
const inOrder = { max_threads: 1, input_format_parquet_preserve_order: 1 };

/** Counts numbers into given bins, in one pass over the columns. */
export async function countNumbers(
  facts: Facts,
  source: ComparisonSource,
  columns: readonly { readonly column: SourceColumn; readonly binning: NumericBinning }[],
): Promise<ColumnCounts[]> {
  const sorts = source.rows <= sortedRows;
  const values = numericColumns(
    source,
    columns.map(({ column }) => column),
  );
  const statement = (sorts ? sortingSql : oneByOneSql)(
    columns.map(({ binning }) => binning),
    `SELECT ${values} FROM ${source.from}`,
  );
  const [row] = await facts.query<Record<string, unknown>>(statement, {}, { settings: readSettings });
  return columns.map((_, index) => {
    const numbers = row![`row${index}`] as NumericRow;
    const found = row![`found${index}`] as readonly number[];
    const present = source.rows - numbers.missing - numbers.non_finite;
    return numericCounts(source, numbers, sorts ? binsFromMarks(found, present) : Float64Array.from(found));
  });
}

/** `found`: the places of the edges among the sorted values. */
function sortingSql(binnings: readonly NumericBinning[], values: string): string {
  const inner = binnings.map(
    ({ edges }, index) =>
      `${numericRowSql(index)} AS row_${index}, arraySort(arrayConcat(
        groupArrayIf(assumeNotNull(${value(index)}), isFinite(${value(index)})), [${edgeMarks(edges).join(", ")}])) AS sorted_${index}`,
  );
  const outer = binnings.map(
    ({ edges }, index) =>
      `CAST(row_${index}, 'Tuple(${numericRow})') AS row${index}, ${markPlacesSql(`sorted_${index}`, edges)} AS found${index}`,
  );
  return `SELECT ${outer.join(", ")} FROM (SELECT ${inner.join(", ")} FROM (${values}))`;
}

/** `found`: the counts. The bin of each value is looked up, so that no number of rows takes memory. */
function oneByOneSql(binnings: readonly NumericBinning[], values: string): string {
  const selected = binnings.map(({ edges }, index) => {
    const bins = edges.length + 1;
    // The upper edge of a bin is the smallest edge that is not below x: on negated values that is what roundDown finds.
    const negated = `array(-1.7976931348623157e308, ${edges.toReversed().map(negatedSql).join(", ")})`;
    const indices = `[${Array.from({ length: bins }, (_, bin) => edges.length - bin).join(", ")}]`;
    const found = `transform(roundDown(-assumeNotNull(${value(index)}), ${negated}), ${negated}, CAST(${indices}, 'Array(UInt16)'), toUInt16(0))`;
    const slot = `if(isFinite(${value(index)}), ${found}, toUInt16(${bins}))`;
    return `CAST(${numericRowSql(index)}, 'Tuple(${numericRow})') AS row${index}, countResample(0, ${bins}, 1)(assumeNotNull(${slot})) AS found${index}`;
  });
  return `SELECT ${selected.join(", ")} FROM (${values})`;
}

/** Bit for bit: an edge that was printed and read again must still be equal to the values on it. */
function negatedSql(edge: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, -edge);
  return `reinterpretAsFloat64(toUInt64(${view.getBigUint64(0)}))`;
}

function numericCounts(source: ComparisonSource, row: NumericRow, bins: ArrayLike<number>): ColumnCounts {
  const present = source.rows - row.missing - row.non_finite;
  return {
    counts: {
      ...unweighted(source.rows, present),
      missing: row.missing,
      nonFinite: row.non_finite,
      bins,
      ...noCategories,
      min: present === 0 ? null : row.min,
      max: present === 0 ? null : row.max,
      // JSON has no infinity: a sum that overflowed arrives as null.
      sum: row.sum ?? (present === 0 ? 0 : Number.POSITIVE_INFINITY),
      sumSquares: row.sum_squares ?? (present === 0 ? 0 : Number.POSITIVE_INFINITY),
    },
    // An estimate may come out above what is possible.
    distinct: Math.min(row.distinct, present),
    unreadable: row.unreadable,
    newCategories: [],
  };
}

type CategoryTail = Pick<SeriesCounts, "unlisted" | "unseen" | "unseenTop" | "unseenTopValue" | "unseenDistinct">;

const noCategories: CategoryTail = {
  unlisted: 0,
  unseen: 0,
  unseenTop: 0,
  unseenTopValue: null,
  unseenDistinct: 0,
};

function unweighted(rows: number, presentRows: number) {
  return {
    rows,
    weight: rows,
    weightSquares: rows,
    presentRows,
    presentWeight: presentRows,
    presentWeightSquares: presentRows,
  };
}

interface CategoryRow {
  readonly missing: readonly [reference: number, current: number];
  readonly distinct: readonly [reference: number, current: number];
  readonly singletons: number;
  readonly unseen: number;
  readonly unseen_distinct: number;
  readonly listed: readonly (readonly [negatedRows: number, category: string, current: number])[];
  readonly unseen_listed: readonly (readonly [negatedRows: number, category: string])[];
}

/**
 * A column's categories in both files, in one statement: the reference's most frequent ones one by one (ties by their
 * bytes), its others together, those that it does not know apart.
 */
export async function countCategories(
  facts: Facts,
  reference: ComparisonSource,
  current: ComparisonSource,
  column: { readonly reference: SourceColumn; readonly current: SourceColumn; readonly categories: Categories },
): Promise<{
  readonly binning: CategoricalBinning;
  readonly reference: ColumnCounts;
  readonly current: ColumnCounts;
}> {
  const known = "isNotNull(category)";
  const [row] = await facts.query<CategoryRow>(
    `SELECT [sumIf(r, NOT ${known}), sumIf(c, NOT ${known})] AS missing,
       [countIf(r > 0 AND ${known}), countIf(c > 0 AND ${known})] AS distinct,
       countIf(r = 1 AND ${known}) AS singletons, sumIf(c, r = 0 AND ${known}) AS unseen, countIf(r = 0 AND ${known}) AS unseen_distinct,
       groupArraySortedIf(${listedCategories})((-toInt64(r), assumeNotNull(category), c), r > 0 AND ${known}) AS listed,
       groupArraySortedIf(${listedUnseen})((-toInt64(c), assumeNotNull(category)), r = 0 AND ${known}) AS unseen_listed
     FROM (
       SELECT category, sum(in_reference) AS r, sum(in_current) AS c FROM (
         SELECT category, count() AS in_reference, toUInt64(0) AS in_current
         FROM (SELECT toNullable(${textSql(reference, column.reference, column.categories)}) AS category FROM ${reference.from}) GROUP BY category
         UNION ALL
         SELECT category, toUInt64(0), count()
         FROM (SELECT toNullable(${textSql(current, column.current, column.categories)}) AS category FROM ${current.from}) GROUP BY category)
       GROUP BY category)`,
    {},
    { settings: readSettings },
  );
  const { missing, distinct, singletons, unseen, unseen_distinct: unseenDistinct, listed, unseen_listed: fresh } = row!;
  const counted = (
    source: ComparisonSource,
    missingRows: number,
    bins: readonly number[],
    unknown: Omit<CategoryTail, "unlisted">,
  ): SeriesCounts => {
    const present = source.rows - missingRows;
    return {
      ...unweighted(source.rows, present),
      missing: missingRows,
      nonFinite: 0,
      bins: Float64Array.from(bins),
      ...unknown,
      unlisted: present - bins.reduce((sum, count) => sum + count, 0) - unknown.unseen,
      min: null,
      max: null,
      sum: 0,
      sumSquares: 0,
    };
  };
  const newCategories = fresh.map(([negated, category]) => [category, -negated] as const);
  const referenceBins = listed.map(([negated]) => -negated);
  const currentBins = listed.map(([, , count]) => count);
  return {
    binning: {
      kind: "categorical",
      categories: listed.map(([, category]) => category),
      distinct: distinct[0],
      singletons,
    },
    reference: {
      counts: counted(reference, missing[0], referenceBins, noCategories),
      distinct: distinct[0],
      unreadable: 0,
      newCategories: [],
    },
    current: {
      counts: counted(current, missing[1], currentBins, {
        unseen,
        unseenTop: newCategories[0]?.[1] ?? 0,
        unseenTopValue: newCategories[0]?.[0] ?? null,
        unseenDistinct,
      }),
      distinct: distinct[1],
      unreadable: 0,
      newCategories,
    },
  };
}

export interface TimeCounts {
  readonly rows: number;
  readonly missing: number;
  /** Of the missing ones: text that is no time. */
  readonly unreadable: number;
  readonly distinct: number;
  /** Milliseconds since 1970; null if there is no value. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** Rows and range of one column of times. */
export async function countTimes(facts: Facts, source: ComparisonSource, column: SourceColumn): Promise<TimeCounts> {
  const [row] = await facts.query<{
    missing: number;
    unreadable: number;
    different: number;
    from_ms: number | null;
    to_ms: number | null;
  }>(
    `SELECT countIf(isNull(leeway_time)) AS missing, countIf(isNull(leeway_time) AND isNotNull(leeway_text)) AS unreadable,
       ifNull(uniqCombined(leeway_time), 0) AS different, min(leeway_time) AS from_ms, max(leeway_time) AS to_ms
     FROM (SELECT toNullable(${timeSql(column)}) AS leeway_time,
       toNullable(${textSql(source, column, "text")}) AS leeway_text FROM ${source.from})`,
    {},
    { settings: readSettings },
  );
  const { missing, unreadable: noTimes, different, from_ms: fromMs, to_ms: toMs } = row!;
  const range = missing === source.rows ? { fromMs: null, toMs: null } : { fromMs, toMs };
  return { rows: source.rows, missing, unreadable: noTimes, distinct: different, ...range };
}

const rowsForOrder = 20_000;

/** Rank correlation of a column's finite values with their place among the first rows of the file; 0 if there is none. */
export async function placeCorrelation(facts: Facts, source: ComparisonSource, column: SourceColumn): Promise<number> {
  const [row] = await facts.query<{ correlation: number | null }>(
    `SELECT rankCorr(assumeNotNull(leeway_number), leeway_place) AS correlation
     FROM (SELECT toNullable(${numberSql(source, column)}) AS leeway_number, rowNumberInAllBlocks() AS leeway_place
       FROM (SELECT ${identifier(column.name)} FROM ${source.from} LIMIT ${rowsForOrder}))
     WHERE isFinite(leeway_number)`,
    {},
    { settings: { ...readSettings, ...inOrder } },
  );
  return row?.correlation ?? 0;
}

/** Rows without a value, and how many different ones there are, of a column that is in one file only. */
export async function countPresence(
  facts: Facts,
  source: ComparisonSource,
  column: SourceColumn,
): Promise<{ readonly missing: number; readonly distinct: number }> {
  const [row] = await facts.query<{ missing: number; different: number }>(
    `SELECT countIf(isNull(leeway_text)) AS missing, ifNull(uniqCombined(leeway_text), 0) AS different
     FROM (SELECT toNullable(${textSql(source, column)}) AS leeway_text FROM ${source.from})`,
    {},
    { settings: readSettings },
  );
  return { missing: row!.missing, distinct: row!.different };
}
