import type { NativeColumn } from "./column.ts";
import { grownElements, writeSelected } from "./fixed-width.ts";
import { appendString, createStringColumn, type StringColumn } from "./string.ts";
import { writeElements, writeUInt64 } from "./sink.ts";

/** Each distinct value once, and a key into them per row. */
export interface LowCardinalityColumn extends NativeColumn {
  readonly dictionary: Map<string, number>;
  readonly distinct: StringColumn;
  keys: Uint32Array;
  /** The value that `appendLowCardinality` appended last, and its key; null if there is none. */
  lastText: string | null;
  lastKey: number;
}

// Native format: "shared dictionaries with additional keys", here always with the keys in the block itself.
const serializationVersion = 1;
const hasAdditionalKeys = 1 << 9;
const needUpdateDictionary = 1 << 10;

/** The key of NULL in a nullable column. */
export const nullKey = 0;

/** Source: ClickHouse, `SerializationLowCardinality`. In a nullable column key 0 is NULL. */
export function createLowCardinalityColumn(options: { nullable: boolean }): LowCardinalityColumn {
  const column: LowCardinalityColumn = {
    type: options.nullable ? "LowCardinality(Nullable(String))" : "LowCardinality(String)",
    length: 0,
    dictionary: new Map(),
    distinct: createStringColumn(),
    keys: new Uint32Array(64),
    lastText: null,
    lastKey: 0,
    encodePrefix: (sink) => writeUInt64(sink, serializationVersion),
    encode: (sink, rows) => {
      const count = rows === null ? column.length : rows.length;
      // The server reads nothing at all for an empty column (an array column of empty arrays).
      if (count === 0) return;
      const distinct = column.distinct.length;
      const keyType = distinct <= 0x100 ? 0 : distinct <= 0x10000 ? 1 : 2;
      writeUInt64(sink, hasAdditionalKeys | needUpdateDictionary | keyType);
      writeUInt64(sink, distinct);
      column.distinct.encode(sink, null);
      writeUInt64(sink, count);
      if (keyType === 2) return writeSelected(sink, column.keys, column.length, rows);
      const keys = keyType === 0 ? new Uint8Array(count) : new Uint16Array(count);
      if (rows === null) for (let row = 0; row < count; row++) keys[row] = column.keys[row] as number;
      else for (let row = 0; row < count; row++) keys[row] = column.keys[rows[row] as number] as number;
      writeElements(sink, keys, count);
    },
    clear: () => {
      column.length = 0;
      column.lastText = null;
      column.dictionary.clear();
      column.distinct.clear();
      if (options.nullable) appendString(column.distinct, "");
    },
    capacity: () => column.keys.byteLength + column.distinct.capacity(),
  };
  column.clear();
  return column;
}

/** The key of a value, new or known. */
export function dictionaryKey(column: LowCardinalityColumn, text: string): number {
  const known = column.dictionary.get(text);
  return known === undefined ? newDictionaryKey(column, text) : known;
}

function newDictionaryKey(column: LowCardinalityColumn, text: string): number {
  const key = column.distinct.length;
  column.dictionary.set(text, key);
  appendString(column.distinct, text);
  return key;
}

export function appendKey(column: LowCardinalityColumn, key: number): void {
  if (column.length === column.keys.length) column.keys = grownElements(column.keys, column.length + 1);
  column.keys[column.length++] = key;
}

/** For columns whose value seldom changes from row to row: comparing strings is cheaper than looking one up. */
export function appendLowCardinality(column: LowCardinalityColumn, text: string): void {
  if (text !== column.lastText) {
    column.lastKey = dictionaryKey(column, text);
    column.lastText = text;
  }
  appendKey(column, column.lastKey);
}

/** Appends `count` NULLs (nullable) to be overwritten in place. @returns index of the first. */
export function reserveKeys(column: LowCardinalityColumn, count: number): number {
  const first = column.length;
  const end = first + count;
  if (end > column.keys.length) column.keys = grownElements(column.keys, end);
  const { keys } = column;
  for (let index = first; index < end; index++) keys[index] = nullKey;
  column.length = end;
  return first;
}
