import { sqlTokens } from "./sql-tokens.ts";

export function quoteString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

export type InsertRewrite = { readonly kind: "rewritten"; readonly sql: string } | { readonly kind: "not_an_insert" };

/**
 * Turns `INSERT INTO t … FORMAT X`, whose rows lie in a file, into a statement that reads the file. Statement and rows are
 * never joined: what follows a blank line in inline data would run as SQL.
 *
 * `INSERT INTO t … SELECT … FROM input('structure') FORMAT X` becomes a SELECT from `file('…', 'X', 'structure')`.
 */
export function insertFromFile(sql: string, path: string): InsertRewrite {
  const tokens = sqlTokens(sql).filter((token) => token.text !== ";");
  const format = tokens.at(-1);
  const keyword = tokens.at(-2);
  if (tokens[0]?.text.toLowerCase() !== "insert" || keyword?.text.toLowerCase() !== "format" || format === undefined) {
    return { kind: "not_an_insert" };
  }
  const statement = sql.slice(0, keyword.start);
  const input = tokens.findIndex(
    (token, index) => token.kind === "word" && token.text.toLowerCase() === "input" && tokens[index + 1]?.text === "(",
  );
  const inputWord = tokens[input];
  const structure = tokens[input + 2];
  const close = tokens[input + 3];
  if (inputWord !== undefined && structure?.kind === "string" && close?.text === ")") {
    const source = `file(${quoteString(path)}, ${quoteString(format.text)}, ${structure.text})`;
    return { kind: "rewritten", sql: statement.slice(0, inputWord.start) + source + statement.slice(close.end) };
  }
  const settings = tokens.find((token) => token.kind === "word" && token.text.toLowerCase() === "settings");
  const place = settings?.start ?? keyword.start;
  return {
    kind: "rewritten",
    sql: `${sql.slice(0, place)} FROM INFILE ${quoteString(path)} ${sql.slice(place, keyword.start)} FORMAT ${format.text}`,
  };
}
