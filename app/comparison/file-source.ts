import { open, stat, symlink } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { constants, gunzipSync, zstdDecompressSync } from "node:zlib";
import { LeewayError } from "../../core/errors.ts";
import type { Facts, InsertFileFormat } from "../../store/facts/client.ts";
import {
  convertTextFile,
  describeFile,
  openParquet,
  type ComparisonSource,
  type FileAddress,
  type SourceColumn,
} from "../../store/facts/file-comparison-source.ts";

/** Where one of the two files is, and what it is called in messages. */
export interface FileRequest {
  readonly side: "reference" | "current";
  /** As it was named. */
  readonly name: string;
  readonly path: string;
  /** The command that reads it, for messages; `compare` unless told otherwise. */
  readonly command?: string;
}

/** A file that is there, is not empty, and looks like what its name says. */
export interface LocatedFile {
  readonly address: FileAddress;
  readonly title: string;
  /** What went wrong while reading it, as a `file_unreadable` that names it. */
  readonly readable: <Result>(work: () => Promise<Result>) => Promise<Result>;
}

/** A file whose columns are known and whose rows were not read yet. */
export interface DescribedFile {
  readonly request: FileRequest;
  readonly columns: readonly SourceColumn[];
  /** Reads what has to be read once: text files become a table. */
  readonly load: (columns: readonly SourceColumn[]) => Promise<ComparisonSource>;
}

const formats: Readonly<Record<string, { readonly format: InsertFileFormat; readonly title: string }>> = {
  parquet: { format: "Parquet", title: "Parquet" },
  csv: { format: "CSVWithNames", title: "CSV" },
  ndjson: { format: "JSONEachRow", title: "NDJSON" },
  jsonl: { format: "JSONEachRow", title: "NDJSON" },
};
/** Text files may be packed; the engine unpacks them by their name. */
const packings = ["gz", "zst", "bz2", "xz"];

/** More columns than this at once are a mistake, or want to be chosen. */
export const maxComparedColumns = 10_000;

/**
 * Finds a file, and looks at its beginning.
 *
 * @param workDir Where a link to it may stand: the engine takes `*`, `?` and braces in a path for patterns.
 * @throws LeewayError `file_unreadable` if it is not there, empty, or not what its name says.
 */
export async function locateFile(request: FileRequest, workDir: string): Promise<LocatedFile> {
  await mustBeFile(request);
  const { format, title, extension } = formatOf(request);
  const head = await headOf(request);
  if (format === "Parquet" && head.toString("latin1", 0, 4) !== "PAR1") {
    throw unreadable(request, "it is not a Parquet file (it does not begin with PAR1)", "rename it, or write it again");
  }
  const text = format === "Parquet" ? "" : textOf(request, head, extension);
  const delimiter = format === "CSVWithNames" ? delimiterOf(text) : ",";
  const link = join(workDir, `${request.side}.${extension}`);
  await symlink(resolve(request.path), link);
  return {
    address: { path: link, format, delimiter },
    title,
    readable: async (work) => {
      try {
        return await work();
      } catch (error) {
        throw asUnreadable(error, request, title, link);
      }
    },
  };
}

/**
 * The columns of a file.
 *
 * @throws LeewayError `file_unreadable`, as `locateFile`.
 */
export async function describeLocatedFile(
  facts: Facts,
  request: FileRequest,
  { address: file, readable }: LocatedFile,
): Promise<DescribedFile> {
  const columns = await readable(() => describeFile(facts, file));
  return {
    request,
    columns,
    load: (chosen) =>
      readable(() =>
        file.format === "Parquet"
          ? openParquet(facts, file, chosen)
          : convertTextFile(facts, file, chosen, `leeway_${request.side}`),
      ),
  };
}

function formatOf(request: FileRequest) {
  const parts = basename(request.path).toLowerCase().split(".");
  const packing = packings.includes(parts.at(-1) ?? "") ? `.${parts.pop()}` : "";
  const ending = parts.length > 1 ? (parts.at(-1) ?? "") : "";
  const known = formats[ending];
  if (known !== undefined && (packing === "" || known.format !== "Parquet")) {
    return { ...known, extension: `${ending}${packing}` };
  }
  throw unreadable(
    request,
    "its name does not say what it is",
    `use .parquet, .csv, .ndjson or .jsonl (text files may be packed: .csv.gz)`,
  );
}

async function mustBeFile(request: FileRequest): Promise<void> {
  const stats = await tried(request, () => stat(request.path));
  if (stats.isDirectory()) throw unreadable(request, "it is a directory", "name one file");
  if (!stats.isFile()) throw unreadable(request, "it is not a regular file", "write it to a file first");
  if (stats.size === 0) throw unreadable(request, "it is empty (0 bytes)", "write it again");
}

async function tried<Result>(request: FileRequest, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw unreadable(request, "there is no such file", "check the path");
    if (code === "EACCES") throw unreadable(request, "it may not be read", "check its permissions");
    throw unreadable(request, error instanceof Error ? error.message : String(error), "check the path", error);
  }
}

const headBytes = 1 << 16;

async function headOf(request: FileRequest): Promise<Buffer> {
  return tried(request, async () => {
    await using handle = await open(request.path);
    const buffer = Buffer.alloc(headBytes);
    const { bytesRead } = await handle.read(buffer, 0, headBytes, 0);
    return buffer.subarray(0, bytesRead);
  });
}

/** The beginning of a text file, unpacked where Node can. */
function textOf(request: FileRequest, head: Buffer, extension: string): string {
  const packing = packings.find((candidate) => extension.endsWith(`.${candidate}`));
  const unpack = packing === undefined ? (bytes: Buffer) => bytes : unpackings[packing];
  if (unpack === undefined) return "";
  let text: Buffer;
  try {
    text = unpack(head);
  } catch (error) {
    throw unreadable(request, `it cannot be unpacked as .${packing}`, "rename it, or write it again", error);
  }
  if (text.includes(0)) throw unreadable(request, "it is not a text file", "rename it, or write it again");
  return text.toString("utf8");
}

const unpackings: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  // The bytes may end in the middle of the file.
  gz: (bytes) => gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }),
  zst: (bytes) => zstdDecompressSync(bytes, { finishFlush: constants.ZSTD_e_flush }),
};

/** What the names in the first line are separated by: a comma if there is one outside of quotes. */
function delimiterOf(head: string): FileAddress["delimiter"] {
  const [line = ""] = head.replaceAll(/"(?:[^"]|"")*"/g, "").split("\n", 1);
  return ([",", ";", "\t", "|"] as const).find((delimiter) => line.includes(delimiter)) ?? ",";
}

function unreadable(
  { name, command = "compare" }: FileRequest,
  reason: string,
  remedy: string,
  cause?: unknown,
): LeewayError {
  return new LeewayError("file_unreadable", `${command}: ${name}: ${reason}; ${remedy}`, { cause });
}

const longestReason = 300;

/** ClickHouse's complaint about a file, in one line without its address and settings. */
function asUnreadable(error: unknown, request: FileRequest, title: string, link: string): unknown {
  if (!(error instanceof LeewayError) || error.code !== "store_rejected") return error;
  const twice = /Duplicate column name found while schema inference: "([^]*?)"/.exec(error.message)?.[1];
  if (twice !== undefined)
    return unreadable(request, `two of its columns are called ${JSON.stringify(twice)}`, "rename one");
  const reason = error.message
    .replace(/^ClickHouse at \S+ refused \(\d+\): /, "")
    .replaceAll(link, request.name)
    .replace(/\(?(?:while|: While) (?:reading|executing|parsing)[^]*$/i, "")
    .replace(/\. You can [^]*$/, "")
    .replace(/\(in file\/uri [^)]*\)/, "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/[.:;,]+$/, "");
  return unreadable(
    request,
    `it cannot be read as ${title}: ${reason.slice(0, longestReason)}`,
    "write it again",
    error,
  );
}
