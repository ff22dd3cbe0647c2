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
    const source = `file(${quoteString(path)}, ${quoteString(format.text)}, ${structure.text}, 'none')`;
    return { kind: "rewritten", sql: statement.slice(0, inputWord.start) + source + statement.slice(close.end) };
  }
  const settings = tokens.find((token) => token.kind === "word" && token.text.toLowerCase() === "settings");
  const place = settings?.start ?? keyword.start;
  return {
    kind: "rewritten",
    sql: `${sql.slice(0, place)}FROM INFILE ${quoteString(path)} COMPRESSION 'none' ${sql.slice(place, keyword.start)}FORMAT ${format.text}`,
  };
}

export type InlineRows =
  | { readonly kind: "none" }
  | { readonly kind: "rows"; readonly sql: string; readonly rows: string }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Takes the rows out of `INSERT INTO t VALUES (…)` and `INSERT INTO t FORMAT X …`, so that they too are read from a file:
 * `sql` then ends in FORMAT, as `insertFromFile` wants it. Several statements at once are refused.
 */
export function splitInline(sql: string): InlineRows {
  const tokens = sqlTokens(sql);
  const word = (index: number) => (tokens[index]?.kind === "word" ? tokens[index].text.toLowerCase() : "");
  if (word(0) === "insert") {
    // The keyword stands outside of all brackets: columns may be called format or values.
    let depth = 0;
    for (const [index, token] of tokens.entries()) {
      if (token.text === "(") depth += 1;
      if (token.text === ")") depth -= 1;
      if (depth > 0 || index < 3 || tokens[index - 1]?.text === ".") continue;
      const name = word(index);
      if (name === "select" || name === "with" || name === "infile") break;
      if (name === "values") {
        return {
          kind: "rows",
          sql: `${sql.slice(0, token.start)} FORMAT Values`,
          rows: sql.slice(token.end).trimStart(),
        };
      }
      const format = tokens[index + 1];
      if (name === "format" && format?.kind === "word") {
        return { kind: "rows", sql: sql.slice(0, format.end), rows: sql.slice(format.end).trimStart() };
      }
    }
  }
  const end = tokens.findIndex((token) => token.text === ";");
  if (end !== -1 && tokens.slice(end).some((token) => token.text !== ";")) {
    return { kind: "refused", why: "Multi-statements are not allowed" };
  }
  return { kind: "none" };
}
