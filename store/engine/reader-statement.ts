import { sqlTokens } from "./sql-tokens.ts";

const firstWords = new Set(["select", "with", "show", "describe", "desc", "explain", "exists"]);

/**
 * Functions and table functions that reach beyond the database. The engine's readonly=1 already refuses most of them, but
 * not the scalar `file()`, nor the schema inference of DESCRIBE and of object stores.
 */
const reachOutside =
  /^(file|filecluster|url|urlcluster|s3|s3cluster|gcs|oss|cosn|hdfs|hdfscluster|azureblobstorage|azureblobstoragecluster|remote|remotesecure|cluster|clusterallreplicas|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|executable|input|python|arrowflight|ytsaurus|iceberg\w*|deltalake\w*|hudi\w*|paimon\w*|catboostevaluate|dictionary|aigenerate\w*|aiembed\w*)$/;

export type ReaderVerdict = { readonly kind: "allowed" } | { readonly kind: "refused"; readonly why: string };

/**
 * Whether a statement may run with the reader's token. This stands in front of a session that is itself readonly=1 with
 * limits on memory and time: either alone would stop a write.
 */
export function judgeReaderStatement(sql: string): ReaderVerdict {
  const tokens = sqlTokens(sql);
  const first = tokens.find((token) => token.text !== "(")?.text.toLowerCase() ?? "";
  if (!firstWords.has(first)) {
    return { kind: "refused", why: `a reader may SELECT, SHOW, DESCRIBE and EXPLAIN, not ${first || "send nothing"}` };
  }
  for (const [index, token] of tokens.entries()) {
    if (token.text === ";" && index < tokens.length - 1) return { kind: "refused", why: "one statement at a time" };
    if (token.kind !== "word" && token.kind !== "quoted") continue;
    const name = (token.kind === "quoted" ? token.text.slice(1, -1) : token.text).toLowerCase();
    if (token.kind === "word" && (name === "outfile" || name === "infile")) {
      return { kind: "refused", why: "a reader may not touch files" };
    }
    if (tokens[index + 1]?.text === "(" && reachOutside.test(name)) {
      return { kind: "refused", why: `${name}() reaches beyond the database` };
    }
  }
  return { kind: "allowed" };
}
