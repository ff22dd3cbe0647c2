import { noPrefix, type NativeColumn, type RowSelection } from "./column.ts";
import { reserveBytes, writeElements, writeVarUInt, type NativeSink } from "./sink.ts";

/** Each value as its length (LEB128) and its UTF-8 bytes, ready to send. */
export interface StringColumn extends NativeColumn {
  readonly sink: NativeSink;
}

export function createStringColumn(): StringColumn {
  const sink: NativeSink = { bytes: Buffer.allocUnsafeSlow(1024), length: 0 };
  const column: StringColumn = {
    type: "String",
    length: 0,
    sink,
    encodePrefix: noPrefix,
    encode: (out, rows) => {
      if (rows === null) writeElements(out, sink.bytes, sink.length);
      else writeSelectedStrings(out, sink, column.length, rows);
    },
    clear: () => {
      column.length = 0;
      sink.length = 0;
    },
    capacity: () => sink.bytes.length,
  };
  return column;
}

// Below this a loop over the characters beats a call into the runtime.
const shortText = 48;

export function appendString(column: StringColumn, text: string): void {
  column.length++;
  const sink = column.sink;
  const length = text.length;
  const start = sink.length;
  if (start + length * 3 + 8 > sink.bytes.length) reserveBytes(sink, length * 3 + 8);
  if (length <= shortText) {
    const bytes = sink.bytes;
    let index = 0;
    for (; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) break;
      bytes[start + 1 + index] = code;
    }
    if (index === length) {
      bytes[start] = length;
      sink.length = start + 1 + length;
      return;
    }
  }
  writeVarUInt(sink, Buffer.byteLength(text));
  sink.length += sink.bytes.write(text, sink.length);
}

/** Takes values back: the column then holds `length` values in `byteLength` bytes. */
export function truncateString(column: StringColumn, length: number, byteLength: number): void {
  column.length = length;
  column.sink.length = byteLength;
}

function writeSelectedStrings(out: NativeSink, sink: NativeSink, length: number, rows: RowSelection): void {
  const { bytes } = sink;
  let at = 0;
  let next = 0;
  for (let row = 0; row < length && next < rows.length; row++) {
    const start = at;
    let size = 0;
    let scale = 1;
    let byte: number;
    do {
      byte = bytes[at++] as number;
      size += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    at += size;
    if (rows[next] !== row) continue;
    next++;
    writeElements(out, bytes.subarray(start, at), at - start);
  }
}
