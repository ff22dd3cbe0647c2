import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { connectTestKafka, eventMessage } from "../../collector/testing/collector-fixture.ts";
import { complaints, createLeewayFolder, eventually } from "../testing/leeway-process.ts";

const listening = /listening to/;

async function folderOnBroker(kafka: Awaited<ReturnType<typeof connectTestKafka>>) {
  const topics = await kafka.topics(2);
  const config = {
    kafka: {
      brokers: inject("kafkaBrokers"),
      group_id: topics.groupId,
      topics: { events: [topics.events], labels: [topics.labels], dead_letters: topics.deadLetters },
    },
  };
  return { folder: createLeewayFolder({ "leeway.yaml": JSON.stringify(config) }), topics };
}

test("a tap shows what comes with the collector's verdicts, takes nothing from the collector, and leaves no group", async () => {
  await using kafka = await connectTestKafka(inject("kafkaBrokers"));
  const { folder, topics } = await folderOnBroker(kafka);
  using _ = folder;
  await kafka.send(topics.events, [eventMessage("before")], 0);

  await using tap = folder.start(["tap", "--count", "4", "--json"]);
  await eventually(
    async () => tap.stderrSoFar(),
    (text) => listening.test(text),
  );
  await kafka.send(topics.events, [eventMessage("one"), { value: "not json" }, { value: null }], 1);
  await kafka.send(topics.labels, [
    { value: JSON.stringify({ model: "m", event_id: "one", label_time: Date.now(), label: 1 }) },
  ]);
  const end = await tap.ended;
  expect(end.code).toBe(0);
  const shown = end.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const events = shown.filter(({ kind }) => kind === "event");
  expect(events.map(({ offset, verdict }) => [offset, verdict])).toEqual([
    [0, { kind: "stored" }],
    [1, { kind: "dead_letter", reason: "malformed_json", detail: expect.stringContaining("not json") }],
    [2, { kind: "dropped", reason: "tombstone" }],
  ]);
  expect(events[0]?.["message"]).toMatchObject({ event_id: "one" });
  expect(shown.filter(({ kind }) => kind === "label")).toMatchObject([
    { topic: topics.labels, verdict: { kind: "stored" } },
  ]);

  // Taps of other test files may be at work on the same broker: their groups go as well, one left behind would stay.
  await eventually(
    async () => (await kafka.admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith("leeway-tap-")),
    (groups) => groups.length === 0,
  );
  expect(await kafka.admin.fetchOffsets({ groupId: topics.groupId, topics: [topics.events] })).toEqual([
    {
      topic: topics.events,
      partitions: [0, 1].map((partition) => expect.objectContaining({ partition, offset: "-1" })),
    },
  ]);
});

test("--model leaves out the others, not the messages whose model cannot be read; Ctrl-C ends with 130", async () => {
  await using kafka = await connectTestKafka(inject("kafkaBrokers"));
  const { folder, topics } = await folderOnBroker(kafka);
  using _ = folder;
  await using tap = folder.start(["tap", "--model", "mine"]);
  await eventually(
    async () => tap.stderrSoFar(),
    (text) => listening.test(text),
  );
  await kafka.send(
    topics.events,
    [eventMessage("a", { model: "other" }), { value: "{" }, eventMessage("b", { model: "mine" })],
    0,
  );
  await eventually(
    async () => tap.stdoutSoFar(),
    (text) => text.includes("@2 stored"),
  );
  tap.kill("SIGINT");
  const end = await tap.ended;
  expect(end.code).toBe(130);
  expect(end.stdout).not.toContain("other");
  expect(end.stdout).toContain("malformed_json");
  expect(end.stderr).toContain("1 messages of other models were passed over");
});

test("what it cannot do it says in one line", async () => {
  await using kafka = await connectTestKafka(inject("kafkaBrokers"));
  const { folder } = await folderOnBroker(kafka);
  using _ = folder;
  const missing = await folder.run(["tap", "--topic", `no-${randomUUID()}`]);
  expect(missing.code).toBe(3);
  expect(complaints(missing).at(-1)).toMatch(/^leeway: Kafka has no topic no-.*: correct --topic/);
  const nothing = await folder.run(["tap", "--for", "100ms", "--count", "1"]);
  expect(nothing.code).toBe(1);
  using bare = createLeewayFolder({});
  const nobody = await bare.run(["tap"]);
  expect(nobody.code).toBe(2);
  expect(complaints(nobody)).toEqual(["leeway: no Kafka broker is named; set KAFKA_BROKERS or kafka.brokers"]);
  const dead = await bare.run(["tap"], { KAFKA_BROKERS: "127.0.0.1:1" });
  expect(dead.code).toBe(3);
  expect(complaints(dead).at(-1)).toMatch(
    /^leeway: no Kafka broker answered at 127\.0\.0\.1:1 .*check kafka\.brokers$/,
  );
});
