import type { NativeColumn, RowSelection } from "./column.ts";
import type { ConstantColumn } from "./constant.ts";
import { createNativeSink, writeText, writeVarUInt } from "./sink.ts";

export type BlockColumn =
  | { readonly kind: "filled"; readonly name: string; readonly column: NativeColumn }
  | { readonly kind: "constant"; readonly name: string; readonly column: ConstantColumn };

/**
 * One block of ClickHouse's Native format, as an HTTP insert takes it (no block info, no custom serializations).
 *
 * @param rows Which rows to send; null for all.
 * @returns the bytes, in a buffer of their own.
 */
export function encodeBlock(
  columns: readonly BlockColumn[],
  rowCount: number,
  rows: RowSelection | null,
  expectedBytes: number,
): Uint8Array {
  const sent = rows === null ? rowCount : rows.length;
  const sink = createNativeSink(expectedBytes);
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
