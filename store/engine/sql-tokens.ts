/** A lexer for ClickHouse SQL, as far as the engine's door needs it: words, and where strings and comments end. */

export interface SqlToken {
  readonly kind: "word" | "quoted" | "string" | "symbol";
  /** Words as written; quoted identifiers and strings with their quotes. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const wordStart = /[\p{L}_$]/u;
const heredoc = /\$\w*\$/y;
const wordPart = /[\p{L}\p{N}_$]/u;

function endOfQuoted(sql: string, start: number, quote: string): number {
  let at = start + 1;
  while (at < sql.length) {
    if (sql[at] === "\\") at += 2;
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1;
      at += 2;
    } else at += 1;
  }
  return sql.length;
}

/** `$tag$` if a heredoc begins here. */
function heredocTag(sql: string, at: number): string {
  if (sql[at] !== "$") return "";
  heredoc.lastIndex = at;
  return heredoc.exec(sql)?.[0] ?? "";
}

/** Comments and white space are left out. An unfinished string or comment reaches to the end. */
export function sqlTokens(sql: string): readonly SqlToken[] {
  const tokens: SqlToken[] = [];
  let at = 0;
  while (at < sql.length) {
    const character = sql[at] ?? "";
    const start = at;
    if (/\s/.test(character)) {
      at += 1;
    } else if (
      sql.startsWith("--", at) ||
      sql.startsWith("//", at) ||
      sql.startsWith("#!", at) ||
      sql.startsWith("# ", at)
    ) {
      const newline = sql.indexOf("\n", at);
      at = newline < 0 ? sql.length : newline + 1;
    } else if (sql.startsWith("/*", at)) {
      const close = sql.indexOf("*/", at + 2);
      at = close < 0 ? sql.length : close + 2;
    } else if (character === "'") {
      at = endOfQuoted(sql, at, "'");
      tokens.push({ kind: "string", text: sql.slice(start, at), start, end: at });
    } else if (character === "`" || character === '"') {
      at = endOfQuoted(sql, at, character);
      tokens.push({ kind: "quoted", text: sql.slice(start, at), start, end: at });
    } else if (heredocTag(sql, at) !== "") {
      const tag = heredocTag(sql, at);
      const close = sql.indexOf(tag, at + tag.length);
      at = close < 0 ? sql.length : close + tag.length;
      tokens.push({ kind: "string", text: sql.slice(start, at), start, end: at });
    } else if (wordStart.test(character)) {
      while (at < sql.length && wordPart.test(sql[at] ?? "")) at += 1;
      tokens.push({ kind: "word", text: sql.slice(start, at), start, end: at });
    } else {
      at += 1;
      tokens.push({ kind: "symbol", text: character, start, end: at });
    }
  }
  return tokens;
}
