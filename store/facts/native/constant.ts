import { noPrefix } from "./column.ts";
import { appendLowCardinality, createLowCardinalityColumn, reserveKeys } from "./low-cardinality.ts";
import { writeElements, type NativeSink } from "./sink.ts";

/** A column whose value is the same in every row; made when the block is encoded. */
export interface ConstantColumn {
  readonly type: string;
  readonly encodePrefix: (sink: NativeSink) => void;
  readonly encode: (sink: NativeSink, rows: number) => void;
}

export function constantText(text: string): ConstantColumn {
  return {
    type: "LowCardinality(String)",
    encodePrefix: (sink) => createLowCardinalityColumn({ nullable: false }).encodePrefix(sink),
    encode: (sink, rows) => {
      if (rows === 0) return;
      const column = createLowCardinalityColumn({ nullable: false });
      appendLowCardinality(column, text);
      // Key 0 is the only value there is.
      reserveKeys(column, rows - 1);
      column.encode(sink, null);
    },
  };
}

export function constantUInt32(value: number): ConstantColumn {
  return {
    type: "UInt32",
    encodePrefix: noPrefix,
    encode: (sink, rows) => writeElements(sink, new Uint32Array(rows).fill(value), rows),
  };
}

export function constantTime(timeMs: number): ConstantColumn {
  return {
    type: "DateTime64(3, 'UTC')",
    encodePrefix: noPrefix,
    encode: (sink, rows) => {
      const words = new Uint32Array(rows * 2);
      for (let at = 0; at < words.length; at += 2) {
        words[at] = timeMs >>> 0;
        words[at + 1] = Math.floor(timeMs / 4294967296);
      }
      writeElements(sink, words, words.length);
    },
  };
}
