import type { NativeSink } from "./sink.ts";

/** Row numbers to send, ascending. */
export type RowSelection = Uint32Array;

/**
 * A column being filled, row by row, in typed arrays that grow; `encode…` writes it as ClickHouse's Native format does.
 * Columns are plain records and appending is a function over them, because these are the statements that run for every
 * value of every event: V8 inlines them, and no object is made per value.
 */
export interface NativeColumn {
  /** The type named in the block; the server converts where its table's type is another. */
  readonly type: string;
  /** Rows (of an array's items: items) appended so far. Setting it lower takes rows back. */
  length: number;
  /** What comes before the column's data, for all nested columns at once. */
  readonly encodePrefix: (sink: NativeSink) => void;
  readonly encode: (sink: NativeSink, rows: RowSelection | null) => void;
  /** Empties the column and keeps its buffers. */
  readonly clear: () => void;
  /** Bytes of its buffers, filled or not. */
  readonly capacity: () => number;
}

export const noPrefix = (): void => {};
