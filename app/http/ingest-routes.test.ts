import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deadLetterReasons } from "../../core/inference-event.ts";
import { maxBodyBytes } from "./ingest-routes.ts";
import { type ProblemCode, problems } from "./problem.ts";

const page = readFileSync(join(import.meta.dirname, "..", "..", "docs", "ingest.md"), "utf8");

test("docs/ingest.md gives each answer its status, and its example a reason there is", () => {
  const rows = [...page.matchAll(/^\| (\d{3}) \| (`.+?`) \|/gm)];
  const documented = rows.flatMap(([, status, codes]) =>
    (codes ?? "").split(", ").map((code) => [code.replaceAll("`", ""), Number(status)] as const),
  );
  expect(documented.length).toBeGreaterThan(8);
  expect(documented.map(([code]) => [code, problems[code as ProblemCode].status])).toEqual(documented);
  const [, reason] = /"reason": "(\w+)"/.exec(page) ?? [];
  expect(Object.keys(deadLetterReasons)).toContain(reason);
  expect(page).toContain(`(${maxBodyBytes.toLocaleString("en")} bytes)`);
});
