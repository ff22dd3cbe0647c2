import type { FileHandle } from "node:fs/promises";
import type { FileColumn } from "./file-columns.ts";

/**
 * The top-level columns of a Parquet file, from its footer (apache/parquet-format, `parquet.thrift`: `FileMetaData.schema`
 * in Thrift's compact protocol). Nothing else of the file is read.
 *
 * @throws Error if this is not a Parquet file.
 */
export async function parquetColumns(file: FileHandle): Promise<FileColumn[]> {
  const { size } = await file.stat();
  const tail = Buffer.alloc(8);
  if (size >= 12) await file.read(tail, 0, 8, size - 8);
  if (tail.toString("latin1", 4) !== "PAR1") throw new Error("it is not a Parquet file (no PAR1 at its end)");
  const length = tail.readUInt32LE(0);
  if (length + 12 > size) throw new Error("its Parquet footer is cut off");
  const footer = Buffer.alloc(length);
  await file.read(footer, 0, length, size - 8 - length);
  const metadata = readStruct({ bytes: footer, at: 0 });
  const schema = (metadata.get(2) ?? []) as ReadonlyMap<number, unknown>[];

  // The tree is written depth first: the root, then each child followed by its own children.
  const columns: FileColumn[] = [];
  let index = 1;
  const skip = () => {
    const children = Number(schema[index++]?.get(5) ?? 0);
    for (let child = 0; child < children; child++) skip();
  };
  const top = Number(schema[0]?.get(5) ?? 0);
  for (let child = 0; child < top; child++) {
    const element = schema[index];
    if (element === undefined) break;
    columns.push({ name: String(element.get(4)), timeType: timeTypeOf(element) });
    skip();
  }
  return columns;
}

const physicalTypes = { int32: 1, int64: 2, int96: 3, byteArray: 6 };
const convertedTypes = { date: 6, timestampMillis: 9, timestampMicros: 10 };
const logicalTypes = { date: 6, timestamp: 8 };

function timeTypeOf(element: ReadonlyMap<number, unknown>): FileColumn["timeType"] {
  const physical = element.get(1);
  const converted = element.get(6);
  const logical = element.get(10) as ReadonlyMap<number, unknown> | undefined;
  if (
    physical === physicalTypes.int96 ||
    converted === convertedTypes.timestampMillis ||
    converted === convertedTypes.timestampMicros ||
    logical?.has(logicalTypes.timestamp) === true
  ) {
    return "timestamp";
  }
  if (converted === convertedTypes.date || logical?.has(logicalTypes.date) === true) return "date";
  if (physical === physicalTypes.int64 || physical === physicalTypes.int32) return "milliseconds";
  return "text";
}

/** Thrift compact protocol: structs become maps from field id to value. */
interface Reader {
  readonly bytes: Buffer;
  at: number;
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) throw new Error("its Parquet footer is cut off");
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

function readZigzag(reader: Reader): number {
  const value = readVarint(reader);
  return Number((value >> 1n) ^ -(value & 1n));
}

function readStruct(reader: Reader): Map<number, unknown> {
  const fields = new Map<number, unknown>();
  let id = 0;
  for (;;) {
    const header = reader.bytes[reader.at++];
    if (header === undefined) throw new Error("its Parquet footer is cut off");
    if (header === 0) return fields;
    const delta = header >> 4;
    id = delta === 0 ? readZigzag(reader) : id + delta;
    const type = header & 0x0f;
    // A struct's booleans are in the type itself.
    fields.set(id, type === 1 ? true : type === 2 ? false : readValue(reader, type));
  }
}

function readValue(reader: Reader, type: number): unknown {
  switch (type) {
    case 1:
    case 2:
      return reader.bytes[reader.at++] === 1;
    case 3:
      return reader.bytes.readInt8(reader.at++);
    case 4:
    case 5:
    case 6:
      return readZigzag(reader);
    case 7:
      reader.at += 8;
      return reader.bytes.readDoubleLE(reader.at - 8);
    case 8: {
      const length = Number(readVarint(reader));
      reader.at += length;
      return reader.bytes.toString("utf8", reader.at - length, reader.at);
    }
    case 9:
    case 10: {
      const header = reader.bytes[reader.at++] ?? 0;
      const size = header >> 4 === 15 ? Number(readVarint(reader)) : header >> 4;
      return Array.from({ length: size }, () => readValue(reader, header & 0x0f));
    }
    case 11: {
      const size = Number(readVarint(reader));
      if (size === 0) return [];
      const types = reader.bytes[reader.at++] ?? 0;
      return Array.from({ length: size }, () => [readValue(reader, types >> 4), readValue(reader, types & 0x0f)]);
    }
    case 12:
      return readStruct(reader);
    default:
      throw new Error(`its Parquet footer holds an unknown type ${type}`);
  }
}
