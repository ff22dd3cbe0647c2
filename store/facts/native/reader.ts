/** Of one block: the values of a column, row by row. */
export type ReadColumn =
  | { readonly kind: "numbers"; readonly values: Float64Array | Uint32Array | Uint16Array | Uint8Array }
  /** `isNull[row]` is 1 where there is no value. */
  | { readonly kind: "nullable_numbers"; readonly values: Float64Array; readonly isNull: Uint8Array }
  /** A row's text is `texts[keys[row]]`. */
  | { readonly kind: "texts"; readonly texts: readonly (string | null)[]; readonly keys: ArrayLike<number> }
  /** Row r has the items from `ends[r − 1]` (0 for the first) to `ends[r]`. */
  | { readonly kind: "arrays"; readonly ends: Float64Array; readonly items: Float64Array | Uint16Array };

export interface ReadBlock {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, ReadColumn>;
}

/** @throws Error if the answer has no column of this name and kind. */
export function columnOf<Kind extends ReadColumn["kind"]>(
  { columns }: ReadBlock,
  name: string,
  kind: Kind,
): Extract<ReadColumn, { kind: Kind }> {
  const found = columns.get(name);
  if (found?.kind !== kind) throw new Error(`the answer came without ${name} as ${kind}`);
  return found as Extract<ReadColumn, { kind: Kind }>;
}

interface Cursor {
  readonly bytes: Buffer;
  at: number;
}

/**
 * The blocks of a query's answer in ClickHouse's Native format, as the HTTP interface sends it (no block info). Columns are
 * typed arrays, so that numbers are never written as text and read again: about a tenth of what JSON costs.
 *
 * Types: Float64, UInt32, UInt16, UInt8, Nullable(Float64), Nullable(String), String, LowCardinality(String),
 * Array(Float64), Array(UInt16). Cast others in the query.
 *
 * @throws Error if the bytes are no blocks of these types.
 */
export function* readBlocks(bytes: Uint8Array): Generator<ReadBlock> {
  const cursor: Cursor = { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 };
  while (cursor.at < bytes.length) {
    const columnCount = readVarUInt(cursor);
    const rows = readVarUInt(cursor);
    const columns = new Map<string, ReadColumn>();
    for (let index = 0; index < columnCount; index++) {
      const name = readText(cursor);
      const type = readText(cursor);
      if (rows > 0) columns.set(name, readColumn(cursor, type, rows));
    }
    if (rows > 0) yield { rows, columns };
  }
}

function readColumn(cursor: Cursor, type: string, rows: number): ReadColumn {
  switch (type) {
    case "Float64":
      return { kind: "numbers", values: new Float64Array(take(cursor, rows * 8)) };
    case "UInt32":
      return { kind: "numbers", values: new Uint32Array(take(cursor, rows * 4)) };
    case "UInt16":
      return { kind: "numbers", values: new Uint16Array(take(cursor, rows * 2)) };
    case "UInt8":
      return { kind: "numbers", values: new Uint8Array(take(cursor, rows)) };
    case "Nullable(Float64)": {
      const isNull = new Uint8Array(take(cursor, rows));
      return { kind: "nullable_numbers", isNull, values: new Float64Array(take(cursor, rows * 8)) };
    }
    case "Nullable(String)": {
      const isNull = new Uint8Array(take(cursor, rows));
      return inOrder(
        Array.from({ length: rows }, (_, row) => (isNull[row] === 1 ? skipText(cursor) : readText(cursor))),
      );
    }
    case "String":
      return inOrder(Array.from({ length: rows }, () => readText(cursor)));
    case "LowCardinality(String)":
      return readLowCardinality(cursor, rows);
    case "Array(Float64)": {
      const ends = readUInt64s(cursor, rows);
      return { kind: "arrays", ends, items: new Float64Array(take(cursor, ends[rows - 1]! * 8)) };
    }
    case "Array(UInt16)": {
      const ends = readUInt64s(cursor, rows);
      return { kind: "arrays", ends, items: new Uint16Array(take(cursor, ends[rows - 1]! * 2)) };
    }
    default:
      throw new Error(`a column of type ${type} cannot be read`);
  }
}

function inOrder(texts: readonly (string | null)[]): ReadColumn {
  return { kind: "texts", texts, keys: texts.map((_, row) => row) };
}

/** The bytes, copied to where typed arrays can begin. */
function take(cursor: Cursor, length: number): ArrayBuffer {
  const { bytes, at } = cursor;
  if (!(at + length <= bytes.length)) throw new Error("the answer ends within a block");
  cursor.at += length;
  return bytes.buffer.slice(bytes.byteOffset + at, bytes.byteOffset + at + length) as ArrayBuffer;
}

/** As doubles: exact below 2^53. */
function readUInt64s(cursor: Cursor, count: number): Float64Array {
  const halves = new Uint32Array(take(cursor, count * 8));
  const result = new Float64Array(count);
  for (let index = 0; index < count; index++) result[index] = halves[2 * index]! + halves[2 * index + 1]! * 2 ** 32;
  return result;
}

const keysVersion = 1;
const keyTypeMask = 0xff;

/** A dictionary of the block's own: version of the keys, flags with the keys' width, the texts, the keys. */
function readLowCardinality(cursor: Cursor, rows: number): ReadColumn {
  const [version, flags, distinct] = readUInt64s(cursor, 3);
  if (version !== keysVersion) throw new Error(`a dictionary of version ${version} cannot be read`);
  const texts = Array.from({ length: distinct! }, () => readText(cursor));
  const [count] = readUInt64s(cursor, 1);
  if (count !== rows) throw new Error("a dictionary's keys are not as many as the block's rows");
  const width = flags! & keyTypeMask;
  const keys =
    width === 0
      ? new Uint8Array(take(cursor, rows))
      : width === 1
        ? new Uint16Array(take(cursor, rows * 2))
        : width === 2
          ? new Uint32Array(take(cursor, rows * 4))
          : readUInt64s(cursor, rows);
  return { kind: "texts", texts, keys };
}

function readVarUInt(cursor: Cursor): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) throw new Error("the answer ends within a block");
    value += (byte & 127) * scale;
    if (byte < 128) return value;
  }
}

function readText(cursor: Cursor): string {
  const length = readVarUInt(cursor);
  const { bytes, at } = cursor;
  if (at + length > bytes.length) throw new Error("the answer ends within a block");
  cursor.at += length;
  return length === 0 ? "" : bytes.toString("utf8", at, at + length);
}

function skipText(cursor: Cursor): null {
  const length = readVarUInt(cursor);
  cursor.at += length;
  return null;
}
