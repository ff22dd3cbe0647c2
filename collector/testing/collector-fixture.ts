/** What the integration tests share: topics of their own, messages, collectors, and what came out of them. */
import { randomUUID } from "node:crypto";
import { Registry } from "prom-client";
import type { Admin, Kafka, KafkaMessage, Message, Producer } from "kafkajs";
import { systemClock } from "../../core/clock.ts";
import { type Logger, silentLogger } from "../../core/logger.ts";
import type { Tracing } from "../../core/tracing.ts";
import { dayMs } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { type Collector, createCollector } from "../collector.ts";
import { createCollectorMetrics } from "../metrics.ts";
import { createBatchMaker } from "../partition-batch.ts";
import { createKafkaClient, createTopics } from "../sources/kafka-client.ts";

export interface TestTopics {
  readonly events: string;
  readonly labels: string;
  readonly deadLetters: string;
  readonly groupId: string;
}

export interface TestKafka extends AsyncDisposable {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly producer: Producer;
  /** Makes topics under names of their own. */
  topics(partitions: number): Promise<TestTopics>;
  send(topic: string, messages: readonly Message[], partition?: number): Promise<void>;
  /** All messages of a topic up to where it ends now. */
  readAll(topic: string): Promise<readonly KafkaMessage[]>;
}

export async function connectTestKafka(brokers: string): Promise<TestKafka> {
  const kafka = createKafkaClient({ brokers: brokers.split(","), clientId: "test" }, silentLogger);
  const admin = kafka.admin();
  // Without idempotence a topic that is seconds old gets messages twice: kafkajs repeats a send that failed in part.
  const producer = kafka.producer({ allowAutoTopicCreation: false, idempotent: true, maxInFlightRequests: 1 });
  await Promise.all([admin.connect(), producer.connect()]);
  return {
    kafka,
    admin,
    producer,
    async topics(partitions) {
      const id = randomUUID().slice(0, 8);
      const names = { events: `events-${id}`, labels: `labels-${id}`, deadLetters: `dead-letters-${id}` };
      await createTopics(
        admin,
        Object.values(names).map((topic) => ({ topic, numPartitions: partitions })),
      );
      return { ...names, groupId: `collectors-${id}` };
    },
    async send(topic, messages, partition) {
      for (let at = 0; at < messages.length; at += 500) {
        const slice = messages.slice(at, at + 500);
        const placed = partition === undefined ? slice : slice.map((message) => ({ ...message, partition }));
        await producer.send({ topic, acks: -1, messages: placed });
      }
    },
    async readAll(topic) {
      const extents = await admin.fetchTopicOffsets(topic);
      let left = extents.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
      const messages: KafkaMessage[] = [];
      if (left === 0) return messages;
      const consumer = kafka.consumer({
        groupId: `reader-${randomUUID()}`,
        maxWaitTimeInMs: 100,
        retry: { retries: 10 },
      });
      const { promise: all, resolve } = Promise.withResolvers<void>();
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        eachMessage: ({ message }) => {
          messages.push(message);
          if (--left === 0) resolve();
          return Promise.resolve();
        },
      });
      await all;
      await consumer.disconnect();
      return messages;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
}

export interface TestCollector extends Collector {
  readonly registry: Registry;
  /** Sum of a counter over the topic's label values, by reason where there is one. */
  counted(name: string, topic: string): Promise<Record<string, number>>;
}

export interface TestCollectorOptions {
  readonly brokers: string;
  readonly topics: TestTopics;
  readonly facts: Facts;
  readonly maxRows?: number;
  readonly maxAgeMs?: number;
  readonly maxBufferedBytes?: number;
  readonly maxValueBytes?: number;
  readonly maxEventAgeMs?: number;
  readonly sessionTimeoutMs?: number;
  readonly log?: Logger;
  readonly tracing?: Tracing;
}

export async function startTestCollector(options: TestCollectorOptions): Promise<TestCollector> {
  const { topics, facts } = options;
  const log = options.log ?? silentLogger;
  const registry = new Registry();
  const collector = await createCollector({
    kafka: {
      brokers: options.brokers.split(","),
      clientId: "leeway-test",
      topics: { events: [topics.events], labels: [topics.labels], deadLetters: topics.deadLetters },
      groupId: topics.groupId,
      createTopics: false,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 6_000,
    },
    facts,
    batchMaker: createBatchMaker({
      discovery: "auto",
      models: [],
      knownSchemas: await readFeatureSchemas(facts),
      caps: { maxModels: 2_000, maxFeatures: 100 },
      maxValueBytes: options.maxValueBytes ?? 900_000,
      maxEventAgeMs: options.maxEventAgeMs ?? 800 * dayMs,
      defaultRetentionDays: 90,
      clock: systemClock,
    }),
    flush: { maxRows: options.maxRows ?? 50_000, maxAgeMs: options.maxAgeMs ?? 200 },
    maxBufferedBytes: options.maxBufferedBytes ?? 256 * 1024 * 1024,
    clock: systemClock,
    log,
    metrics: createCollectorMetrics(registry),
    tracing: options.tracing,
  });
  return {
    ...collector,
    registry,
    async counted(name, topic) {
      const metric = await registry.getSingleMetric(name)?.get();
      const entries = metric?.values.filter(({ labels }) => labels["topic"] === topic) ?? [];
      return Object.fromEntries(entries.map(({ labels, value }) => [String(labels["reason"] ?? "all"), value]));
    },
  };
}

export function eventMessage(id: string, overrides: Readonly<Record<string, unknown>> = {}): Message {
  const value = {
    event_id: id,
    model: "delay",
    version: "1",
    event_time: Date.now(),
    features: { hour: 7, distance: 512.5, origin: "ORD" },
    prediction: "late",
    scores: { late: 0.75 },
    ...overrides,
  };
  return { key: id, value: JSON.stringify(value) };
}

export function labelMessage(id: string, overrides: Readonly<Record<string, unknown>> = {}): Message {
  return {
    key: id,
    value: JSON.stringify({ event_id: id, model: "delay", label: "late", label_time: Date.now(), ...overrides }),
  };
}
