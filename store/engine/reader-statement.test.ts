import { expect, test } from "vitest";
import { judgeReaderStatement } from "./reader-statement.ts";

// Statements as the engine spells them; that it does is claimed by engine.integration.test.ts, with more attempts.
const tableFunctions = new Set(["file", "url", "numbers", "format", "of_a_later_release"]);
const judge = (canonical: string) => judgeReaderStatement(canonical, tableFunctions).kind;

test.each([
  "SELECT * FROM `v_a/b`",
  "SELECT t.file FROM t",
  "SELECT 'file(x)' AS `file(x)`",
  "SELECT max(url) FROM t",
  "SELECT * FROM numbers(3)",
  "WITH x AS (SELECT 1) SELECT * FROM x",
  "DESCRIBE TABLE `v_a/b`",
  "SHOW TABLES",
  "EXPLAIN SELECT 1",
  "(SELECT 1) UNION ALL (SELECT 2)",
])("may run: %s", (sql) => {
  expect(judge(sql)).toBe("allowed");
});

test.each([
  "",
  "KILL QUERY WHERE 1 ASYNC",
  "SET readonly = 0",
  "SELECT file('x')",
  "SELECT arrayMap(file, ['x'])",
  "SELECT * FROM of_a_later_release('x')",
  "SELECT 1 INTO OUTFILE 'x'",
  "DESCRIBE TABLE `/etc/passwd`",
  "EXISTS TABLE `v_/../x`",
  "SELECT 1; SELECT 2",
])("is refused: %s", (sql) => {
  expect(judge(sql)).toBe("refused");
});
