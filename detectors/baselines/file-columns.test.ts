import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileColumns } from "./file-columns.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "leeway-columns-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function columnsOf(name: string, text: string | Uint8Array): Promise<string[]> {
  const path = join(folder, name);
  await writeFile(path, text);
  return [...(await fileColumns(path)).columns.keys()];
}

test("a Parquet file's columns are read from its footer, with what their times are", async () => {
  const path = join(import.meta.dirname, "../../node_modules/vega-datasets/data/flights-3m.parquet");
  const { format, columns } = await fileColumns(path);
  expect(format).toBe("Parquet");
  expect([...columns.keys()]).toEqual(["date", "delay", "distance", "origin", "destination"]);
  expect(columns.get("date")?.timeType).toBe("timestamp");
  expect(columns.get("origin")?.timeType).toBe("text");
});

test("a CSV file's columns are its first line, quotes and byte order mark aside", async () => {
  expect(await columnsOf("a.csv", '\uFEFFa,"b, ""c""",d\r\n1,2,3\r\n')).toEqual(["a", 'b, "c"', "d"]);
});

test("an NDJSON file's columns are those of any row", async () => {
  expect(await columnsOf("a.ndjson", '{"a":1}\n\n{"b":null,"a":2}\n')).toEqual(["a", "b"]);
});

test.each([
  ["empty.csv", "", "is empty"],
  ["broken.ndjson", "{", "cannot be read"],
  ["no.parquet", "PAR1 but not at its end", "not a Parquet file"],
  [
    "cut.parquet",
    Uint8Array.from([...new TextEncoder().encode("PAR1....."), 255, 255, 0, 0, 80, 65, 82, 49]),
    "cut off",
  ],
  ["table.xlsx", "", "should end in"],
])("%s is refused with its path and the reason", async (name, text, reason) => {
  const failure = columnsOf(name, text);
  await expect(failure).rejects.toMatchObject({ code: "baseline_unreadable" });
  await expect(failure).rejects.toThrow(join(folder, name));
  await expect(failure).rejects.toThrow(reason);
});
