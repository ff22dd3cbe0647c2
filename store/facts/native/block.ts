import type { NativeColumn, RowSelection } from "./column.ts";
import type { ConstantColumn } from "./constant.ts";
import { reserveBytes, writeText, writeVarUInt, type NativeSink } from "./sink.ts";

export type BlockColumn =
  | { readonly kind: "filled"; readonly name: string; readonly column: NativeColumn }
  | { readonly kind: "constant"; readonly name: string; readonly column: ConstantColumn };

/**
 * One block of ClickHouse's Native format, as an HTTP insert takes it (no block info, no custom serializations).
 *
 * @param sink Where it is written, from the beginning.
 * @param rows Which rows to send; null for all.
 * @returns the bytes, which lie in the sink.
 */
export function encodeBlock(
  sink: NativeSink,
  columns: readonly BlockColumn[],
  rowCount: number,
  rows: RowSelection | null,
  expectedBytes: number,
): Uint8Array {
  const sent = rows === null ? rowCount : rows.length;
  sink.length = 0;
  reserveBytes(sink, expectedBytes);
  writeVarUInt(sink, columns.length);
  writeVarUInt(sink, sent);
  for (const { kind, name, column } of columns) {
    writeText(sink, name);
    writeText(sink, column.type);
    column.encodePrefix(sink);
    if (kind === "filled") column.encode(sink, rows);
    else column.encode(sink, sent);
  }
  return sink.bytes.subarray(0, sink.length);
}

/** Empties the columns of a block and keeps their buffers. */
export function clearColumns(columns: readonly BlockColumn[]): void {
  for (const entry of columns) if (entry.kind === "filled") entry.column.clear();
}

/** Bytes of all buffers of a block's columns. */
export function columnsCapacity(columns: readonly BlockColumn[]): number {
  return columns.reduce((bytes, entry) => bytes + (entry.kind === "filled" ? entry.column.capacity() : 0), 0);
}
