import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { BatchMaker, DeadLetter } from "../../collector/partition-batch.ts";
import { createFileWriter, type FileWriter } from "../../collector/sources/file.ts";
import type { Facts } from "../../store/facts/client.ts";
import type { FileMessage } from "../../store/facts/file-events.ts";
import type { EventFile } from "./event-file.ts";

/** What became of a file's rows so far. */
export interface StoredFile {
  rows: number;
  stored: number;
  storedBefore: number;
  readonly refused: Map<string, number>;
  /** Labels that came beside events; the same file of labels alone has them above. */
  readonly labels: { stored: number; storedBefore: number; readonly refused: Map<string, number> };
}

/** A refused row on its way to safety. */
export interface RefusedRow {
  /** Counted from 1, as people count; of a file with a header, rows below it. */
  readonly row: number;
  readonly kind: "event" | "label";
  readonly reason: string;
  readonly detail: string;
  /** What was made of the row. */
  readonly message: string;
}

/** A store that pushes back or is away is tried again for so long. */
const perseveranceMs = 60_000;

export interface FileStoring {
  readonly outcome: StoredFile;
  /** @throws LeewayError; what was stored before stays, and is left out when the same file is brought again. */
  readonly write: (messages: readonly FileMessage[]) => Promise<void>;
}

/** Takes a file's messages to the store, each once. */
export async function createFileStoring(options: {
  readonly facts: Facts;
  readonly batchMaker: BatchMaker;
  readonly file: EventFile;
  readonly kind: "events" | "labels";
  /** Null where the lines name their own. */
  readonly model: string | null;
  readonly environment: string | null;
  readonly clock: Clock;
  readonly keepRefused: (rows: readonly RefusedRow[]) => Promise<void>;
  readonly abort?: AbortSignal;
}): Promise<FileStoring> {
  const { file, keepRefused } = options;
  const persevere = (work: () => Promise<void>) => perseveringly(work, options.abort);
  const writerOf = (kind: "events" | "labels"): Promise<FileWriter> =>
    createFileWriter({
      facts: options.facts,
      batchMaker: options.batchMaker,
      kind,
      file: { sha256: file.sha256, model: options.model, environment: options.environment },
      rowNumbers: file.messages.rowNumbers,
      clock: options.clock,
      persevere,
    });
  const rows = await writerOf(options.kind);
  const labels = file.messages.labels > 0 ? await writerOf("labels") : null;
  const outcome: StoredFile = {
    rows: 0,
    stored: 0,
    storedBefore: 0,
    refused: new Map(),
    labels: { stored: 0, storedBefore: 0, refused: new Map() },
  };
  const keep = (kind: RefusedRow["kind"], writer: FileWriter) => (letters: readonly DeadLetter[]) =>
    letters.length === 0
      ? Promise.resolve()
      : keepRefused(
          letters.map((letter) => ({
            row: writer.rowOf(letter) + 1,
            kind,
            reason: letter.reason,
            detail: letter.detail,
            message: letter.value.toString("utf8"),
          })),
        );
  return {
    outcome,
    write: async (messages) => {
      const kind = options.kind === "events" ? "event" : "label";
      count(outcome, await rows.write(messages, keep(kind, rows)));
      if (labels !== null) {
        const known = messages.flatMap(({ row, label }) => (label === "" ? [] : [{ row, message: label }]));
        count(outcome.labels, await labels.write(known, keep("label", labels)));
      }
      outcome.rows += messages.length;
    },
  };
}

function count(
  sum: { stored: number; storedBefore: number; readonly refused: Map<string, number> },
  written: Awaited<ReturnType<FileWriter["write"]>>,
): void {
  sum.stored += written.stored;
  sum.storedBefore += written.storedBefore;
  for (const { reason } of written.refused) sum.refused.set(reason, (sum.refused.get(reason) ?? 0) + 1);
}

async function perseveringly(work: () => Promise<void>, abort: AbortSignal | undefined): Promise<void> {
  const untilMs = performance.now() + perseveranceMs;
  for (let waitMs = 100; ; waitMs = Math.min(5_000, waitMs * 2)) {
    try {
      return await work();
    } catch (error) {
      const mayPass = error instanceof LeewayError && error.retryable;
      if (!mayPass || performance.now() + waitMs > untilMs || abort?.aborted === true) throw error;
      await delay(waitMs, undefined, abort === undefined ? {} : { signal: abort }).catch(() => {});
    }
  }
}
