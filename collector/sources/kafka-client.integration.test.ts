import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { connectTestKafka } from "../testing/collector-fixture.ts";
import { createTopics } from "./kafka-client.ts";

test("topics can be asked for their offsets as soon as they are made", async () => {
  await using kafka = await connectTestKafka(inject("kafkaBrokers"));
  for (let round = 0; round < 4; round += 1) {
    const topics = Array.from({ length: 3 }, () => ({ topic: `new-${randomUUID()}`, numPartitions: 8 }));
    await createTopics(kafka.admin, topics);
    const extents = await Promise.all(topics.map(({ topic }) => kafka.admin.fetchTopicOffsets(topic)));
    expect(extents.flat().map(({ high }) => high)).toEqual(Array.from({ length: 24 }, () => "0"));
  }
});
