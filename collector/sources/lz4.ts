const frameMagic = 0x184d2204;
const minimumMatch = 4;

/**
 * Decompresses LZ4 frames (LZ4 Frame Format 1.6.1), as Kafka's producers write them: linked and independent blocks,
 * compressed and raw, several frames in a row. Checksums are skipped: Kafka's record batches have their own CRC.
 *
 * @throws Error if the bytes are not such frames, or end early.
 */
export function decompressLz4(input: Buffer): Buffer {
  let output = Buffer.allocUnsafe(Math.max(1024, input.length * 4));
  let length = 0;
  const reserve = (bytes: number) => {
    if (length + bytes <= output.length) return;
    const larger = Buffer.allocUnsafe(Math.max(output.length * 2, length + bytes));
    output.copy(larger, 0, 0, length);
    output = larger;
  };

  let at = 0;
  while (at < input.length) {
    if (input.readUInt32LE(at) !== frameMagic) throw new Error("not an LZ4 frame");
    const flags = input.readUInt8(at + 4);
    if (flags >> 6 !== 1) throw new Error("an unknown version of LZ4 frames");
    if ((flags & 1) !== 0) throw new Error("LZ4 frames with dictionaries are not supported");
    const blockChecksum = (flags & 0x10) !== 0 ? 4 : 0;
    const contentSize = (flags & 0x08) !== 0 ? 8 : 0;
    const contentChecksum = (flags & 0x04) !== 0 ? 4 : 0;
    at += 4 + 2 + contentSize + 1;
    for (;;) {
      const header = input.readUInt32LE(at);
      at += 4;
      if (header === 0) break;
      const size = header & 0x7fffffff;
      const end = at + size;
      if (end > input.length) throw new Error("an LZ4 block ends early");
      if (header >>> 31 === 1) {
        reserve(size);
        length += input.copy(output, length, at, end);
      } else {
        block(at, end);
      }
      at = end + blockChecksum;
    }
    at += contentChecksum;
  }
  return output.subarray(0, length);

  function block(start: number, end: number): void {
    let from = start;
    // A length of 15 is continued by bytes of 255 and a last one.
    const longer = (short: number) => {
      let total = short;
      if (short === 15) {
        let more: number;
        do {
          if (from >= end) throw new Error("an LZ4 block ends early");
          more = input[from++] as number;
          total += more;
        } while (more === 255);
      }
      return total;
    };
    while (from < end) {
      const token = input[from++] as number;
      const literals = longer(token >> 4);
      if (from + literals > end) throw new Error("an LZ4 block ends early");
      reserve(literals);
      length += input.copy(output, length, from, from + literals);
      from += literals;
      // The last sequence has literals only.
      if (from === end) return;
      if (from + 2 > end) throw new Error("an LZ4 block ends early");
      const distance = (input[from] as number) | ((input[from + 1] as number) << 8);
      from += 2;
      const match = longer(token & 15) + minimumMatch;
      if (distance === 0 || distance > length) throw new Error("an LZ4 match lies before the beginning");
      reserve(match);
      if (distance >= match) {
        output.copyWithin(length, length - distance, length - distance + match);
        length += match;
      } else {
        // A match may overlap what it produces: that repeats a pattern.
        for (let index = 0; index < match; index++, length++) output[length] = output[length - distance] as number;
      }
    }
  }
}
