import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeDeadLetters } from "../../store/facts/dead-letters.ts";
import { writeFeatureSchemas, writeLearningModels } from "../../store/facts/feature-schemas.ts";
import { storedOffsets } from "../../store/facts/stored-offsets.ts";
import type { BatchMaker, DeadLetter, MessageKind } from "../partition-batch.ts";

/** One row of a file, as a message in the contract's words. */
export interface FileRow {
  /** Counted from 0, in the file's order. */
  readonly row: number;
  readonly message: string;
}

/** What became of some rows: together they are all of them. */
export interface FileOutcome {
  readonly stored: number;
  /** Rows that an earlier run stored. */
  readonly storedBefore: number;
  readonly refused: readonly DeadLetter[];
}

export interface FileWriter {
  /** Rows of this file that the store had when this began. */
  readonly storedBefore: number;
  /** The row of a refused message. */
  readonly rowOf: (letter: DeadLetter) => number;
  /**
   * Stores rows, each once: those that are there already are left out, and whoever else is writing the same rows at this
   * moment writes them under the same token.
   *
   * Refused rows go to the table of dead letters as well, as those of other sources do.
   *
   * @param beforeStoring Takes the refused rows to safety; nothing is stored if it throws.
   * @throws LeewayError of the store; the same rows may be written again.
   */
  readonly write: (
    rows: readonly FileRow[],
    beforeStoring: (refused: readonly DeadLetter[]) => Promise<void>,
  ) => Promise<FileOutcome>;
}

/** Offsets of one file's rows lie between a base of its own and this many above. */
const rowsPerFile = 2 ** 33;
const offsetTags = 2 ** 20;
/** Offsets asked for at once. */
const offsetsPerQuery = 500_000;

/**
 * Writes the rows of one file. Who they are is kept in the columns `partition` and `offset` (the topic is empty, as of all
 * that comes without Kafka): 52 bits of a hash over content, kind, model and environment, and the number of the row. That
 * is what makes the same file, brought twice or after a kill, count once for as long as its rows are kept.
 *
 * @param options.rowNumbers One more than the largest number of a row, at most 2^33.
 * @param options.persevere Tries what the store pushed back until it works, or throws.
 */
export async function createFileWriter(options: {
  readonly facts: Facts;
  readonly batchMaker: BatchMaker;
  readonly kind: MessageKind;
  readonly file: { readonly sha256: string; readonly model: string | null; readonly environment: string | null };
  readonly rowNumbers: number;
  readonly clock: Clock;
  readonly persevere: (work: () => Promise<void>) => Promise<void>;
}): Promise<FileWriter> {
  const { facts, batchMaker, kind, file, clock, rowNumbers, persevere } = options;
  const identity = createHash("sha256")
    .update(JSON.stringify([kind, file.sha256, file.model, file.environment]))
    .digest();
  const partition = identity.readUInt32BE(0);
  const base = (identity.readUInt32BE(4) % offsetTags) * rowsPerFile;
  const name = identity.toString("hex", 0, 16);

  const known = new Uint8Array(Math.ceil(rowNumbers / 8));
  let storedBefore = 0;
  for (let lo = 0; lo < rowNumbers; lo += offsetsPerQuery) {
    const range = { table: kind, topic: "", partition, lo: base + lo, hi: base + lo + offsetsPerQuery - 1 } as const;
    for (const offset of (await storedOffsets(facts, range)).keys()) {
      const row = offset - base;
      known[row >> 3]! |= 1 << (row & 7);
      storedBefore += 1;
    }
    // Most files are new: one look at the whole of it says so.
    if (lo === 0 && storedBefore === 0 && (await nothingStored(facts, { ...range, hi: base + rowsPerFile - 1 }))) break;
  }
  const isKnown = (row: number) => (known[row >> 3]! & (1 << (row & 7))) !== 0;

  return {
    storedBefore,
    rowOf: (letter) => letter.offset - base,
    write: async (rows, beforeStoring) => {
      const fresh = rows.filter(({ row }) => !isKnown(row));
      if (fresh.length === 0) return { stored: 0, storedBefore: rows.length, refused: [] };
      const batch = batchMaker.createBatch(kind);
      const which = createHash("sha256");
      const timestampMs = clock.now();
      for (const { row, message } of fresh) {
        batch.add({ topic: "", partition, offset: base + row, value: Buffer.from(message), timestampMs });
        which.update(`${row},`);
      }
      const refused = [...batch.deadLetters];
      await beforeStoring(refused);
      if (refused.length > 0) await persevere(() => writeDeadLetters(facts, refused));
      const { newSchemas, newModels } = batch.decoding();
      await persevere(async () => {
        await writeFeatureSchemas(facts, newSchemas, clock.now());
        await writeLearningModels(facts, newModels, clock.now());
      });
      batchMaker.markStored({ schemas: newSchemas, models: newModels });
      const prefix = `file/${name}/${which.digest("hex").slice(0, 16)}`;
      for (const { table, month, columns, body, rows: count } of batch.blocks()) {
        const token = `${prefix}/${table}/${month}/${count}`;
        await persevere(() => facts.insertBlock({ table, columns, body, token }));
      }
      const stored = batch.rows;
      batch.release();
      return { stored, storedBefore: rows.length - fresh.length, refused };
    },
  };
}

async function nothingStored(facts: Facts, range: Parameters<typeof storedOffsets>[1]): Promise<boolean> {
  return (await storedOffsets(facts, range)).size === 0;
}
