import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import { noTracing, type Tracing } from "../../core/tracing.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeDeadLetters } from "../../store/facts/dead-letters.ts";
import { writeFeatureSchemas, writeLearningModels } from "../../store/facts/feature-schemas.ts";
import { readIngestRequest, writeIngestRequest } from "../../store/facts/ingest-requests.ts";
import type { Intent } from "../intent.ts";
import type { CollectorMetrics } from "../metrics.ts";
import type { BatchMaker, Decoding, PartitionBatch, Verdict } from "../partition-batch.ts";
import type { Segment } from "../partition-buffer.ts";
import type { Patience } from "../patience.ts";
import { createRangeWriter } from "../range-writer.ts";
import type { NamedRequest, RequestSink } from "./http.ts";

/** Whoever sent a request waits for its answer, and can send it again: nobody is kept waiting for long. */
const attempts = 3;
const firstWaitMs = 100;
/** Requests whose counting is remembered. */
const countedRequests = 20_000;

/**
 * Settles requests without Kafka: in the store.
 *
 * As a collector commits an intent before it writes a range, so a request is noted in `ingest_requests` (its name, and what
 * its decoding took for now) before its rows are written, as one block a month under one token. The same request again,
 * after a crash or because its answer was lost, is found there, decoded alike, and only those of its rows are written that
 * the store does not have. A name is remembered for 7 days.
 *
 * @param options.learnt Told when a model was seen for the first time.
 */
export function createStoreSink(options: {
  readonly facts: Facts;
  readonly batchMaker: BatchMaker;
  readonly clock: Clock;
  readonly metrics: CollectorMetrics;
  readonly tracing?: Tracing;
  readonly learnt: () => void;
}): RequestSink {
  const { facts, batchMaker, clock, metrics, tracing = noTracing } = options;
  const writer = createRangeWriter({
    facts,
    deadLetters: { send: (letters) => writeDeadLetters(facts, letters) },
    clock,
    patience: createShortPatience(metrics),
    // A repeated request is rare and may come days later: then the store is asked what it has of it.
    trustTokensForMs: 0,
  });
  const never = new AbortController().signal;
  const counted = new Set<string>();

  const registerNames = async ({ newSchemas: schemas, newModels: models }: Decoding) => {
    if (schemas.length === 0 && models.length === 0) return;
    await writeFeatureSchemas(facts, schemas, clock.now());
    await writeLearningModels(facts, models, clock.now());
    batchMaker.markStored({ schemas, models });
    if (models.length > 0) options.learnt();
  };

  const count = (request: NamedRequest, rows: number, letters: readonly Verdict[]) => {
    const name = `${request.kind} ${request.name}`;
    if (counted.has(name)) return;
    counted.add(name);
    const oldest = counted.size > countedRequests ? counted.values().next() : null;
    if (oldest?.done === false) counted.delete(oldest.value);
    countSettled(metrics, request.topic, rows, letters);
  };

  return {
    async settle(request) {
      const { kind, name, topic, partition, lo, messages, bodySha256 } = request;
      const startedAt = performance.now();
      const known = await readIngestRequest(facts, kind, name);
      if (known !== null && known.bodySha256 !== bodySha256) return { kind: "key_reused" };
      const outcome = { kind: "settled", keptIn: "clickhouse", repeated: known !== null } as const;
      if (messages.length === 0) return { ...outcome, verdicts: [] };

      const decodedAtMs = known?.decodedAtMs ?? clock.now();
      const batch = batchMaker.createBatch(kind, decodedAtMs);
      const verdicts = addMessages(batch, request, decodedAtMs);
      const decoding = batch.decoding();
      await registerNames(decoding);
      if (known === null) {
        const note = {
          kind,
          request: name,
          bodySha256,
          messages: messages.length,
          decoding: decoding.hash,
          decodedAtMs,
        };
        await writeIngestRequest(facts, note);
      }
      const intent: Intent = {
        lo,
        hi: lo + messages.length - 1,
        // The name alone tells requests apart.
        firstTimestampMs: 0,
        decoding: known?.decoding ?? decoding.hash,
        decodedAtMs,
      };
      const segment: Segment = {
        place: { topic, partition },
        kind,
        batch,
        lo,
        firstTimestampMs: 0,
        openedAtMs: startedAt,
        decodedAtMs,
        recovered: known === null ? null : intent,
        dropped: new Map(),
      };
      const { traceparent: parent } = request;
      const attributes = { "messaging.batch.message_count": messages.length };
      const written = await tracing.span(`process ${topic}`, { kind: "server", parent, attributes }, (span) =>
        writer.write(segment, intent, never, span.traceparent),
      );
      // What an earlier decoding stored is stored, even if this one would refuse it.
      const refused = new Set(written.kind === "written" ? written.deadLetters.map(({ offset }) => offset) : []);
      const settled = verdicts.map((verdict, index): Verdict =>
        verdict.kind === "dead_letter" && !refused.has(lo + index) ? { kind: "stored" } : verdict,
      );
      const letters = settled.filter(({ kind: verdict }) => verdict === "dead_letter");
      count(request, settled.length - letters.length, letters);
      metrics.flushed((performance.now() - startedAt) / 1000, batch.rows);
      batch.release();
      return { ...outcome, verdicts: settled };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Decodes a request's messages into a batch. */
export function addMessages(batch: PartitionBatch, request: NamedRequest, timestampMs: number): readonly Verdict[] {
  const { topic, partition, lo, messages, traceparent } = request;
  return messages.map((value, index) =>
    batch.add({ topic, partition, offset: lo + index, value, timestampMs, traceparent }),
  );
}

/** Counts messages as a collector counts those of a topic. */
export function countSettled(
  metrics: CollectorMetrics,
  topic: string,
  rows: number,
  letters: readonly Verdict[],
): void {
  metrics.received(topic, rows + letters.length);
  metrics.stored(topic, rows);
  for (const letter of letters) if (letter.kind === "dead_letter") metrics.deadLettered(topic, letter.reason, 1);
}

/** Tries a few times within a second: a short pushback need not reach the client. */
function createShortPatience(metrics: CollectorMetrics): Patience {
  return {
    async wait(on, signal, act) {
      for (let attempt = 0; ; attempt++) {
        try {
          await act(attempt);
          return true;
        } catch (error) {
          if (!(error instanceof LeewayError) || !error.retryable || attempt + 1 >= attempts) throw error;
          metrics.backedOff(on);
          await delay(firstWaitMs * 3 ** attempt * (0.5 + Math.random() / 2), undefined, { signal });
        }
      }
    },
  };
}
