import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import { LeewayError } from "../core/errors.ts";
import type { FeatureSchema } from "../core/feature-schema.ts";
import type { Logger } from "../core/logger.ts";
import { noTracing, type SpanOptions, type Tracing } from "../core/tracing.ts";
import type { Facts } from "../store/facts/client.ts";
import { writeFeatureSchemas, writeLearningModels } from "../store/facts/feature-schemas.ts";
import { readPartitionProgress } from "../store/facts/partition-progress.ts";
import { countBuffersAsHeap } from "./buffer-accounting.ts";
import { decodeIntent, encodeIntent, type Intent } from "./intent.ts";
import { type Commit, type LogBatch, type LogConsumer, type LogHandler, type Place, placeKey } from "./log-consumer.ts";
import type { CollectorMetrics } from "./metrics.ts";
import type { BatchMaker } from "./partition-batch.ts";
import { createPartitionBuffer, type PartitionBuffer, type Segment } from "./partition-buffer.ts";
import { createPatience } from "./patience.ts";
import { createProgressReporter } from "./progress-reporter.ts";
import { createRangeWriter } from "./range-writer.ts";
import { createDeadLetterProducer } from "./sources/kafka-dead-letters.ts";
import { connectAdmin, createKafkaClient, ensureTopics, type KafkaConnection } from "./sources/kafka-client.ts";
import { createKafkaConsumer } from "./sources/kafka.ts";

/**
 * A partition that is far behind fills its ranges longer: its rows are late anyway, and larger blocks are merged less
 * often, which is half of the engine's work.
 */
const catchingUpFactor = 3;
const drainTimeoutMs = 15_000;
/** Of the buffer budget: fetching goes on again below this share. */
const resumeBelow = 0.7;
/** Writes under way at once; the engine has few cores, and each write holds one encoded range in memory. */
const parallelWrites = 2;

export interface CollectorOptions {
  readonly kafka: KafkaConnection & {
    readonly topics: {
      readonly events: readonly string[];
      readonly labels: readonly string[];
      readonly deadLetters: string;
    };
    readonly groupId: string;
    readonly createTopics: boolean;
    /** After this time without a heartbeat a dead collector's partitions go to the others (10 s). */
    readonly sessionTimeoutMs?: number | undefined;
  };
  readonly facts: Facts;
  readonly batchMaker: BatchMaker;
  readonly flush: { readonly maxRows: number; readonly maxAgeMs: number };
  readonly maxBufferedBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: CollectorMetrics;
  /** Absent: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** Ends the start; a running collector is ended by disposing it. */
  readonly abort?: AbortSignal | undefined;
}

export interface Collector extends AsyncDisposable {
  /** Rejects when the collector cannot go on (a LeewayError); the process should end and be started again. */
  readonly stopped: Promise<void>;
  /** Resolves when everything that the topics hold now is stored, dropped or dead-lettered. */
  caughtUp(): Promise<void>;
  /** Rejects while Kafka does not answer, and once the collector cannot go on. */
  check(): Promise<void>;
}

/**
 * Reads events and labels from Kafka and stores each message exactly once.
 *
 * Messages are buffered by partition. A flush first commits, in Kafka's offset metadata, which range of offsets it is
 * about to write (the *intent*), then inserts the range under a deduplication token made of its name, then commits the
 * end of the range. Whoever reads the partition next finds either no intent, and begins at the committed offset, or an
 * intent, and writes exactly that range again under the same token. Disposing flushes, commits and leaves the group.
 *
 * @throws LeewayError `kafka_unreachable`, `kafka_topic_missing`.
 */
export async function createCollector(options: CollectorOptions): Promise<Collector> {
  const {
    kafka: settings,
    facts,
    batchMaker,
    flush,
    maxBufferedBytes,
    clock,
    log,
    metrics,
    tracing = noTracing,
  } = options;
  const { topics } = settings;
  const kindOf = new Map<string, "events" | "labels">([
    ...topics.labels.map((topic) => [topic, "labels"] as const),
    ...topics.events.map((topic) => [topic, "events"] as const),
  ]);

  countBuffersAsHeap();
  await using resources = new AsyncDisposableStack();
  const kafka = createKafkaClient(settings, log);
  const admin = await connectAdmin(kafka, settings);
  resources.defer(() => admin.disconnect());
  options.abort?.throwIfAborted();
  await ensureTopics(admin, [...kindOf.keys(), topics.deadLetters], settings.createTopics);
  const deadLetters = resources.use(createDeadLetterProducer({ kafka, topic: topics.deadLetters, log }));
  const patience = createPatience({ log, backingOff: metrics.backedOff });
  const writer = createRangeWriter({ facts, deadLetters, clock, patience });

  const { promise: stopped, reject: failStopped } = Promise.withResolvers<void>();
  const failure = stopped.catch(() => {});
  const consumerReady = Promise.withResolvers<LogConsumer>();

  // Everything below belongs to one generation of the consumer group and is replaced when the next one begins.
  let generation = 0;
  let generationSignal = AbortSignal.abort();
  let buffers = new Map<string, PartitionBuffer>();
  const pausedKeys = new Set<string>();
  let overBudget = false;

  let draining = false;
  let pump: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let consumer: LogConsumer | null = null;

  const fail = (error: unknown) => {
    if (error instanceof LeewayError) failStopped(error);
    else failStopped(new LeewayError("kafka_stopped", `the collector ended: ${String(error)}`, { cause: error }));
  };

  const progress = createProgressReporter({
    facts,
    group: settings.groupId,
    topic: topics.deadLetters,
    clock,
    log,
    metrics,
    paused: (buffer) => pausedKeys.has(placeKey(buffer.place)),
    recoveryEnded: () => wake(),
    stuck({ place: { topic, partition } }) {
      fail(
        new LeewayError(
          "kafka_stopped",
          `${topic}/${partition} has messages and none of them arrives: restarting helps`,
        ),
      );
    },
  });

  const handler: LogHandler = {
    async assigned(joined, places, signal) {
      generation = joined;
      generationSignal = signal;
      buffers = new Map();
      pausedKeys.clear();
      overBudget = false;
      metrics.rebalanced();
      metrics.forgetLag();
      const taken = await takeOver(joined, places, signal);
      if (signal.aborted) return;
      buffers = taken;
      progress.watch([...taken.values()], await lastMessages());
    },

    async batch(batch) {
      const buffer = buffers.get(placeKey(batch));
      if (draining || buffer === undefined || buffer.generation !== batch.generation) return;
      const usable = buffer.nextOffset === null || buffer.nextOffset === batch.fetchedOffset;
      const target = usable ? buffer : await afterJump(buffer, batch);
      if (target === null) return;
      target.add(batch, performance.now());
      progress.received(target, batch.highWatermark);
      regulate();
      wake();
    },

    passed(inGeneration, place, nextOffset) {
      const buffer = buffers.get(placeKey(place));
      if (buffer !== undefined && buffer.generation === inGeneration) buffer.pass(nextOffset);
    },
  };

  /** Reads what the predecessors committed; nobody but this member may commit these partitions any more. */
  async function takeOver(joined: number, places: readonly Place[], signal: AbortSignal) {
    const taken = new Map<string, PartitionBuffer>();
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        // The first join may come before `createKafkaConsumer` has returned.
        const member = consumer ?? (await consumerReady.promise);
        for (const position of await member.positions(places)) {
          const { topic, partition, offset, metadata } = position;
          const decoded = decodeIntent(offset ?? -1, metadata);
          const fields = { topic, partition, offset };
          if (decoded.kind === "unreadable")
            log.warn({ ...fields, detail: decoded.detail }, "offset metadata are ignored");
          if (decoded.kind === "intent")
            log.info({ ...fields, hi: decoded.intent.hi }, "finishing a range left unfinished");
          const buffer = createPartitionBuffer({
            place: { topic, partition },
            kind: kindOf.get(topic) ?? "events",
            generation: joined,
            committed: offset,
            recovered: decoded.kind === "intent" ? decoded.intent : null,
            createBatch: batchMaker.createBatch,
            clock,
          });
          taken.set(placeKey(position), buffer);
        }
        return taken;
      } catch (error) {
        log.warn({ error: String(error), attempt }, "committed offsets could not be read yet");
        await delay(Math.min(3_000, 100 * 2 ** attempt), undefined, { signal }).catch(() => {});
      }
    }
    return taken;
  }

  /** When each partition last had a message, as far as earlier collectors reported; idleness outlives a restart. */
  async function lastMessages(): Promise<ReadonlyMap<string, number>> {
    try {
      const rows = await readPartitionProgress(facts, settings.groupId);
      return new Map(rows.map((row) => [placeKey(row), row.lastMessageAtMs]));
    } catch (error) {
      log.warn({ error: String(error) }, "earlier progress could not be read");
      return new Map();
    }
  }

  /**
   * A batch that does not begin where the last one ended: Kafka deleted what was in between, the topic was made anew, or
   * kafkajs kept a batch from before a rebalance.
   *
   * @returns The buffer that takes the batch, or null if the batch must not be used.
   */
  async function afterJump(buffer: PartitionBuffer, batch: LogBatch): Promise<PartitionBuffer | null> {
    const { topic, partition } = batch;
    const expected = buffer.nextOffset ?? batch.fetchedOffset;
    const extent = (await consumer?.extent(topic).catch(() => undefined))?.get(partition);
    if (extent === undefined || buffers.get(placeKey(batch)) !== buffer) {
      consumer?.seek(batch, expected);
      return null;
    }
    const fields = { topic, partition, expected, fetched: batch.fetchedOffset, ...extent };
    if (expected < extent.low && batch.fetchedOffset >= extent.low && batch.fetchedOffset > expected) {
      const expired = batch.fetchedOffset - expected;
      log.error(fields, `Kafka deleted ${expired} offsets of ${topic}/${partition} before they were read`);
      metrics.expired(topic, expired);
      return buffer;
    }
    if (expected > extent.high) {
      log.error(
        fields,
        `${topic}/${partition} ends before what was read of it: it was made anew, reading from its beginning`,
      );
      const { place, kind } = buffer;
      const replacement = createPartitionBuffer({
        place,
        kind,
        generation: buffer.generation,
        committed: null,
        recovered: null,
        createBatch: batchMaker.createBatch,
        clock,
      });
      buffers.set(placeKey(place), replacement);
      progress.watch([...buffers.values()], new Map());
      return replacement;
    }
    log.warn(fields, "a batch of an earlier generation is dropped");
    consumer?.seek(batch, expected);
    return null;
  }

  /** Pauses what must not grow: everything above the budget, and partitions that have a full range waiting. */
  function regulate(): void {
    let bytes = 0;
    let messages = 0;
    for (const buffer of buffers.values()) {
      bytes += buffer.bytes;
      messages += buffer.waiting;
    }
    metrics.buffered(bytes, messages);
    overBudget = bytes > maxBufferedBytes || (overBudget && bytes > maxBufferedBytes * resumeBelow);
    for (const [key, buffer] of buffers) {
      const full = overBudget || (buffer.waiting >= flush.maxRows && buffer.oldestAtMs === null && !buffer.recovering);
      if (full && !pausedKeys.has(key)) {
        pausedKeys.add(key);
        consumer?.pause([buffer.place]);
      } else if (!full && pausedKeys.has(key)) {
        pausedKeys.delete(key);
        consumer?.resume([buffer.place]);
      }
    }
    metrics.paused(pausedKeys.size);
  }

  /** When a buffer's next range should be written, ms; Infinity if it has none. */
  function dueAtMs(buffer: PartitionBuffer): number {
    const { oldestAtMs } = buffer;
    if (oldestAtMs === null) return Number.POSITIVE_INFINITY;
    if (draining || overBudget || buffer.sealed || buffer.waiting >= flush.maxRows) return 0;
    const patient = buffer.unread > flush.maxRows;
    return oldestAtMs + flush.maxAgeMs * (patient ? catchingUpFactor : 1);
  }

  function wake(): void {
    if (pump !== null) return;
    clearTimeout(timer);
    const dueMs = Math.min(...[...buffers.values()].map(dueAtMs));
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) {
      timer = setTimeout(wake, waitMs);
      return;
    }
    pump = flushDue()
      .catch(fail)
      .finally(() => {
        pump = null;
      })
      .then(wake);
  }

  async function flushDue(): Promise<void> {
    // A flush belongs to the generation that it began in, however long it takes: afterwards its partitions may be others'.
    const mine = generation;
    const signal = generationSignal;
    const nowMs = performance.now();
    // Partitions that are nearly due come along: one intent commit and one flush instead of two.
    const due = [...buffers.values()].filter((buffer) => dueAtMs(buffer) <= nowMs + flush.maxAgeMs / 2);
    // Under pressure the largest go first, and only they, so that memory comes back soon.
    if (overBudget) due.sort((a, b) => b.bytes - a.bytes).splice(Math.max(1, Math.ceil(due.length / 2)));
    const startedAt = performance.now();
    const ranges: { buffer: PartitionBuffer; segment: Segment; intent: Intent }[] = [];
    for (const buffer of due) {
      const segment = buffer.take();
      if (segment !== null) ranges.push({ buffer, segment, intent: segment.recovered ?? intentOf(segment) });
    }
    if (ranges.length === 0) return;

    if (
      !(await registerNames(
        ranges.map((range) => range.segment),
        signal,
      ))
    )
      return;
    const intents = ranges.map(({ segment, intent }) => ({
      ...segment.place,
      offset: intent.lo,
      metadata: encodeIntent(intent),
    }));
    if (!(await commit(mine, intents))) return;

    const queue = [...ranges];
    const work = async () => {
      for (let range = queue.shift(); range !== undefined; range = queue.shift()) {
        if (!(await writeRange(range, signal))) return false;
      }
      return true;
    };
    const outcomes = await Promise.all(Array.from({ length: parallelWrites }, work));
    if (outcomes.includes(false)) return;

    // A topic that was made anew meanwhile has other offsets.
    const current = ranges.filter(({ buffer }) => buffers.get(placeKey(buffer.place)) === buffer);
    const ends = current.map(({ segment, intent }) => ({ ...segment.place, offset: intent.hi + 1, metadata: null }));
    if (ends.length > 0 && !(await commit(mine, ends))) return;
    let rows = 0;
    for (const { buffer, segment } of ranges) {
      buffer.done(segment);
      count(segment);
      rows += segment.batch.rows;
      segment.batch.release();
    }
    metrics.flushed((performance.now() - startedAt) / 1000, rows);
    progress.stored();
    regulate();
  }

  /** @returns false if the range belongs to somebody else now. */
  async function writeRange(
    { segment, intent }: { segment: Segment; intent: Intent },
    signal: AbortSignal,
  ): Promise<boolean> {
    return tracing.span(
      `process ${segment.place.topic}`,
      spanOptions(segment, intent, settings.groupId),
      async (span) => {
        const outcome = await writer.write(segment, intent, signal, span.traceparent);
        if (outcome.kind === "lost") span.fail("another collector owns the partition now");
        return outcome.kind === "written";
      },
    );
  }

  async function commit(mine: number, commits: readonly Commit[]): Promise<boolean> {
    const outcome = (await consumer?.commit(mine, commits)) ?? "lost";
    // Kafka will say so by itself, with a join; until then nothing of this generation is of use.
    if (outcome === "lost" && mine === generation) buffers = new Map();
    return outcome === "committed";
  }

  function count({ place: { topic }, batch, dropped }: Segment): void {
    metrics.received(topic, batch.messages);
    metrics.stored(topic, batch.rows);
    for (const [reason, messages] of dropped) metrics.dropped(topic, reason, messages);
    const reasons = Map.groupBy(batch.deadLetters, (letter) => letter.reason);
    for (const [reason, letters] of reasons) metrics.deadLettered(topic, reason, letters.length);
  }

  /** Whoever finishes these ranges after us must be able to decode them alike, so their schemas are stored first. */
  async function registerNames(segments: readonly Segment[], signal: AbortSignal): Promise<boolean> {
    const schemas = new Map<string, FeatureSchema>();
    const models = new Set<string>();
    for (const segment of segments) {
      const decoding = segment.batch.decoding();
      for (const schema of decoding.newSchemas) schemas.set(schema.schemaId, schema);
      for (const model of decoding.newModels) models.add(model);
    }
    if (schemas.size === 0 && models.size === 0) return true;
    const stored = await patience.wait("store", signal, async () => {
      await writeFeatureSchemas(facts, [...schemas.values()], clock.now());
      await writeLearningModels(facts, [...models], clock.now());
    });
    if (stored) batchMaker.markStored({ schemas: [...schemas.values()], models: [...models] });
    return stored;
  }

  consumer = resources.use(
    await createKafkaConsumer({
      kafka,
      admin,
      groupId: settings.groupId,
      topics: [...kindOf.keys()],
      sessionTimeoutMs: settings.sessionTimeoutMs ?? 10_000,
      handler,
      log,
    }),
  );
  consumerReady.resolve(consumer);
  consumer.stopped.catch(fail);
  progress.start(consumer);

  const running = resources.move();
  return {
    stopped,

    async caughtUp() {
      while (!(await progress.look())) await Promise.race([delay(50), stopped]);
    },

    async check() {
      await Promise.race([stopped, Promise.resolve()]);
      const unansweredMs = progress.unansweredMs();
      if (unansweredMs === null) return;
      const seconds = Math.round(unansweredMs / 1000);
      throw new LeewayError("kafka_unreachable", `no Kafka broker has answered for ${seconds} s`, { retryable: true });
    },

    async [Symbol.asyncDispose]() {
      await using _ = running;
      draining = true;
      consumer?.pause([...buffers.values()].map((buffer) => buffer.place));
      const late = new AbortController();
      await Promise.race([drain(), delay(drainTimeoutMs, undefined, { signal: late.signal }).catch(() => {}), failure]);
      late.abort();
      clearTimeout(timer);
      await progress[Symbol.asyncDispose]();
    },
  };

  async function drain(): Promise<void> {
    for (;;) {
      wake();
      if (pump === null) return;
      await pump;
    }
  }
}

/** The span of a range: from its first message's arrival until it is stored. */
function spanOptions({ place, batch, openedAtMs }: Segment, intent: Intent, groupId: string): SpanOptions {
  return {
    kind: "consumer",
    parent: batch.traces.parent(),
    links: batch.traces.links(),
    startMs: performance.timeOrigin + openedAtMs,
    attributes: {
      "messaging.system": "kafka",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": place.topic,
      "messaging.destination.partition.id": String(place.partition),
      "messaging.consumer.group.name": groupId,
      "messaging.batch.message_count": batch.messages,
      "leeway.offset.first": intent.lo,
      "leeway.offset.last": intent.hi,
      "leeway.rows": batch.rows,
      "leeway.dead_letters": batch.deadLetters.length,
    },
  };
}

/** The range that a segment will be known by. */
function intentOf(segment: Segment): Intent {
  return {
    lo: segment.lo,
    hi: segment.batch.lastOffset,
    firstTimestampMs: segment.firstTimestampMs,
    decoding: segment.batch.decoding().hash,
    decodedAtMs: segment.decodedAtMs,
  };
}
