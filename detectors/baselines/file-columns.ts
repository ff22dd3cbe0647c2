import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { LeewayError } from "../../core/errors.ts";
import { parquetColumns } from "./parquet-columns.ts";

export type FileFormat = "Parquet" | "CSVWithNames" | "JSONEachRow";

export interface FileColumn {
  readonly name: string;
  /** What a time in this column would be written as. */
  readonly timeType: "timestamp" | "date" | "milliseconds" | "text";
}

const formats: Readonly<Record<string, FileFormat>> = {
  ".parquet": "Parquet",
  ".csv": "CSVWithNames",
  ".ndjson": "JSONEachRow",
  ".jsonl": "JSONEachRow",
};

/** Rows of an NDJSON file that are looked at for its columns: a row may leave out what it does not know. */
const rowsLookedAt = 10_000;

/**
 * The columns of a file, without reading its rows (NDJSON: of its first rows).
 *
 * @throws LeewayError `baseline_unreadable` if there is no such file, or it is not what its name says.
 */
export async function fileColumns(
  path: string,
): Promise<{ readonly format: FileFormat; readonly columns: ReadonlyMap<string, FileColumn> }> {
  const format = formats[extname(path).toLowerCase()];
  if (format === undefined) {
    throw unreadable(path, `its name should end in ${Object.keys(formats).join(", ")}`);
  }
  try {
    const columns = await readColumns(path, format);
    return { format, columns: new Map(columns.map((column) => [column.name, column])) };
  } catch (error) {
    if (error instanceof LeewayError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw unreadable(path, reason, error);
  }
}

function unreadable(path: string, reason: string, cause?: unknown): LeewayError {
  return new LeewayError(
    "baseline_unreadable",
    `baseline file ${path} cannot be read: ${reason}; check baseline.path, or write the file again`,
    { cause },
  );
}

async function readColumns(path: string, format: FileFormat): Promise<FileColumn[]> {
  switch (format) {
    case "Parquet": {
      await using file = await open(path);
      return await parquetColumns(file);
    }
    case "CSVWithNames": {
      for await (const line of lines(path)) {
        return csvFields(line.replace(/^\uFEFF/, "")).map((name) => ({ name, timeType: "text" }));
      }
      throw new Error("it is empty, where a line with the columns' names was expected");
    }
    case "JSONEachRow": {
      const names = new Set<string>();
      let row = 0;
      for await (const line of lines(path)) {
        if (line.trim() === "") continue;
        const value: unknown = JSON.parse(line);
        if (typeof value !== "object" || value === null) throw new Error(`line ${row + 1} is not a JSON object`);
        for (const name of Object.keys(value)) names.add(name);
        if (++row >= rowsLookedAt) break;
      }
      if (row === 0) throw new Error("it is empty");
      return [...names].map((name) => ({ name, timeType: "text" }));
    }
  }
}

async function* lines(path: string): AsyncGenerator<string> {
  const input = createReadStream(path);
  const failed = new Promise<never>((_, reject) => input.once("error", reject));
  failed.catch(() => {});
  const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of reader) yield line;
    if (input.errored) throw input.errored;
  } finally {
    input.destroy();
  }
}

/** One line of CSV; quoted names may hold commas and doubled quotes. */
function csvFields(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain?.trim() ?? "",
  );
}
