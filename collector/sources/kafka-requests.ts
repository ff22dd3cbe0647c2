import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { noTracing, type Tracing } from "../../core/tracing.ts";
import type { CollectorMetrics } from "../metrics.ts";
import type { BatchMaker, MessageKind } from "../partition-batch.ts";
import { addMessages, countSettled } from "./http-store.ts";
import type { RequestSink } from "./http.ts";
import { createKafkaClient, type KafkaConnection } from "./kafka-client.ts";
import { createDeadLetterProducer } from "./kafka-dead-letters.ts";
import { createKafkaProducer } from "./kafka-producer.ts";

/** Requests whose names are remembered. */
const rememberedRequests = 20_000;

/**
 * Settles requests by Kafka: what can become a row goes to a topic, from where a collector stores it exactly once; what
 * cannot goes to the topic of dead letters. Answered when all in-sync replicas have it (at least once: the same request
 * again is sent again, unless this process remembers it as settled).
 */
export function createTopicSink(options: {
  readonly kafka: KafkaConnection;
  /** Where events and labels go, and what is refused. */
  readonly topics: Readonly<Record<MessageKind, string>> & { readonly deadLetters: string };
  readonly batchMaker: BatchMaker;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: CollectorMetrics;
  readonly tracing?: Tracing;
}): RequestSink {
  const { topics, batchMaker, clock, log, metrics, tracing = noTracing } = options;
  const kafka = createKafkaClient(options.kafka, log);
  const producer = createKafkaProducer({ kafka, log });
  const deadLetters = createDeadLetterProducer({ kafka, topic: topics.deadLetters, log });
  const settled = new Map<string, string>();
  return {
    async settle(request) {
      const { kind, name, bodySha256, topic, messages } = request;
      const key = `${kind} ${name}`;
      const earlier = settled.get(key);
      if (earlier !== undefined && earlier !== bodySha256) return { kind: "key_reused" };
      const nowMs = clock.now();
      const batch = batchMaker.createBatch(kind, nowMs);
      const verdicts = addMessages(batch, request, nowMs);
      const { newSchemas: schemas, newModels: models } = batch.decoding();
      // The collector stores them; here they only must not be counted as new again.
      batchMaker.markStored({ schemas, models });
      const outcome = { kind: "settled", keptIn: "kafka", repeated: earlier !== undefined, verdicts } as const;
      if (earlier === undefined) {
        const valid = messages.filter((_, index) => verdicts[index]?.kind === "stored");
        const attributes = { "messaging.batch.message_count": valid.length };
        const { traceparent: parent } = request;
        await tracing.span(`send ${topics[kind]}`, { kind: "producer", parent, attributes }, (span) => {
          const traceparent = span.traceparent ?? parent;
          const headers = traceparent === null ? {} : { traceparent };
          // One key a request: its messages stay in order.
          return producer.send(
            topics[kind],
            valid.map((value) => ({ key: name, value, headers })),
          );
        });
        if (batch.deadLetters.length > 0) await deadLetters.send(batch.deadLetters);
        // The others are counted by the collector that stores them.
        countSettled(
          metrics,
          topic,
          0,
          verdicts.filter((verdict) => verdict.kind === "dead_letter"),
        );
        settled.set(key, bodySha256);
        const oldest = settled.size > rememberedRequests ? settled.keys().next() : null;
        if (oldest?.done === false) settled.delete(oldest.value);
      }
      batch.release();
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      await producer[Symbol.asyncDispose]();
      await deadLetters[Symbol.asyncDispose]();
    },
  };
}
