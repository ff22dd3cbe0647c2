import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Facts } from "../../store/facts/client.ts";
import { type StoredProgress, writePartitionProgress } from "../../store/facts/partition-progress.ts";
import type { MessageKind } from "../partition-batch.ts";
import { ingestPaths } from "./http-paths.ts";

const tickMs = 1_000;
/** Unchanged progress is repeated this often: a reader takes longer silence for a dead process. */
const repeatMs = 4_000;
/** Stands where topics name their consumer group. */
const group = "http";

export interface HttpProgress extends AsyncDisposable {
  /** A request came in with so many messages. */
  arrived(kind: MessageKind, messages: number): { settled(): void };
}

/**
 * Writes what is under way over HTTP, so that windows close: each path counts as one partition, whose lag is the messages
 * that have come and are not settled. Nothing else is behind: what a client has not sent yet, it may send any time.
 */
export function createHttpProgress(options: {
  readonly facts: Facts;
  readonly clock: Clock;
  readonly log: Logger;
}): HttpProgress {
  const { facts, clock, log } = options;
  const paths = (["events", "labels"] as const).map((kind) => ({
    kind,
    settled: 0,
    lag: 0,
    lastMessageAtMs: clock.now(),
  }));
  let changed = true;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let disposed = false;
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<void> = Promise.resolve();

  const report = async () => {
    const reportedAtMs = clock.now();
    const rows = paths.map(({ kind, settled, lag, lastMessageAtMs }): StoredProgress => ({
      topic: ingestPaths[kind],
      partition: 0,
      nextOffset: settled,
      lag,
      lastMessageAtMs,
      reportedAtMs,
    }));
    await writePartitionProgress(facts, group, rows).catch((error: unknown) =>
      log.warn({ error: String(error) }, "progress over HTTP could not be reported"),
    );
  };

  const tick = async () => {
    const now = performance.now();
    if (!changed && now - reportedAt < repeatMs) return;
    changed = false;
    reportedAt = now;
    await report();
  };
  const schedule = (delayMs: number) => {
    if (disposed) return;
    timer = setTimeout(() => {
      ticking = tick().then(() => schedule(tickMs));
    }, delayMs);
  };
  schedule(0);

  return {
    arrived(kind, messages) {
      const path = paths.find((one) => one.kind === kind);
      if (path !== undefined) {
        path.lag += messages;
        path.lastMessageAtMs = clock.now();
      }
      changed = true;
      return {
        settled: () => {
          if (path !== undefined) {
            path.lag -= messages;
            path.settled += messages;
          }
          changed = true;
        },
      };
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      clearTimeout(timer);
      await ticking;
      await report();
    },
  };
}
