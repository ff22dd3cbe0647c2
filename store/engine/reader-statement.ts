import { sqlTokens } from "./sql-tokens.ts";

const firstWords = new Set(["select", "with", "show", "describe", "explain", "exists"]);

/** These look up a table by name, and the engine's `default` database takes any path for one, readonly or not. */
const lookingUp = new Set(["describe", "exists", "show"]);

/**
 * Functions that reach beyond the database, which readonly=1 lets pass. Their bare names are refused too: ClickHouse takes
 * a function for an argument, `arrayMap(file, …)`.
 */
const refusedFunctions = new Set([
  "file",
  "catboostevaluate",
  "showcertificate",
  "reversednsquery",
  "aiclassify",
  "aiextract",
  "aigenerate",
  "aitranslate",
  "aiembed",
]);

/** Table functions that compute, or read tables of this store. Every other one is refused, also one of a later release. */
const allowedTableFunctions = new Set([
  "format",
  "generate_series",
  "generateseries",
  "merge",
  "null",
  "numbers",
  "numbers_mt",
  "values",
  "view",
  "viewifpermitted",
  "zeros",
  "zeros_mt",
]);

export type ReaderVerdict = { readonly kind: "allowed" } | { readonly kind: "refused"; readonly why: string };

/**
 * Whether a statement may run with the reader's token. This stands in front of a session that is itself readonly=1 with
 * limits on memory and time; it refuses what that lets pass (tried on ClickHouse 26.7): the scalar `file()`, INTO OUTFILE,
 * KILL, BACKUP, and DESCRIBE of whatever a table function or a path names.
 *
 * @param canonical The statement as the engine's own `formatQuery` writes it: one statement, without comments, heredocs,
 *   or escapes in names. It is this text that runs, so nobody can read it differently.
 * @param tableFunctions Names in `system.table_functions`, in small letters.
 */
export function judgeReaderStatement(canonical: string, tableFunctions: ReadonlySet<string>): ReaderVerdict {
  const tokens = sqlTokens(canonical);
  const first = tokens.find((token) => token.text !== "(")?.text.toLowerCase() ?? "";
  if (!firstWords.has(first)) {
    return { kind: "refused", why: `a reader may SELECT, SHOW, DESCRIBE and EXPLAIN, not ${first || "send nothing"}` };
  }
  for (const [index, token] of tokens.entries()) {
    if (token.text === ";") return { kind: "refused", why: "one statement at a time" };
    if (token.kind !== "word" && token.kind !== "quoted") continue;
    const name = (token.kind === "quoted" ? token.text.slice(1, -1) : token.text).toLowerCase();
    if (token.kind === "word" && (name === "outfile" || name === "infile")) {
      return { kind: "refused", why: "a reader may not touch files" };
    }
    // After a dot it is a column.
    if (refusedFunctions.has(name) && tokens[index - 1]?.text !== ".") {
      return {
        kind: "refused",
        why: `${name}() reaches beyond the database; a column of that name needs its table: t.${name}`,
      };
    }
    if (tokens[index + 1]?.text === "(" && tableFunctions.has(name) && !allowedTableFunctions.has(name)) {
      return { kind: "refused", why: `${name}() reaches beyond the database` };
    }
    if (lookingUp.has(first) && name.includes("/") && (!name.startsWith("v_") || name.includes(".."))) {
      return { kind: "refused", why: "a reader may not touch files" };
    }
  }
  return { kind: "allowed" };
}
