import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Facts } from "../store/facts/client.ts";
import { type StoredProgress, writePartitionProgress } from "../store/facts/partition-progress.ts";
import { type LogConsumer, placeKey } from "./log-consumer.ts";
import type { CollectorMetrics } from "./metrics.ts";
import type { PartitionBuffer } from "./partition-buffer.ts";

const tickMs = 1_000;
/** Unchanged progress is repeated this often: a reader takes longer silence for a dead collector. */
const repeatMs = 5_000;
/** A partition that has messages, is not paused and gives none for this long is stuck. */
const stuckAfterMs = 120_000;
/** A predecessor's range whose last message does not come is ended by what did come. */
const recoveryPatienceMs = 10_000;
/** Kafka is asked about once a second; after this long without an answer, how far behind we are is not known. */
const unansweredAfterMs = 10_000;

export interface ProgressReporter extends AsyncDisposable {
  start(consumer: LogConsumer): void;
  /** @param lastMessages By `placeKey`: when a partition last had a message, as reported before. */
  watch(buffers: readonly PartitionBuffer[], lastMessages: ReadonlyMap<string, number>): void;
  received(buffer: PartitionBuffer, highWatermark: number): void;
  /** Something was stored: report it soon. */
  stored(): void;
  /** True if everything that the watched partitions held when they were looked at is stored. */
  look(): Promise<boolean>;
  /** For how long Kafka has not answered, ms; null while that is no reason to worry. */
  unansweredMs(): number | null;
}

interface Watched {
  readonly buffer: PartitionBuffer;
  lastMessageAtMs: number;
  /** On the monotonic clock: when it last advanced or had nothing to advance to. */
  advancedAt: number;
  high: number | null;
}

/** Writes how far each partition is stored, whether or not anything arrives, and keeps the lag metrics. */
export function createProgressReporter(options: {
  readonly facts: Facts;
  readonly group: string;
  /** Asked about where no partition is ours. */
  readonly topic: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: CollectorMetrics;
  readonly paused: (buffer: PartitionBuffer) => boolean;
  readonly recoveryEnded: () => void;
  readonly stuck: (buffer: PartitionBuffer) => void;
}): ProgressReporter {
  const { facts, group, clock, log, metrics } = options;
  let consumer: LogConsumer | null = null;
  let watched = new Map<string, Watched>();
  let changed = true;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let answeredAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let ticking: Promise<void> = Promise.resolve();
  let disposed = false;

  const look = async (): Promise<boolean> => {
    if (consumer === null) return false;
    const looked = watched;
    const topics = new Set([...looked.values()].map(({ buffer }) => buffer.place.topic));
    for (const topic of topics.size === 0 ? [options.topic] : topics) {
      const extents = await consumer.extent(topic);
      answeredAt = performance.now();
      for (const entry of looked.values()) {
        const { place } = entry.buffer;
        const extent = place.topic === topic ? extents.get(place.partition) : undefined;
        if (extent !== undefined) entry.high = Math.max(extent.high, entry.buffer.nextOffset ?? 0);
      }
    }
    return looked === watched && looked.size > 0 && [...looked.values()].every((entry) => lagOf(entry) === 0);
  };

  const report = async () => {
    const nowMs = clock.now();
    const rows: StoredProgress[] = [];
    for (const entry of watched.values()) {
      const { place, storedThrough, lagTimestampMs } = entry.buffer;
      const lag = lagOf(entry);
      // Not known is not 0: nothing is reported until Kafka has said where the partition ends.
      if (lag === null) continue;
      const behindMs = lag === 0 ? 0 : Math.max(0, nowMs - (lagTimestampMs ?? nowMs));
      metrics.lag(place.topic, place.partition, lag, behindMs / 1000);
      const nextOffset = storedThrough ?? 0;
      rows.push({ ...place, nextOffset, lag, lastMessageAtMs: entry.lastMessageAtMs, reportedAtMs: nowMs });
    }
    await writePartitionProgress(facts, group, rows);
  };

  const tick = async () => {
    const now = performance.now();
    const quiet = [...watched.values()].some((entry) => now - entry.advancedAt > tickMs / 2);
    if (quiet || watched.size === 0) await look();
    for (const entry of watched.values()) {
      const { buffer } = entry;
      const readable = (entry.high ?? 0) > (buffer.nextOffset ?? 0);
      if (buffer.recovering && now - entry.advancedAt > recoveryPatienceMs && !readable) {
        log.warn(buffer.place, "the end of an unfinished range is no longer in the log");
        buffer.endRecovery();
        options.recoveryEnded();
      }
      if (!readable || options.paused(buffer)) entry.advancedAt = buffer.recovering ? entry.advancedAt : now;
      else if (now - entry.advancedAt > stuckAfterMs) options.stuck(buffer);
    }
    if (!changed && now - reportedAt < repeatMs) return;
    changed = false;
    reportedAt = now;
    await report();
  };

  const unansweredMs = () => {
    const ms = performance.now() - answeredAt;
    return ms > unansweredAfterMs ? ms : null;
  };

  const schedule = () => {
    if (disposed) return;
    timer = setTimeout(() => {
      ticking = tick()
        .catch((error: unknown) => {
          log.warn({ error: String(error) }, "progress could not be reported");
          if (unansweredMs() !== null) metrics.forgetLag();
        })
        .then(schedule);
    }, tickMs);
  };

  return {
    start(started) {
      consumer = started;
      schedule();
    },
    watch(buffers, lastMessages) {
      const now = performance.now();
      watched = new Map(
        buffers.map((buffer) => {
          const key = placeKey(buffer.place);
          const lastMessageAtMs = lastMessages.get(key) ?? watched.get(key)?.lastMessageAtMs ?? clock.now();
          return [key, { buffer, lastMessageAtMs, advancedAt: now, high: null }];
        }),
      );
      changed = true;
    },
    received(buffer, highWatermark) {
      const entry = watched.get(placeKey(buffer.place));
      if (entry === undefined || entry.buffer !== buffer) return;
      entry.high = highWatermark;
      entry.lastMessageAtMs = clock.now();
      entry.advancedAt = answeredAt = performance.now();
      changed = true;
    },
    stored() {
      changed = true;
    },
    look,
    unansweredMs,
    async [Symbol.asyncDispose]() {
      disposed = true;
      clearTimeout(timer);
      await ticking;
      // The last word of an orderly end, so that the next collector knows how far this one came.
      await report().catch((error: unknown) => log.warn({ error: String(error) }, "progress could not be reported"));
    },
  };
}

function lagOf({ buffer, high }: Watched): number | null {
  if (high === null) return null;
  return Math.max(0, high - (buffer.storedThrough ?? 0));
}
