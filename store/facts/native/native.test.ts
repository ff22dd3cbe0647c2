import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createArrayColumn, endArray } from "./array.ts";
import type { NativeColumn } from "./column.ts";
import {
  appendDate,
  appendFloat64,
  appendInt64,
  appendNullableFloat64,
  appendUInt32,
  createDateColumn,
  createFloat64Column,
  createInt64Column,
  createNullableFloat64Column,
  createUInt32Column,
} from "./fixed-width.ts";
import { appendLowCardinality, createLowCardinalityColumn } from "./low-cardinality.ts";
import { appendString, createStringColumn } from "./string.ts";
import { createNativeSink, writeUInt64, writeVarUInt } from "./sink.ts";

function encoded(column: NativeColumn, rows: readonly number[] | null = null): Buffer {
  const sink = createNativeSink(1);
  column.encode(sink, rows === null ? null : Uint32Array.from(rows));
  return Buffer.from(sink.bytes.subarray(0, sink.length));
}

function filled<Column extends NativeColumn, Value>(
  create: () => Column,
  append: (column: Column, value: Value) => void,
  values: readonly Value[],
): Column {
  const column = create();
  for (const value of values) append(column, value);
  return column;
}

describe("values are written as ClickHouse reads them", () => {
  test("LEB128", () => {
    const bytes = (value: number) => {
      const sink = createNativeSink(1);
      writeVarUInt(sink, value);
      return [...sink.bytes.subarray(0, sink.length)];
    };
    expect(bytes(0)).toEqual([0]);
    expect(bytes(127)).toEqual([127]);
    expect(bytes(128)).toEqual([0x80, 1]);
    expect(bytes(624485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(bytes(2 ** 53 - 1)).toEqual([255, 255, 255, 255, 255, 255, 255, 15]);
  });

  test("64-bit integers, of either sign", () => {
    const integers = fc.maxSafeInteger();
    fc.assert(
      fc.property(integers, (value) => {
        const column = filled(() => createInt64Column("Int64"), appendInt64, [value]);
        return encoded(column).readBigInt64LE() === BigInt(value);
      }),
    );
    const sink = createNativeSink(1);
    writeUInt64(sink, 2 ** 40 + 5);
    expect(sink.bytes.readBigUInt64LE()).toBe(2n ** 40n + 5n);
  });

  test("a string: its length in bytes, then UTF-8", () => {
    const lengths = fc.constantFrom(0, 1, 41, 42, 47, 48, 49, 127, 128, 5461, 5462, 16383, 16384, 70_000);
    const texts = fc
      .tuple(lengths, fc.constantFrom("a", "é", "漢", "a😀", "\ud800"))
      .map(([n, unit]) => unit.repeat(n));
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 4 }), (values) => {
        const expected = values.map((text) => {
          const bytes = Buffer.from(text);
          const sink = createNativeSink();
          writeVarUInt(sink, bytes.length);
          return Buffer.concat([sink.bytes.subarray(0, sink.length), bytes]);
        });
        expect(encoded(filled(createStringColumn, appendString, values)).equals(Buffer.concat(expected))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("a date beyond 2149-06-06 is that day", () => {
    expect(encoded(filled(createDateColumn, appendDate, [20485, 1e6])).readUInt16LE(2)).toBe(65_535);
  });

  test.each([
    [256, 0, 1],
    [257, 1, 2],
    [65_536, 1, 2],
    [65_537, 2, 4],
  ])("a dictionary of %i values has keys of kind %i, %i bytes each", (distinct, kind, width) => {
    const values = Array.from({ length: distinct }, (_, index) => `${index}`);
    const column = filled(() => createLowCardinalityColumn({ nullable: false }), appendLowCardinality, values);
    const bytes = encoded(column);
    expect(bytes.readUInt32LE(0)).toBe(0x600 + kind);
    expect(bytes.readUInt32LE(8)).toBe(distinct);
    expect(bytes.readUIntLE(bytes.length - width, width)).toBe(distinct - 1);
  });
});

describe("some rows of a column are written as a column of these rows would be", () => {
  const choice = fc.array(fc.tuple(fc.string({ maxLength: 200 }), fc.integer({ min: 0, max: 60_000 }), fc.boolean()), {
    maxLength: 200,
  });

  test.each<[string, () => NativeColumn, (column: never, text: string, number: number) => void]>([
    ["Float64", createFloat64Column, (column: never, _, number) => appendFloat64(column, number)],
    ["String", createStringColumn, (column: never, text) => appendString(column, text)],
    ["Int64", () => createInt64Column("Int64"), (column: never, _, number) => appendInt64(column, number)],
    ["UInt32", createUInt32Column, (column: never, _, number) => appendUInt32(column, number)],
    ["Date", createDateColumn, (column: never, _, number) => appendDate(column, number)],
    [
      "Nullable(Float64)",
      createNullableFloat64Column,
      (column: never, _, number) => appendNullableFloat64(column, number % 3 === 0 ? null : number),
    ],
    [
      "Array(String)",
      () => createArrayColumn(createStringColumn()),
      (column: never, text, number) => {
        const array = column as ReturnType<typeof createArrayColumn<ReturnType<typeof createStringColumn>>>;
        for (let item = 0; item < number % 4; item++) appendString(array.items, text + item);
        endArray(array, array.items.length);
      },
    ],
  ])("%s", (_, create, append) => {
    fc.assert(
      fc.property(choice, (rows) => {
        const all = create();
        const some = create();
        const kept: number[] = [];
        for (const [row, [text, number, keep]] of rows.entries()) {
          append(all as never, text, number);
          if (!keep) continue;
          append(some as never, text, number);
          kept.push(row);
        }
        expect(encoded(all, kept).equals(encoded(some))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

test("a cleared column is as good as new", () => {
  const values = ["a", "b", "a"];
  const column = filled(() => createLowCardinalityColumn({ nullable: true }), appendLowCardinality, ["x", "a"]);
  column.clear();
  for (const value of values) appendLowCardinality(column, value);
  const fresh = filled(() => createLowCardinalityColumn({ nullable: true }), appendLowCardinality, values);
  expect(encoded(column).equals(encoded(fresh))).toBe(true);
});
