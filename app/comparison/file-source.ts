import { open, stat, symlink } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { LeewayError } from "../../core/errors.ts";
import type { Facts, InsertFileFormat } from "../../store/facts/client.ts";
import {
  convertTextFile,
  describeFile,
  openParquet,
  type ComparisonSource,
  type SourceColumn,
} from "../../store/facts/file-comparison-source.ts";

/** Where one of the two files is, and what it is called in messages. */
export interface FileRequest {
  readonly side: "reference" | "current";
  /** As it was named. */
  readonly name: string;
  readonly path: string;
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
 * The columns of a file.
 *
 * @param workDir Where a link to it may stand: the engine takes `*`, `?` and braces in a path for patterns.
 * @throws LeewayError `file_unreadable` if it is not there, empty, or not what its name says.
 */
export async function describeComparedFile(
  facts: Facts,
  request: FileRequest,
  workDir: string,
): Promise<DescribedFile> {
  const { format, title, extension } = formatOf(request);
  await mustHaveContent(request, title);
  if (format === "CSVWithNames" && !packings.some((packing) => extension.endsWith(`.${packing}`)))
    await mustBeCommaSeparated(request);
  const link = join(workDir, `${request.side}.${extension}`);
  await symlink(resolve(request.path), link);
  const file = { path: link, format };
  const readable = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      throw asUnreadable(error, request, title, link);
    }
  };
  const columns = await readable(() => describeFile(facts, file));
  return {
    request,
    columns,
    load: (chosen) =>
      readable(() =>
        format === "Parquet"
          ? openParquet(facts, file, chosen)
          : convertTextFile(facts, file, chosen, `leeway_${request.side}`),
      ),
  };
}

function formatOf({ name, path }: FileRequest) {
  const parts = basename(path).toLowerCase().split(".");
  const packing = packings.includes(parts.at(-1) ?? "") ? `.${parts.pop()}` : "";
  const ending = parts.length > 1 ? (parts.at(-1) ?? "") : "";
  const known = formats[ending];
  if (known !== undefined && (packing === "" || known.format !== "Parquet")) {
    return { ...known, extension: `${ending}${packing}` };
  }
  throw unreadable(
    name,
    "its name does not say what it is",
    `use .parquet, .csv, .ndjson or .jsonl (text files may be packed: .csv.gz)`,
  );
}

async function mustHaveContent({ name, path }: FileRequest, title: string): Promise<void> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) throw unreadable(name, "it is a directory", "name one file");
    if (!stats.isFile()) throw unreadable(name, "it is not a regular file", "write it to a file first");
    if (stats.size === 0) throw unreadable(name, "it is empty (0 bytes)", `write it again as ${title}`);
    await using handle = await open(path);
    const head = Buffer.alloc(4);
    await handle.read(head, 0, 4, 0);
    if (title === "Parquet" && head.toString("latin1") !== "PAR1") {
      throw unreadable(name, "it is not a Parquet file (it does not begin with PAR1)", "rename it, or write it again");
    }
  } catch (error) {
    if (error instanceof LeewayError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") throw unreadable(name, "there is no such file", "check the path");
    if (code === "EACCES") throw unreadable(name, "it may not be read", "check its permissions");
    throw unreadable(name, error instanceof Error ? error.message : String(error), "check the path", error);
  }
}

const headBytes = 1 << 20;

/** A table with other separators would come as one column whose name is the whole first line. */
async function mustBeCommaSeparated({ name, path }: FileRequest): Promise<void> {
  await using handle = await open(path);
  const buffer = Buffer.alloc(headBytes);
  const { bytesRead } = await handle.read(buffer, 0, headBytes, 0);
  const [line = ""] = buffer.toString("utf8", 0, bytesRead).split("\n", 1);
  if (line.includes("\0")) throw unreadable(name, "it is not a text file", "rename it, or write it again as CSV");
  if (line.includes(",")) return;
  const separator = ["\t", ";", "|"].find((candidate) => line.split(candidate).length > 1);
  if (separator === undefined) return;
  const shown = separator === "\t" ? "tabs" : `"${separator}"`;
  throw unreadable(name, `its columns are separated by ${shown}`, "write it again with commas");
}

function unreadable(name: string, reason: string, remedy: string, cause?: unknown): LeewayError {
  return new LeewayError("file_unreadable", `compare: ${name}: ${reason}; ${remedy}`, { cause });
}

const longestReason = 300;

/** ClickHouse's complaint about a file, in one line without its address and settings. */
function asUnreadable(error: unknown, { name }: FileRequest, title: string, link: string): unknown {
  if (!(error instanceof LeewayError) || error.code !== "store_rejected") return error;
  const reason = error.message
    .replace(/^ClickHouse at \S+ refused \(\d+\): /, "")
    .replaceAll(link, name)
    .replace(/\(?(?:while|: While) (?:reading|executing|parsing)[^]*$/i, "")
    .replace(/\. You can [^]*$/, "")
    .replace(/\(in file\/uri [^)]*\)/, "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/[.:;,]+$/, "");
  return unreadable(name, `it cannot be read as ${title}: ${reason.slice(0, longestReason)}`, "write it again", error);
}
