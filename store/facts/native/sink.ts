/** A growing run of bytes that a Native block is written into. Integers are little endian, as the format wants them. */
export interface NativeSink {
  bytes: Buffer;
  length: number;
}

export function createNativeSink(capacity = 4096): NativeSink {
  return { bytes: Buffer.allocUnsafeSlow(capacity), length: 0 };
}

/** Makes room for `size` more bytes. */
export function reserveBytes(sink: NativeSink, size: number): void {
  const needed = sink.length + size;
  if (needed <= sink.bytes.length) return;
  const grown = Buffer.allocUnsafeSlow(Math.max(needed, sink.bytes.length * 2));
  sink.bytes.copy(grown, 0, 0, sink.length);
  sink.bytes = grown;
}

/** A non-negative integer below 2^53. */
export function writeUInt64(sink: NativeSink, value: number): void {
  reserveBytes(sink, 8);
  sink.bytes.writeUInt32LE(value >>> 0, sink.length);
  sink.bytes.writeUInt32LE(Math.floor(value / 2 ** 32), sink.length + 4);
  sink.length += 8;
}

/** LEB128, below 2^53. */
export function writeVarUInt(sink: NativeSink, value: number): void {
  reserveBytes(sink, 8);
  let rest = value;
  while (rest >= 0x80) {
    sink.bytes[sink.length++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  sink.bytes[sink.length++] = rest;
}

/** Length in bytes, then UTF-8; a lone surrogate becomes U+FFFD. */
export function writeText(sink: NativeSink, text: string): void {
  const length = text.length;
  reserveBytes(sink, length * 3 + 8);
  if (length * 3 < 0x80) {
    const written = sink.bytes.write(text, sink.length + 1);
    sink.bytes[sink.length] = written;
    sink.length += written + 1;
    return;
  }
  writeVarUInt(sink, Buffer.byteLength(text));
  sink.length += sink.bytes.write(text, sink.length);
}

/** The bytes that a typed array's first `length` elements occupy (this machine's order, which must be little endian). */
export function writeElements(
  sink: NativeSink,
  elements: Uint8Array | Uint16Array | Uint32Array | Float64Array,
  length: number,
): void {
  const size = length * elements.BYTES_PER_ELEMENT;
  reserveBytes(sink, size);
  sink.bytes.set(new Uint8Array(elements.buffer, elements.byteOffset, size), sink.length);
  sink.length += size;
}
