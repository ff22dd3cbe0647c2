import type { NativeColumn, RowSelection } from "./column.ts";
import { grownElements } from "./fixed-width.ts";
import { reserveBytes, writeUInt64, type NativeSink } from "./sink.ts";

/** Where each row's items end in the item columns, as 64-bit words (the high one stays zero). */
export interface ItemEnds {
  words: Uint32Array;
}

/** Items are appended to `items` first; `endArray` then closes the row. */
export interface ArrayColumn<Items extends NativeColumn> extends NativeColumn {
  readonly ends: ItemEnds;
  readonly items: Items;
}

/** Entries are appended to `keys` and `values` first; `endArray` then closes the row. */
export interface MapColumn<Keys extends NativeColumn, Values extends NativeColumn> extends NativeColumn {
  readonly ends: ItemEnds;
  readonly keys: Keys;
  readonly values: Values;
}

export function createArrayColumn<Items extends NativeColumn>(items: Items): ArrayColumn<Items> {
  const column: ArrayColumn<Items> = {
    type: `Array(${items.type})`,
    length: 0,
    ends: { words: new Uint32Array(128) },
    items,
    encodePrefix: (sink) => items.encodePrefix(sink),
    encode: (sink, rows) => {
      writeEnds(sink, column.ends, column.length, rows);
      items.encode(sink, rows === null ? null : selectedItems(column.ends, rows));
    },
    clear: () => {
      column.length = 0;
      items.clear();
    },
    capacity: () => column.ends.words.byteLength + items.capacity(),
  };
  return column;
}

export function createMapColumn<Keys extends NativeColumn, Values extends NativeColumn>(
  keys: Keys,
  values: Values,
): MapColumn<Keys, Values> {
  const column: MapColumn<Keys, Values> = {
    type: `Map(${keys.type}, ${values.type})`,
    length: 0,
    ends: { words: new Uint32Array(128) },
    keys,
    values,
    encodePrefix: (sink) => {
      keys.encodePrefix(sink);
      values.encodePrefix(sink);
    },
    encode: (sink, rows) => {
      writeEnds(sink, column.ends, column.length, rows);
      const items = rows === null ? null : selectedItems(column.ends, rows);
      keys.encode(sink, items);
      values.encode(sink, items);
    },
    clear: () => {
      column.length = 0;
      keys.clear();
      values.clear();
    },
    capacity: () => column.ends.words.byteLength + keys.capacity() + values.capacity(),
  };
  return column;
}

/** Closes a row whose items have been appended. @param end Items in the column so far. */
export function endArray(column: { length: number; readonly ends: ItemEnds }, end: number): void {
  const at = column.length * 2;
  if (at === column.ends.words.length) column.ends.words = grownElements(column.ends.words, at + 2);
  column.ends.words[at] = end;
  column.length++;
}

/** How many items the closed rows have: an unfinished row's items are taken back by setting this length. */
export function closedItems(column: { length: number; readonly ends: ItemEnds }): number {
  return column.length === 0 ? 0 : (column.ends.words[column.length * 2 - 2] as number);
}

function endOf(ends: ItemEnds, row: number): number {
  return row < 0 ? 0 : (ends.words[row * 2] as number);
}

function writeEnds(sink: NativeSink, ends: ItemEnds, length: number, rows: RowSelection | null): void {
  if (rows === null) {
    const size = length * 8;
    reserveBytes(sink, size);
    sink.bytes.set(new Uint8Array(ends.words.buffer, ends.words.byteOffset, size), sink.length);
    sink.length += size;
    return;
  }
  let total = 0;
  for (const row of rows) {
    total += endOf(ends, row) - endOf(ends, row - 1);
    writeUInt64(sink, total);
  }
}

function selectedItems(ends: ItemEnds, rows: RowSelection): RowSelection {
  let total = 0;
  for (const row of rows) total += endOf(ends, row) - endOf(ends, row - 1);
  const items = new Uint32Array(total);
  let next = 0;
  for (const row of rows) for (let item = endOf(ends, row - 1); item < endOf(ends, row); item++) items[next++] = item;
  return items;
}
