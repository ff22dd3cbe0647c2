import { fail, ok, skipped, type Check, type Observation, warn } from "../check.ts";

/** A second or two of a busy topic. */
const worthALookLag = 100_000;

export const consumerGroupCheck: Check = {
  name: "consumer_group",
  title: "Collectors",
  run: async (patient) => {
    const inspection = patient.kafka();
    const { kafka } = patient.config.service;
    if (inspection === null || kafka === null) return [skipped("no broker is configured")];
    const { topics, group } = await inspection;
    const subject = kafka.groupId;
    const read = topics.filter(({ topic, partitions }) => topic !== kafka.topics.deadLetters && partitions !== null);
    const partitions = read.flatMap(({ topic, partitions: own }) => (own ?? []).map((one) => ({ topic, ...one })));
    const observations: Observation[] = partitions
      .filter(({ committed, low }) => committed !== null && committed < low)
      .map(({ topic, partition, committed, low }) =>
        fail(
          `deleted by Kafka before a collector read them: ${(low - (committed ?? 0)).toLocaleString("en-US")} messages`,
          "raise retention.ms, and keep a collector running; what is gone must be sent again",
          `${topic}/${partition}`,
        ),
      );
    const lag = partitions.reduce((sum, { committed, low, high }) => sum + high - Math.max(committed ?? low, low), 0);
    const text = `${group.members} ${group.members === 1 ? "collector" : "collectors"}, ${lag.toLocaleString("en-US")} messages behind`;
    if (group.members === 0) {
      const remedy = "start leeway serve with the collector role, or see why it ended in its log";
      observations.push((lag > 0 ? fail : warn)(text, remedy, subject));
    } else if (lag > worthALookLag) {
      observations.push(
        warn(text, "it catches up by itself, or start further collectors with --roles collector", subject),
      );
    } else observations.push(ok(text, subject));
    return observations;
  },
};
