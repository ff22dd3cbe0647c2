import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { connectTestKafka, eventMessage, startTestCollector } from "./testing/collector-fixture.ts";
import { spawnCollector } from "./testing/collector-process.ts";

const brokers = inject("kafkaBrokers");
const clickhouse = inject("clickhouse");
const events = 100_000;
const partitions = 4;
const kills = 8;

/** A seed makes a run's moments repeatable as far as the machine lets it (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe("three collector processes killed by SIGKILL at random moments", () => {
  it("store 100,000 events, each once", { timeout: 120_000 }, async () => {
    const random = seeded(20_261_125);
    await using kafka = await connectTestKafka(brokers);
    await using facts = await createTestDatabase();
    const topics = await kafka.topics(partitions);
    const options = {
      brokers,
      topics,
      clickhouse: { ...clickhouse, database: facts.database },
      maxRows: 1_000,
      maxAgeMs: 5,
      sessionTimeoutMs: 2_000,
    };

    const sending = (async () => {
      for (let first = 0; first < events; first += 1_000) {
        const messages = Array.from({ length: 1_000 }, (_, index) => eventMessage(`e${first + index}`));
        await kafka.send(topics.events, messages, Math.floor(random() * partitions));
        await delay(random() * 60);
      }
    })();
    const collectors: ChildProcess[] = await Promise.all(Array.from({ length: 3 }, () => spawnCollector(options)));
    for (let kill = 0; kill < kills; kill++) {
      await delay(400 + random() * 1_500);
      const victim = Math.floor(random() * collectors.length);
      collectors[victim]?.kill("SIGKILL");
      collectors[victim] = await spawnCollector(options);
    }
    await sending;
    for (const collector of collectors) {
      collector.kill("SIGKILL");
      await once(collector, "exit");
    }
    {
      await using last = await startTestCollector({ brokers, topics, facts, sessionTimeoutMs: 6_000 });
      await last.caughtUp();
    }

    const [counts] = await facts.query(
      `SELECT count() AS rows, uniqExact(event_id) AS ids, uniqExact(partition, offset) AS offsets,
        countIf(NOT match(event_id, '^e[0-9]+$')) AS strangers FROM events`,
    );
    expect(counts).toEqual({ rows: events, ids: events, offsets: events, strangers: 0 });
    expect(await kafka.readAll(topics.deadLetters)).toEqual([]);
  });
});
