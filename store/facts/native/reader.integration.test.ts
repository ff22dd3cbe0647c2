import { expect, test } from "vitest";
import { createTestDatabase } from "../test-database.ts";
import { readBlocks, type ReadColumn } from "./reader.ts";

/** A column's values as JSON has them. */
function valuesOf(column: ReadColumn, rows: number): unknown[] {
  return Array.from({ length: rows }, (_, row) => {
    switch (column.kind) {
      case "numbers":
        return column.values[row];
      case "nullable_numbers":
        return column.isNull[row] === 1 ? null : column.values[row];
      case "texts":
        return column.texts[column.keys[row]!];
      case "arrays":
        return Array.from(column.items.subarray(row === 0 ? 0 : column.ends[row - 1], column.ends[row]));
    }
  });
}

test("every type is read as JSON has it, over several blocks", async () => {
  await using facts = await createTestDatabase();
  const sql = `SELECT number / 7 - 100 AS f64, toUInt32(number * 1000) AS u32, toUInt16(number % 60000) AS u16, toUInt8(number % 256) AS u8,
      if(number % 3 = 0, NULL, number / 3) AS nullable, if(number % 5 = 0, NULL, concat('é', toString(number))) AS nullable_text,
      concat('x', toString(number)) AS text, toLowCardinality(concat('c', toString(number % 700))) AS low,
      arrayMap(i -> i / 2, range(number % 4)) AS floats, arrayMap(i -> toUInt16(i + number), range(number % 3)) AS shorts
    FROM numbers(3000) ORDER BY number`;
  const expected = await facts.query<Record<string, unknown>>(sql);
  const read: Record<string, unknown>[] = [];
  let blocks = 0;
  for (const { rows, columns } of readBlocks(await facts.queryNative(sql, {}, { max_block_size: 1000 }))) {
    blocks += 1;
    const values = [...columns].map(([name, column]) => [name, valuesOf(column, rows)] as const);
    for (let row = 0; row < rows; row++) read.push(Object.fromEntries(values.map(([name, of]) => [name, of[row]])));
  }
  expect(blocks).toBeGreaterThan(1);
  expect(read).toEqual(expected);
});

test("an answer without rows has no blocks; one that is cut off, or of other types, is an error", async () => {
  await using facts = await createTestDatabase();
  const none = await facts.queryNative("SELECT toFloat64(number) AS n FROM numbers(10) WHERE number > 10");
  expect([...readBlocks(none)]).toEqual([]);
  const some = await facts.queryNative("SELECT toFloat64(number) AS n FROM numbers(10)");
  expect(() => [...readBlocks(some.subarray(0, some.length - 1))]).toThrow(/ends within a block/);
  const other = await facts.queryNative("SELECT toDecimal32(1, 2) AS d");
  expect(() => [...readBlocks(other)]).toThrow(/Decimal/);
});

test("what the store refuses is its error", async () => {
  await using facts = await createTestDatabase();
  await expect(facts.queryNative("SELECT nothing_of_the_kind")).rejects.toMatchObject({ code: "store_rejected" });
});
