import { createRequire } from "node:module";
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import { decompressLz4 } from "./lz4.ts";

interface Encoder {
  readonly buffer: Buffer;
}

interface Codec {
  compress(encoder: Encoder): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

const compressZstd = promisify(zstdCompress);
const decompressZstd = promisify(zstdDecompress);

const zstd: Codec = {
  compress: (encoder) => compressZstd(encoder.buffer),
  decompress: (buffer) => decompressZstd(buffer),
};

/** Producers that use it are read; nothing of ours writes it. */
const lz4: Codec = {
  compress: () => Promise.reject(new Error("LZ4 is only read")),
  decompress: (buffer) => Promise.resolve(decompressLz4(buffer)),
};

/** A batch in a compression that is not registered stops a consumer for good, so all that producers use are here. */
export function registerCodecs(): void {
  const load = createRequire(import.meta.url);
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.Snappy] = load("kafkajs-snappy") as () => Codec;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
}
