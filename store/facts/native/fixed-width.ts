import { noPrefix, type NativeColumn, type RowSelection } from "./column.ts";
import { writeElements, type NativeSink } from "./sink.ts";

const initialRows = 64;

type Elements = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** At least `length` elements, what is there kept; new elements are zero. */
export function grownElements<T extends Elements>(elements: T, length: number): T {
  if (length <= elements.length) return elements;
  const grown = new (elements.constructor as new (length: number) => T)(Math.max(length, elements.length * 2));
  grown.set(elements);
  return grown;
}

/** Writes elements of the selected rows, `width` elements a row. */
export function writeSelected(
  sink: NativeSink,
  elements: Elements,
  length: number,
  rows: RowSelection | null,
  width = 1,
): void {
  if (rows === null) return writeElements(sink, elements, length * width);
  const picked = new (elements.constructor as new (length: number) => Elements)(rows.length * width);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] as number;
    for (let word = 0; word < width; word++) picked[index * width + word] = elements[row * width + word] as number;
  }
  writeElements(sink, picked, picked.length);
}

export interface Float64Column extends NativeColumn {
  values: Float64Array;
}

export function createFloat64Column(): Float64Column {
  const column: Float64Column = {
    type: "Float64",
    length: 0,
    values: new Float64Array(initialRows),
    encodePrefix: noPrefix,
    encode: (sink, rows) => writeSelected(sink, column.values, column.length, rows),
    clear: () => {
      column.length = 0;
    },
    capacity: () => column.values.byteLength,
  };
  return column;
}

export function appendFloat64(column: Float64Column, value: number): void {
  if (column.length === column.values.length) column.values = grownElements(column.values, column.length + 1);
  column.values[column.length++] = value;
}

export interface NullableFloat64Column extends NativeColumn {
  /** 1 where the value is NULL. */
  nulls: Uint8Array;
  values: Float64Array;
}

export function createNullableFloat64Column(): NullableFloat64Column {
  const column: NullableFloat64Column = {
    type: "Nullable(Float64)",
    length: 0,
    nulls: new Uint8Array(initialRows),
    values: new Float64Array(initialRows),
    encodePrefix: noPrefix,
    encode: (sink, rows) => {
      writeSelected(sink, column.nulls, column.length, rows);
      writeSelected(sink, column.values, column.length, rows);
    },
    clear: () => {
      column.length = 0;
    },
    capacity: () => column.nulls.byteLength + column.values.byteLength,
  };
  return column;
}

export function appendNullableFloat64(column: NullableFloat64Column, value: number | null): void {
  const index = reserveNullableFloat64(column, 1);
  if (value === null) return;
  column.nulls[index] = 0;
  column.values[index] = value;
}

/** Appends `count` NULLs, to be overwritten in place. @returns index of the first. */
export function reserveNullableFloat64(column: NullableFloat64Column, count: number): number {
  const first = column.length;
  const end = first + count;
  if (end > column.values.length) {
    column.values = grownElements(column.values, end);
    column.nulls = grownElements(column.nulls, end);
  }
  const { nulls, values } = column;
  for (let index = first; index < end; index++) {
    nulls[index] = 1;
    values[index] = 0;
  }
  column.length = end;
  return first;
}

/** Int64 and DateTime64: two 32-bit words a row, low word first, so that no BigInt is made. */
export interface Int64Column extends NativeColumn {
  words: Uint32Array;
}

export function createInt64Column(type: "Int64" | "UInt64" | "DateTime64(3, 'UTC')"): Int64Column {
  const column: Int64Column = {
    type,
    length: 0,
    words: new Uint32Array(initialRows * 2),
    encodePrefix: noPrefix,
    encode: (sink, rows) => writeSelected(sink, column.words, column.length, rows, 2),
    clear: () => {
      column.length = 0;
    },
    capacity: () => column.words.byteLength,
  };
  return column;
}

/** @param value An integer, |value| < 2^53. */
export function appendInt64(column: Int64Column, value: number): void {
  const at = column.length * 2;
  if (at === column.words.length) column.words = grownElements(column.words, at + 2);
  column.words[at] = value >>> 0;
  column.words[at + 1] = Math.floor(value / 4294967296);
  column.length++;
}

export interface UInt32Column extends NativeColumn {
  values: Uint32Array;
}

export function createUInt32Column(): UInt32Column {
  const column: UInt32Column = {
    type: "UInt32",
    length: 0,
    values: new Uint32Array(initialRows),
    encodePrefix: noPrefix,
    encode: (sink, rows) => writeSelected(sink, column.values, column.length, rows),
    clear: () => {
      column.length = 0;
    },
    capacity: () => column.values.byteLength,
  };
  return column;
}

export function appendUInt32(column: UInt32Column, value: number): void {
  if (column.length === column.values.length) column.values = grownElements(column.values, column.length + 1);
  column.values[column.length++] = value;
}

/** Days since 1970-01-01. */
export interface DateColumn extends NativeColumn {
  days: Uint16Array;
}

/** The last day that ClickHouse's `Date` can hold: 2149-06-06. */
const lastDay = 65_535;

export function createDateColumn(): DateColumn {
  const column: DateColumn = {
    type: "Date",
    length: 0,
    days: new Uint16Array(initialRows),
    encodePrefix: noPrefix,
    encode: (sink, rows) => writeSelected(sink, column.days, column.length, rows),
    clear: () => {
      column.length = 0;
    },
    capacity: () => column.days.byteLength,
  };
  return column;
}

/** @param day Days since 1970-01-01; later than 2149-06-06 becomes that day. */
export function appendDate(column: DateColumn, day: number): void {
  if (column.length === column.days.length) column.days = grownElements(column.days, column.length + 1);
  column.days[column.length++] = day > lastDay ? lastDay : day;
}
