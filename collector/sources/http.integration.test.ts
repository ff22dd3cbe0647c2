import { describe, expect, test } from "vitest";
import { dayMs } from "../../core/window.ts";
import { createFacts, type Facts } from "../../store/facts/client.ts";
import { readEventProgress } from "../../store/facts/event-progress.ts";
import { writeIngestRequest } from "../../store/facts/ingest-requests.ts";
import { readPartitionProgress } from "../../store/facts/partition-progress.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { requestOf, startTestSource, testEvent } from "../testing/http-fixture.ts";
import type { RequestOutcome } from "./http.ts";

const storedIds = async (facts: Facts, table = "events") =>
  (await facts.query<{ event_id: string }>(`SELECT event_id FROM ${table} ORDER BY event_id`)).map(
    (row) => row.event_id,
  );

const ids = (count: number, prefix = "e") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

const verdictsOf = (outcome: RequestOutcome) =>
  outcome.kind === "settled" ? outcome.verdicts.map((verdict) => verdict.kind) : outcome.kind;

/** Ends a source as SIGKILL would, at the n-th insert into a table: before it is made, or before its answer is heard. */
function dyingAt(facts: Facts, table: string, count: number, heard: "not_made" | "made_unheard"): Facts {
  let left = count;
  return {
    ...facts,
    insertBlock: async (insert) => {
      if (insert.table !== table || --left > 0) return facts.insertBlock(insert);
      if (heard === "made_unheard") await facts.insertBlock(insert);
      throw new Error("killed");
    },
  };
}

describe("each event is stored once", () => {
  test("a request's events are stored, and its refused ones kept with their reasons", async () => {
    await using facts = await createTestDatabase();
    let learnt = 0;
    await using source = await startTestSource({ facts, learnt: () => learnt++ });
    const request = requestOf([testEvent("one"), { model: 1 }, testEvent("two"), "no json"]);
    expect(await source.take(request)).toEqual({
      kind: "settled",
      keptIn: "clickhouse",
      repeated: false,
      verdicts: [
        { kind: "stored" },
        { kind: "dead_letter", reason: "model_missing", detail: "model is the number 1, not a string" },
        { kind: "stored" },
        { kind: "dead_letter", reason: "malformed_json", detail: expect.any(String) as string },
      ],
    });
    expect(await storedIds(facts)).toEqual(["one", "two"]);
    expect(learnt).toBe(1);
    expect(await facts.query("SELECT topic, reason, value FROM dead_letters ORDER BY reason")).toEqual([
      { topic: "/v1/events", reason: "malformed_json", value: "no json" },
      { topic: "/v1/events", reason: "model_missing", value: '{"model":1}' },
    ]);
    expect(await source.counted("leeway_messages_received_total")).toEqual({ "/v1/events": 4 });
    expect(await source.counted("leeway_messages_stored_total")).toEqual({ "/v1/events": 2 });
    expect(await source.counted("leeway_messages_dead_lettered_total")).toEqual({
      "/v1/events model_missing": 1,
      "/v1/events malformed_json": 1,
    });
  });

  test("labels go to their own table", async () => {
    await using facts = await createTestDatabase();
    await using source = await startTestSource({ facts });
    const label = { event_id: "one", model: "delay", label: "late", label_time: Date.now() };
    expect(verdictsOf(await source.take(requestOf([label, testEvent("e")], { kind: "labels" })))).toEqual([
      "stored",
      "dead_letter",
    ]);
    expect(await storedIds(facts, "labels")).toEqual(["one"]);
    expect(await source.counted("leeway_messages_stored_total")).toEqual({ "/v1/labels": 1 });
  });

  test("the same request again, with a key or without, changes nothing and gets the same verdicts", async () => {
    await using facts = await createTestDatabase();
    await using source = await startTestSource({ facts });
    await using other = await startTestSource({ facts });
    for (const idempotencyKey of [null, "a key"]) {
      const request = requestOf([testEvent(`${idempotencyKey}`), { model: 1 }], { idempotencyKey });
      const first = await source.take(request);
      expect(first).toMatchObject({ repeated: false });
      for (const again of [source, other]) expect(await again.take(request)).toEqual({ ...first, repeated: true });
    }
    expect(await storedIds(facts)).toEqual(["a key", "null"]);
    expect(await facts.query("SELECT count() AS letters FROM dead_letters FINAL")).toEqual([{ letters: 2 }]);
    expect(await source.counted("leeway_messages_received_total")).toEqual({ "/v1/events": 4 });
  });

  test("requests that come at once under one name are one", async () => {
    await using facts = await createTestDatabase();
    await using source = await startTestSource({ facts });
    const request = requestOf(ids(100).map((id) => testEvent(id)));
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => source.take(request)));
    expect(outcomes.filter((outcome) => outcome.kind === "settled" && !outcome.repeated)).toHaveLength(1);
    expect(await storedIds(facts)).toEqual(ids(100).toSorted());
  });

  test("another body under a used key is refused, and stores nothing", async () => {
    await using facts = await createTestDatabase();
    await using source = await startTestSource({ facts });
    await source.take(requestOf([testEvent("one")], { idempotencyKey: "k" }));
    expect(await source.take(requestOf([testEvent("two")], { idempotencyKey: "k" }))).toEqual({ kind: "key_reused" });
    // Events and labels do not share keys.
    const label = { event_id: "one", model: "delay", label: "late", label_time: Date.now() };
    expect(verdictsOf(await source.take(requestOf([label], { kind: "labels", idempotencyKey: "k" })))).toEqual([
      "stored",
    ]);
    expect(await storedIds(facts)).toEqual(["one"]);
  });

  test("no token is needed: a request that comes again when its tokens are forgotten is stored once", async () => {
    await using facts = await createTestDatabase();
    await facts.command("ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 1");
    await using source = await startTestSource({ facts });
    const requests = ids(5).map((id) => requestOf([testEvent(id)]));
    for (const request of requests) await source.take(request);
    for (const request of requests) expect(await source.take(request)).toMatchObject({ repeated: true });
    expect(await storedIds(facts)).toEqual(ids(5));
  });
});

describe("a request that was cut off and comes again", () => {
  const twoMonths = () => [
    testEvent("old", { event_time: Date.now() - 40 * dayMs }),
    testEvent("new"),
    testEvent("older", { event_time: Date.now() - 80 * dayMs }),
    { model: 1 },
  ];

  test.each([1, 2, 3].flatMap((block) => (["not_made", "made_unheard"] as const).map((heard) => ({ block, heard }))))(
    "at block $block of its 3 months ($heard): each event is stored once",
    async ({ block, heard }) => {
      await using facts = await createTestDatabase();
      const request = requestOf(twoMonths());
      const dying = await startTestSource({ facts: dyingAt(facts, "events", block, heard) });
      await expect(dying.take(request)).rejects.toThrow("killed");
      await using successor = await startTestSource({ facts });
      expect(await successor.take(request)).toMatchObject({
        repeated: true,
        verdicts: [{ kind: "stored" }, { kind: "stored" }, { kind: "stored" }, { kind: "dead_letter" }],
      });
      expect(await storedIds(facts)).toEqual(["new", "old", "older"]);
      expect(await facts.query("SELECT count() AS letters FROM dead_letters")).toEqual([{ letters: 1 }]);
    },
  );

  test("after its note and before its rows: everything is stored, as of the first time it came", async () => {
    await using facts = await createTestDatabase();
    const request = requestOf([testEvent("one")], { idempotencyKey: "k" });
    const decodedAtMs = Date.now() - 5 * dayMs;
    await using source = await startTestSource({ facts });
    // The same name and body, from a process that wrote only its note.
    await source.take(request);
    const [note] = await facts.query<{ request: string; body_sha256: string }>(
      "SELECT request, body_sha256 FROM ingest_requests",
    );
    await facts.command("TRUNCATE TABLE events");
    await facts.command("TRUNCATE TABLE ingest_requests");
    await facts.command("ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 0");
    await writeIngestRequest(facts, {
      kind: "events",
      request: note?.request ?? "",
      bodySha256: note?.body_sha256 ?? "",
      messages: 1,
      decoding: "of another release",
      decodedAtMs,
    });
    // Five days ago the event would have been of the future: it is decoded alike.
    expect(await source.take(request)).toMatchObject({ repeated: true, verdicts: [{ reason: "future_time" }] });
  });

  test("under a configuration that would refuse what is stored: it stays stored, and the rest is kept as refused", async () => {
    await using facts = await createTestDatabase();
    const request = requestOf([testEvent("old", { event_time: Date.now() - 40 * dayMs }), testEvent("new")]);
    const dying = await startTestSource({ facts: dyingAt(facts, "events", 2, "not_made") });
    await expect(dying.take(request)).rejects.toThrow("killed");
    const [first] = await storedIds(facts);
    await using strict = await startTestSource({ facts, decoding: { discovery: "declared" } });
    const outcome = await strict.take(request);
    expect(verdictsOf(outcome)).toEqual(first === "old" ? ["stored", "dead_letter"] : ["dead_letter", "stored"]);
    expect(await storedIds(facts)).toEqual([first]);
    expect(await facts.query("SELECT reason FROM dead_letters")).toEqual([{ reason: "model_undeclared" }]);
  });
});

test("however many requests, a model's progress over HTTP is one partition, which is reported without lag", async () => {
  await using facts = await createTestDatabase();
  await using source = await startTestSource({ facts });
  const newest = Date.now();
  await source.take(requestOf([testEvent("one", { event_time: newest - 5_000 })]));
  await source.take(requestOf([testEvent("two", { event_time: newest })]));
  await source.take(requestOf([testEvent("three", { event_time: newest - 9_000 })]));
  await source[Symbol.asyncDispose]();
  const options = { environments: ["production"], models: ["delay"], sinceMs: 0 };
  expect(await readEventProgress(facts, options)).toMatchObject([
    { topic: "/v1/events", partition: 0, maxEventTimeMs: newest },
  ]);
  const reports = await readPartitionProgress(facts, "http");
  expect(reports.find(({ topic }) => topic === "/v1/events")).toMatchObject({ partition: 0, lag: 0, nextOffset: 3 });
  expect(reports.find(({ topic }) => topic === "/v1/labels")).toMatchObject({ partition: 0, lag: 0, nextOffset: 0 });
});

test("a store that does not answer is told, and the request may come again", async () => {
  const nowhere = createFacts({ url: "http://127.0.0.1:9" });
  await using source = await startTestSource({ facts: nowhere });
  await expect(source.take(requestOf([testEvent("one")]))).rejects.toMatchObject({
    code: "store_unreachable",
    retryable: true,
  });
});

test("the memory of requests is bounded, and what ends gives its share back", async () => {
  await using facts = await createTestDatabase();
  await using source = await startTestSource({ facts, maxBufferedBytes: 9_000 });
  const first = source.reserve(2_000);
  expect(source.reserve(2_000)).toBeNull();
  const second = source.reserve(1_000);
  expect(second).not.toBeNull();
  expect(await source.counted("leeway_ingest_held_bytes")).toEqual({ "": 9_000 });
  first?.[Symbol.dispose]();
  first?.[Symbol.dispose]();
  second?.[Symbol.dispose]();
  // One that is alone is let in, whatever its size: it could never come otherwise.
  expect(source.reserve(5_000)).not.toBeNull();
});
