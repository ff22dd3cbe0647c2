import { durationText } from "../../../alerting/text/quantities.ts";
import { dayMs, hourMs } from "../../../core/window.ts";
import { fail, ok, skipped, type Check, type Observation, warn } from "../check.ts";

/** Until somebody has seen to an outage of a weekend, messages must wait. */
const comfortableRetentionMs = 3 * dayMs;
/** An unfinished range is written again under its token for so long; then it could not be told from a new one. */
const recoveryMs = hourMs;

export const topicsCheck: Check = {
  name: "topics",
  title: "Topics",
  run: async (patient) => {
    const inspection = patient.kafka();
    const { kafka } = patient.config.service;
    if (inspection === null || kafka === null) return [skipped("no broker is configured")];
    return (await inspection).topics.map(({ topic, partitions, retentionMs }): Observation => {
      if (partitions === null) {
        return kafka.createTopics
          ? warn("does not exist yet", "leeway serve makes it at its next start", topic)
          : fail("does not exist", "create it, correct kafka.topics, or set kafka.create_topics: true", topic);
      }
      const leaderless = partitions.filter(({ hasLeader }) => !hasLeader).map(({ partition }) => partition);
      if (leaderless.length > 0) {
        const detail = `${partitions.length} partitions, of which ${leaderless.join(", ")} ${leaderless.length === 1 ? "has" : "have"} no leader`;
        return fail(detail, "see to the brokers: they can neither be read nor written", topic);
      }
      const messages = partitions.reduce((sum, { low, high }) => sum + high - low, 0);
      const detail = `${partitions.length} ${partitions.length === 1 ? "partition" : "partitions"}, ${messages.toLocaleString("en-US")} messages, kept for ${retentionMs === null ? "ever, or the broker does not tell" : durationText(retentionMs)}`;
      const isInput = topic !== kafka.topics.deadLetters;
      const remedy = "raise retention.ms: what Kafka deletes before a collector reads it is lost";
      if (isInput && retentionMs !== null && retentionMs < recoveryMs) return fail(detail, remedy, topic);
      if (isInput && retentionMs !== null && retentionMs < comfortableRetentionMs) return warn(detail, remedy, topic);
      return ok(detail, topic);
    });
  },
};
