import { silentLogger } from "../../core/logger.ts";
import { connectAdmin, createKafkaClient, type KafkaConnection } from "./kafka-client.ts";

export interface InspectedPartition {
  readonly partition: number;
  /** First and one-past-last offset. */
  readonly low: number;
  readonly high: number;
  /** The group's next offset; null if it never committed one. */
  readonly committed: number | null;
  /** A partition without a leader can neither be read nor written. */
  readonly hasLeader: boolean;
}

export interface InspectedTopic {
  readonly topic: string;
  /** Null if the topic does not exist. */
  readonly partitions: readonly InspectedPartition[] | null;
  /** Null: the broker does not tell (rights), or keeps messages for ever. */
  readonly retentionMs: number | null;
  /** Messages from the first one stamped later than `futureMs` on. */
  readonly future: number;
}

export interface KafkaInspection {
  readonly brokers: readonly string[];
  readonly topics: readonly InspectedTopic[];
  readonly group: { readonly state: string; readonly members: number };
}

/** ConfigResourceTypes.TOPIC of the protocol. */
const topicResource = 2;

/**
 * Looks at topics and a consumer group, and changes nothing.
 *
 * @param options.futureMs Messages stamped later than this are counted as from the future.
 * @throws LeewayError `kafka_unreachable`.
 */
export async function inspectKafka(options: {
  readonly connection: KafkaConnection;
  readonly topics: readonly string[];
  readonly groupId: string;
  readonly futureMs: number;
}): Promise<KafkaInspection> {
  const { connection, groupId, futureMs } = options;
  const admin = await connectAdmin(createKafkaClient(connection, silentLogger), connection);
  try {
    const cluster = await admin.describeCluster();
    const existing = new Set(await admin.listTopics());
    const present = options.topics.filter((topic) => existing.has(topic));
    const [metadata, offsets, configs, groups] = await Promise.all([
      admin.fetchTopicMetadata({ topics: present }),
      present.length === 0 ? [] : admin.fetchOffsets({ groupId, topics: present }),
      // Needs a right of its own.
      present.length === 0
        ? null
        : admin
            .describeConfigs({
              includeSynonyms: false,
              resources: present.map((name) => ({ type: topicResource, name, configNames: ["retention.ms"] })),
            })
            .catch(() => null),
      admin.describeGroups([groupId]),
    ]);
    const topics = await Promise.all(
      options.topics.map(async (topic): Promise<InspectedTopic> => {
        if (!existing.has(topic)) return { topic, partitions: null, retentionMs: null, future: 0 };
        const [extents, later] = await Promise.all([
          admin.fetchTopicOffsets(topic),
          admin.fetchTopicOffsetsByTimestamp(topic, futureMs),
        ]);
        const committed = offsets.find((one) => one.topic === topic)?.partitions ?? [];
        const leaders = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
        const retention = configs?.resources.find(({ resourceName }) => resourceName === topic)?.configEntries[0];
        const retentionMs = Number(retention?.configValue ?? -1);
        const partitions = extents.map(({ partition, low, high }) => {
          const offset = Number(committed.find((one) => one.partition === partition)?.offset ?? -1);
          return {
            partition,
            low: Number(low),
            high: Number(high),
            committed: offset < 0 ? null : offset,
            hasLeader: (leaders.find(({ partitionId }) => partitionId === partition)?.leader ?? -1) >= 0,
          };
        });
        const future = later.reduce((sum, { partition, offset }) => {
          const high = partitions.find((one) => one.partition === partition)?.high ?? 0;
          return sum + Math.max(0, high - Number(offset));
        }, 0);
        return {
          topic,
          partitions: partitions.toSorted((a, b) => a.partition - b.partition),
          retentionMs: retentionMs > 0 ? retentionMs : null,
          future,
        };
      }),
    );
    const [group] = groups.groups;
    return {
      brokers: cluster.brokers.map(({ host, port }) => `${host}:${port}`),
      topics,
      group: { state: group?.state ?? "Dead", members: group?.members.length ?? 0 },
    };
  } finally {
    await admin.disconnect();
  }
}
