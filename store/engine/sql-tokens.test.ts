import fc from "fast-check";
import { expect, test } from "vitest";
import { quoteString } from "./insert-statement.ts";
import { sqlTokens } from "./sql-tokens.ts";

const texts = (sql: string) => sqlTokens(sql).map((token) => token.text);

test("words, quoted names, strings and symbols are told apart", () => {
  expect(sqlTokens("a `b c` \"d\" 'e' (1)").map(({ kind }) => kind)).toEqual([
    "word",
    "quoted",
    "quoted",
    "string",
    "symbol",
    "symbol",
    "symbol",
  ]);
});

test.each([
  ["'it''s; \\' -- ' x", ["'it''s; \\' -- '", "x"]],
  ["a -- ; '\nb", ["a", "b"]],
  ["a // ; '\nb", ["a", "b"]],
  ["a /* ; ' */ b", ["a", "b"]],
  ["#! ; '\nb", ["b"]],
  ["$x$ '; $y$ $x$ b", ["$x$ '; $y$ $x$", "b"]],
  ["$$ '; $$ b", ["$$ '; $$", "b"]],
  ["`a``b\\`c` d", ["`a``b\\`c`", "d"]],
])("a quote ends where ClickHouse ends it: %s", (sql, expected) => {
  expect(texts(sql)).toEqual(expected);
});

test("what does not end reaches to the end", () => {
  expect(texts("a 'b; c")).toEqual(["a", "'b; c"]);
  expect(texts("a /* b; c")).toEqual(["a"]);
});

test("a quoted text is one string token, whatever it holds", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const sql = `SELECT ${quoteString(text)} AS x`;
      expect(sqlTokens(sql).map(({ kind }) => kind)).toEqual(["word", "string", "word", "word"]);
    }),
  );
});

test("tokens stand in order and inside the statement", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab'\"`\\$-/*#! \n;(") }), (sql) => {
      let last = 0;
      for (const token of sqlTokens(sql)) {
        expect(token.start).toBeGreaterThanOrEqual(last);
        expect(token.end).toBeGreaterThan(token.start);
        expect(token.text).toBe(sql.slice(token.start, token.end));
        last = token.end;
      }
      expect(last).toBeLessThanOrEqual(sql.length);
    }),
  );
});
