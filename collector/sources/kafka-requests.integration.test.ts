import { describe, expect, inject, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { connectTestKafka, startTestCollector, type TestTopics } from "../testing/collector-fixture.ts";
import { requestOf, startTestSource, testEvent } from "../testing/http-fixture.ts";
import type { Facts } from "../../store/facts/client.ts";
import { createTopicSink } from "./kafka-requests.ts";

const brokers = inject("kafkaBrokers");

const startSource = (facts: Facts, topics: TestTopics, to = brokers.split(",")) =>
  startTestSource({
    facts,
    sink: ({ batchMaker, metrics }) =>
      createTopicSink({
        kafka: { brokers: to, clientId: "test" },
        topics,
        batchMaker,
        clock: systemClock,
        log: silentLogger,
        metrics,
      }),
  });

describe("with Kafka", () => {
  test("a request is answered when Kafka has it; a collector stores its events, and its refused ones are dead letters", async () => {
    await using kafka = await connectTestKafka(brokers);
    const topics = await kafka.topics(2);
    await using facts = await createTestDatabase();
    await using source = await startSource(facts, topics);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const request = { ...requestOf([testEvent("one"), { model: 1 }, testEvent("two")]), traceparent };
    const outcome = await source.take(request);
    expect(outcome).toMatchObject({
      keptIn: "kafka",
      repeated: false,
      verdicts: [{ kind: "stored" }, { kind: "dead_letter", reason: "model_missing" }, { kind: "stored" }],
    });
    // The same again, to the same process, is not sent again.
    expect(await source.take(request)).toMatchObject({ ...outcome, repeated: true });

    const sent = await kafka.readAll(topics.events);
    expect(sent.map(({ value }) => (JSON.parse(String(value)) as { event_id: string }).event_id)).toEqual([
      "one",
      "two",
    ]);
    expect(sent.map(({ headers }) => String(headers?.["traceparent"]))).toEqual([traceparent, traceparent]);
    const [letter, ...more] = await kafka.readAll(topics.deadLetters);
    expect(more).toEqual([]);
    expect(String(letter?.value)).toBe('{"model":1}');
    expect(String(letter?.headers?.["leeway.reason"])).toBe("model_missing");
    expect(String(letter?.headers?.["leeway.topic"])).toBe("/v1/events");
    expect(await source.counted("leeway_messages_received_total")).toEqual({ "/v1/events": 1 });
    expect(await source.counted("leeway_messages_dead_lettered_total")).toEqual({ "/v1/events model_missing": 1 });

    await using collector = await startTestCollector({ brokers, topics, facts });
    await collector.caughtUp();
    expect(await facts.query("SELECT event_id, topic, trace_id FROM events ORDER BY event_id")).toEqual(
      ["one", "two"].map((id) => ({ event_id: id, topic: topics.events, trace_id: traceparent.slice(3, 35) })),
    );
    expect(await collector.counted("leeway_messages_stored_total", topics.events)).toEqual({ all: 2 });
  });

  test("a request larger than Kafka takes at once is sent in parts, in its order", async () => {
    await using kafka = await connectTestKafka(brokers);
    const topics = await kafka.topics(3);
    await using facts = await createTestDatabase();
    await using source = await startSource(facts, topics);
    const extra = { padding: "x".repeat(2_000) };
    const ids = Array.from({ length: 1_200 }, (_, index) => `e${index}`);
    await source.take(requestOf(ids.map((id) => testEvent(id, { extra }))));
    const sent = await kafka.readAll(topics.events);
    expect(sent.map(({ value }) => (JSON.parse(String(value)) as { event_id: string }).event_id)).toEqual(ids);
  });

  test("no broker: nothing is promised, and the request may come again", async () => {
    await using kafka = await connectTestKafka(brokers);
    const topics = await kafka.topics(1);
    await using facts = await createTestDatabase();
    await using source = await startSource(facts, topics, ["127.0.0.1:9"]);
    await expect(source.take(requestOf([testEvent("one")]))).rejects.toMatchObject({
      code: "kafka_unreachable",
      retryable: true,
    });
    expect(await kafka.readAll(topics.events)).toEqual([]);
  });
});
