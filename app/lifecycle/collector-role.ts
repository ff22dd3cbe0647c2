import type { Clock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { Tracing } from "../../core/tracing.ts";
import type { CollectorMetrics } from "../../collector/metrics.ts";
import { type Collector, createCollector } from "../../collector/collector.ts";
import { type BatchMakerOptions, createBatchMaker } from "../../collector/partition-batch.ts";
import { createStoreSink } from "../../collector/sources/http-store.ts";
import { createHttpSource, type HttpSource } from "../../collector/sources/http.ts";
import type { KafkaConnection } from "../../collector/sources/kafka-client.ts";
import { createTopicSink } from "../../collector/sources/kafka-requests.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { KafkaConfig } from "../config/service-config.ts";
import type { Log } from "../telemetry/log.ts";

/** @throws kafka_unreachable, kafka_topic_missing. */
export async function startCollector(options: {
  readonly config: LoadedConfig;
  readonly kafka: KafkaConfig;
  readonly facts: Facts;
  readonly metrics: CollectorMetrics;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Log;
  readonly abort: AbortSignal;
}): Promise<Collector> {
  const { config, kafka, facts, clock } = options;
  const { service } = config;
  const batchMaker = createBatchMaker(decodingOptions(config, await readFeatureSchemas(facts), clock));
  return createCollector({
    kafka: {
      ...kafkaConnection(kafka),
      groupId: kafka.groupId,
      createTopics: kafka.createTopics,
      topics: kafka.topics,
    },
    facts,
    batchMaker,
    flush: service.collector.flush,
    maxBufferedBytes: service.collector.maxBufferedBytes,
    clock,
    log: options.log,
    metrics: options.metrics,
    tracing: options.tracing,
    abort: options.abort,
  });
}

/**
 * Takes events and labels over HTTP: for Kafka if a broker is configured, else for the store.
 *
 * @param options.learnt Told when a model was seen for the first time.
 */
export async function startHttpSource(options: {
  readonly config: LoadedConfig;
  readonly facts: Facts;
  readonly metrics: CollectorMetrics;
  readonly tracing: Tracing;
  readonly clock: Clock;
  readonly log: Log;
  readonly learnt: () => void;
}): Promise<HttpSource> {
  const { config, facts, metrics, tracing, clock, log, learnt } = options;
  const { kafka, collector } = config.service;
  const batchMaker = createBatchMaker(decodingOptions(config, await readFeatureSchemas(facts), clock));
  const sink =
    kafka === null
      ? createStoreSink({ facts, batchMaker, clock, metrics, tracing, learnt })
      : createTopicSink({
          kafka: kafkaConnection(kafka),
          topics: {
            events: kafka.topics.events[0] ?? "",
            labels: kafka.topics.labels[0] ?? "",
            deadLetters: kafka.topics.deadLetters,
          },
          batchMaker,
          clock,
          log,
          metrics,
          tracing,
        });
  return createHttpSource({ sink, facts, maxBufferedBytes: collector.maxBufferedBytes, clock, log, metrics });
}

/** How messages are decoded here: whoever decodes with these options comes to the collector's verdicts. */
export function decodingOptions(
  { service, models, learningModel }: LoadedConfig,
  knownSchemas: readonly FeatureSchema[],
  clock: Clock,
): BatchMakerOptions {
  return {
    discovery: service.discovery.mode,
    models,
    knownSchemas,
    caps: { maxModels: service.discovery.maxModels, maxFeatures: service.discovery.maxFeatures },
    maxValueBytes: service.collector.maxValueBytes,
    maxEventAgeMs: service.collector.maxEventAgeMs,
    defaultRetentionDays: learningModel("").retentionDays,
    clock,
  };
}

/** How this service reaches Kafka. */
export function kafkaConnection(kafka: KafkaConfig): KafkaConnection {
  return {
    brokers: kafka.brokers,
    clientId: kafka.clientId,
    ...(kafka.sasl !== null && { sasl: kafka.sasl }),
    ...(kafka.tls !== false && { ssl: kafka.tls }),
  };
}

/** @throws config_invalid without brokers. */
export function requireKafka(kafka: KafkaConfig | null): KafkaConfig {
  if (kafka !== null) return kafka;
  throw new LeewayError("config_invalid", "no Kafka broker is named; set KAFKA_BROKERS or kafka.brokers");
}
