/** The one place that makes kafkajs clients: with the repairs, codecs and log that every one of them needs. */
import { createRequire } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import type { ConnectionOptions } from "node:tls";
// A CommonJS module: Node finds its names only behind the default import.
import kafkajs, { type Admin, type ITopicConfig, type Kafka, type LogEntry, type SASLOptions } from "kafkajs";
import { LeewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { registerCodecs } from "./kafka-codecs.ts";

const { KafkaJSError, KafkaJSProtocolError, logLevel } = kafkajs;

export interface KafkaConnection {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly sasl?: SASLOptions | undefined;
  readonly ssl?: boolean | ConnectionOptions | undefined;
}

export function createKafkaClient(connection: KafkaConnection, log: Logger): Kafka {
  repairKafkajs();
  registerCodecs();
  return new kafkajs.Kafka({
    clientId: connection.clientId,
    brokers: [...connection.brokers],
    ...(connection.sasl === undefined ? {} : { sasl: connection.sasl }),
    ...(connection.ssl === undefined ? {} : { ssl: connection.ssl }),
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 3_000 },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => forward(entry, log),
  });
}

/** kafkajs logs what it is about to repair by itself as errors, thirty to seventy lines in one outage. */
function forward({ level, namespace, log: { message, error } }: LogEntry, log: Logger): void {
  const fields = {
    part: `kafkajs ${namespace}`,
    ...(typeof error === "string" || error instanceof Error ? { error: String(error) } : {}),
  };
  // An answer that is an error goes to whoever asked; every rebalance has a dozen.
  if (level === logLevel.ERROR && namespace !== "Connection") log.warn(fields, message);
  else log.debug(fields, message);
}

interface RequestQueuePrototype {
  pending: unknown[];
  throttledUntil: number;
  scheduleCheckPendingRequests: () => unknown;
}

interface ClusterPrototype {
  findGroupCoordinatorMetadata: (group: unknown) => Promise<unknown>;
  fetchTopicsOffset: (topics: unknown) => Promise<unknown>;
  refreshMetadata: () => Promise<void>;
}

interface Assigned {
  topic: string;
  partitions: number[];
}

const leaderChanges = new Set(["NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE"]);

let repaired = false;

function repairKafkajs(): void {
  if (repaired) return;
  repaired = true;
  const load = createRequire(import.meta.url);

  // Every idle connection would burn CPU by a timer of 1 ms.
  const queue = (load("kafkajs/src/network/requestQueue") as { prototype: RequestQueuePrototype }).prototype;
  const schedule = queue.scheduleCheckPendingRequests;
  queue.scheduleCheckPendingRequests = function (this: RequestQueuePrototype) {
    if (this.pending.length === 0 && this.throttledUntil <= Date.now()) return undefined;
    return schedule.call(this);
  };

  // A coordinator that is away because all brokers are, as when the only one restarts, comes back like them; kafkajs
  // would end the consumer for good, depending on which of its requests the broker's end met.
  const cluster = (load("kafkajs/src/cluster") as { prototype: ClusterPrototype }).prototype;
  const findCoordinator = cluster.findGroupCoordinatorMetadata;
  cluster.findGroupCoordinatorMetadata = async function (this: ClusterPrototype, group) {
    try {
      return await findCoordinator.call(this, group);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "KafkaJSGroupCoordinatorNotFound") throw error;
      throw new KafkaJSError(error, { retriable: true });
    }
  };

  // A broker that has just become a partition's leader, or has just ceased to be, says so; kafkajs asks for offsets once.
  const fetchTopicsOffset = cluster.fetchTopicsOffset;
  cluster.fetchTopicsOffset = async function (this: ClusterPrototype, topics) {
    for (let attempt = 0; ; attempt++) {
      try {
        return await fetchTopicsOffset.call(this, topics);
      } catch (error) {
        if (attempt === 50 || !leaderChanges.has(kafkaErrorType(error) ?? "")) throw error;
        await delay(100);
        await this.refreshMetadata();
      }
    }
  };

  // A fetch is filled in the order in which it names partitions, and kafkajs always names them in the same order: with
  // small fetches (a third cheaper a message) the last partitions would starve. So each fetch begins with another one.
  const subscription = (load("kafkajs/src/consumer/subscriptionState") as { prototype: { assigned: () => Assigned[] } })
    .prototype;
  const assigned = subscription.assigned;
  let turn = 0;
  subscription.assigned = function (this: unknown) {
    turn++;
    return rotate(
      assigned.call(this as never).map(({ topic, partitions }) => ({ topic, partitions: rotate(partitions, turn) })),
      turn,
    );
  };
}

function rotate<Item>(items: readonly Item[], by: number): Item[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

/** The protocol's name of an error (`REBALANCE_IN_PROGRESS` …), through all of its wrappings; null if it has none. */
export function kafkaErrorType(error: unknown): string | null {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof KafkaJSProtocolError) return cause.type;
  }
  return null;
}

/** True if kafkajs thinks the same request may succeed later. */
export function isRetriable(error: unknown): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof KafkaJSError && cause.retriable) return true;
    // Too many retries are still retries.
    if (cause.name === "KafkaJSNumberOfRetriesExceeded") return true;
  }
  return false;
}

/** @throws LeewayError `kafka_unreachable`. */
export async function connectAdmin(kafka: Kafka, connection: KafkaConnection): Promise<Admin> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return admin;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `no Kafka broker answered at ${connection.brokers.join(", ")} (${reason}): check kafka.brokers`;
    throw new LeewayError("kafka_unreachable", message, { cause, retryable: true });
  }
}

/**
 * Makes the topics that do not exist if `create` says so (with the broker's default partitions and replicas).
 *
 * @throws LeewayError `kafka_topic_missing`, naming all of them.
 */
export async function ensureTopics(admin: Admin, topics: readonly string[], create: boolean): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = [...new Set(topics)].filter((topic) => !existing.has(topic));
  if (missing.length === 0) return;
  if (!create) {
    throw new LeewayError(
      "kafka_topic_missing",
      `Kafka has no topic ${missing.join(", ")}: create it, or set kafka.create_topics: true`,
    );
  }
  await createTopics(
    admin,
    missing.map((topic) => ({ topic })),
  );
}

/** Makes topics and waits until all of their partitions can be written to; kafkajs's own wait fails on a busy broker. */
export async function createTopics(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  await admin.createTopics({ topics: [...topics], waitForLeaders: false });
  for (let attempt = 0; ; attempt++) {
    try {
      const metadata = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
      if (metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
    } catch (error) {
      if (!["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE"].includes(kafkaErrorType(error) ?? "")) throw error;
    }
    if (attempt === 100) {
      const names = topics.map(({ topic }) => topic).join(", ");
      throw new LeewayError("kafka_unreachable", `the new topics ${names} have no leader yet`, { retryable: true });
    }
    await delay(50);
  }
}
