import { expect, test } from "vitest";
import { insertFromFile, splitInline } from "./insert-statement.ts";

test("rows of a body are read from a file", () => {
  expect(insertFromFile("INSERT INTO t (a, b) FORMAT Native", "/x/1")).toEqual({
    kind: "rewritten",
    sql: "INSERT INTO t (a, b) FROM INFILE '/x/1' COMPRESSION 'none' FORMAT Native",
  });
});

test("the file's name is quoted", () => {
  expect(insertFromFile("INSERT INTO t FORMAT CSV", "/it's \\ here")).toMatchObject({
    sql: expect.stringContaining("FROM INFILE '/it\\'s \\\\ here'"),
  });
});

test("input('structure') becomes the file, with the format of the statement", () => {
  const sql = "INSERT INTO t (a) SELECT upper(x) FROM input('x String') WHERE x != 'input()' FORMAT Parquet";
  expect(insertFromFile(sql, "/x/1")).toEqual({
    kind: "rewritten",
    sql: "INSERT INTO t (a) SELECT upper(x) FROM file('/x/1', 'Parquet', 'x String', 'none') WHERE x != 'input()' ",
  });
});

test.each(["SELECT 1 FORMAT Native", "INSERT INTO t SELECT 1", "DROP TABLE t"])("reads no rows: %s", (sql) => {
  expect(insertFromFile(sql, "/x/1")).toEqual({ kind: "not_an_insert" });
});

test.each([
  ["INSERT INTO t VALUES (1, 'a;\n\nb')", "INSERT INTO t  FORMAT Values", "(1, 'a;\n\nb')"],
  ["INSERT INTO t (`values`, format) VALUES (1, 2)", "INSERT INTO t (`values`, format)  FORMAT Values", "(1, 2)"],
  ["INSERT INTO d.values (a) VALUES (1)", "INSERT INTO d.values (a)  FORMAT Values", "(1)"],
  ['INSERT INTO t FORMAT JSONEachRow\n{"a": 1}', "INSERT INTO t FORMAT JSONEachRow", '{"a": 1}'],
])("rows are taken out of %s", (whole, sql, rows) => {
  expect(splitInline(whole)).toEqual({ kind: "rows", sql, rows });
});

test.each([
  "INSERT INTO t SELECT * FROM values('a Int8', 1)",
  "SELECT ';' /* ; */ -- ;",
  "SELECT 1;",
  "DROP TABLE t ;;",
])("one statement without rows stays as it is: %s", (sql) => {
  expect(splitInline(sql)).toEqual({ kind: "none" });
});

test.each(["SELECT 1; DROP TABLE t", "INSERT INTO t SELECT 1; SELECT 2"])(
  "several statements are refused: %s",
  (sql) => {
    expect(splitInline(sql)).toMatchObject({ kind: "refused" });
  },
);
