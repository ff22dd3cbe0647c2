import { describe, expect, inject, it } from "vitest";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { connectTestKafka, eventMessage, labelMessage, startTestCollector } from "./testing/collector-fixture.ts";

const brokers = inject("kafkaBrokers");

describe("a collector", () => {
  it("stores an event and a label", async () => {
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(2);
    await kafka.send(topics.events, [eventMessage("first")]);
    await kafka.send(topics.labels, [labelMessage("first")]);
    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    expect(await facts.query("SELECT event_id, model, prediction_class, topic, offset FROM events")).toEqual([
      { event_id: "first", model: "delay", prediction_class: "late", topic: topics.events, offset: 0 },
    ]);
    expect(await facts.query("SELECT event_id, label_class, topic FROM labels")).toEqual([
      { event_id: "first", label_class: "late", topic: topics.labels },
    ]);
  });
});
