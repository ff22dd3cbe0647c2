import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { connectTestKafka, eventMessage } from "../../collector/testing/collector-fixture.ts";
import { dayMs } from "../../core/window.ts";
import { insertBaseline } from "../../store/facts/baselines.ts";
import type { Facts } from "../../store/facts/client.ts";
import { insertDecisionState } from "../../store/facts/decision-states.ts";
import { insertEvaluations } from "../../store/facts/evaluations.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents } from "../../store/facts/test-events.ts";
import { openState } from "../../store/state/state.ts";
import { enqueueNotification, settleNotification } from "../../store/state/outbox.ts";
import { complaints, createLeewayFolder, type LeewayFolder } from "../testing/leeway-process.ts";

interface Report {
  readonly verdict: string;
  readonly checks: readonly {
    readonly check: string;
    readonly observations: readonly {
      readonly verdict: string;
      readonly subject: string | null;
      readonly detail: string;
      readonly remedy: string | null;
    }[];
  }[];
}

async function examine(folder: LeewayFolder, only: string) {
  const end = await folder.run(["doctor", "--json", "--only", only]);
  expect(end.stderr).toBe("");
  const report = JSON.parse(end.stdout) as Report;
  return {
    code: end.code,
    of: (check: string) => report.checks.find((one) => one.check === check)?.observations ?? [],
  };
}

function storeOf(facts: Facts): object {
  const { url, token } = inject("clickhouse");
  return { url, database: facts.database, ...(token !== undefined && { user: "default", password: token }) };
}

const folderWith = (config: object, files: Readonly<Record<string, string>> = {}) =>
  createLeewayFolder({ "leeway.yaml": JSON.stringify(config), ...files });

test("nothing started: what is not there is said with what to do, what hangs on it is not measured, and nothing is ok by default", async () => {
  using folder = folderWith({ kafka: { brokers: "127.0.0.1:1" }, http: { listen: "127.0.0.1:0" } });
  const { code, of } = await examine(
    folder,
    "node,memory,disk,state_file,store,schema,kafka,topics,baselines,receivers",
  );
  expect(code).toBe(1);
  expect(of("node")).toMatchObject([{ verdict: "ok" }]);
  expect(of("disk")).toMatchObject([{ detail: expect.stringContaining("made by the first leeway serve") }]);
  expect(of("store")).toMatchObject([{ verdict: "fail", remedy: expect.stringContaining("start leeway serve there") }]);
  expect(of("kafka")).toMatchObject([{ verdict: "fail", detail: expect.stringContaining("127.0.0.1:1") }]);
  expect(of("schema")).toMatchObject([{ verdict: "skipped", detail: "not measured: ClickHouse does not answer" }]);
  expect(of("topics")).toMatchObject([{ verdict: "skipped", detail: "not measured: no broker answers" }]);
  expect(of("state_file")).toMatchObject([{ verdict: "skipped" }]);
  expect(of("receivers")).toMatchObject([{ verdict: "skipped", subject: "console" }]);
});

test("a port that another program has fails; one that Leeway has is ok", async () => {
  const other = createServer((_, response) => response.end("somebody else"));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  using folder = folderWith({ http: { listen: `127.0.0.1:${port}` } });
  const { code, of } = await examine(folder, "port");
  expect(code).toBe(1);
  expect(of("port")).toMatchObject([{ verdict: "fail", detail: "taken by another program" }]);
  other.removeAllListeners("request").on("request", (_, response) => response.end('{"status":"ok"}'));
  expect((await examine(folder, "port")).of("port")).toMatchObject([{ verdict: "ok" }]);
  other.close();
});

test("a full disk fails before it costs data", async (context) => {
  using folder = folderWith({});
  const data = join(folder.path, "data");
  mkdirSync(data);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", data]).status === 0;
  if (!mounted) return context.skip("this user may not mount a file system");
  try {
    expect((await examine(folder, "disk")).of("disk")).toMatchObject([
      { verdict: "fail", detail: "256 KiB of 256 KiB are free" },
    ]);
    writeFileSync(join(data, "filler"), Buffer.alloc(250 * 1024));
    const { code, of } = await examine(folder, "disk");
    expect(code).toBe(1);
    expect(of("disk")).toMatchObject([
      {
        verdict: "fail",
        detail: expect.stringContaining("cannot be written (ENOSPC)"),
        remedy: expect.stringContaining("free some space"),
      },
    ]);
  } finally {
    spawnSync("umount", [data]);
  }
});

test("topics and collectors: what is missing, deleted unread, kept too briefly, stamped in the future, read by nobody", async () => {
  await using kafka = await connectTestKafka(inject("kafkaBrokers"));
  const topics = await kafka.topics(2);
  const missing = `no-${randomUUID().slice(0, 8)}`;
  using folder = folderWith({
    kafka: {
      brokers: inject("kafkaBrokers"),
      group_id: topics.groupId,
      create_topics: false,
      topics: { events: [topics.events], labels: [missing], dead_letters: topics.deadLetters },
    },
  });
  await kafka.send(topics.events, [eventMessage("a"), eventMessage("b")], 0);
  const before = await examine(folder, "kafka,topics,consumer_group,clock_skew");
  expect(before.of("kafka")).toMatchObject([{ verdict: "ok" }]);
  expect(before.of("topics")).toMatchObject([
    { verdict: "ok", subject: topics.events, detail: expect.stringContaining("2 partitions, 2 messages") },
    { verdict: "fail", subject: missing, detail: "does not exist" },
    { verdict: "ok", subject: topics.deadLetters },
  ]);
  expect(before.of("consumer_group")).toMatchObject([
    { verdict: "fail", subject: topics.groupId, detail: "0 collectors, 2 messages behind" },
  ]);
  expect(before.of("clock_skew").find(({ subject }) => subject === topics.events)).toMatchObject({ verdict: "ok" });

  // Half an hour of retention; a group that is behind what Kafka still has; a producer whose clock is wrong.
  await kafka.admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: topics.events, configEntries: [{ name: "retention.ms", value: "1800000" }] }],
  });
  await kafka.admin.setOffsets({
    groupId: topics.groupId,
    topic: topics.events,
    partitions: [{ partition: 0, offset: "0" }],
  });
  await kafka.admin.deleteTopicRecords({ topic: topics.events, partitions: [{ partition: 0, offset: "1" }] });
  await kafka.send(topics.events, [{ ...eventMessage("c"), timestamp: String(Date.now() + dayMs / 48) }], 1);
  const after = await examine(folder, "topics,consumer_group,clock_skew");
  expect(after.of("topics")[0]).toMatchObject({
    verdict: "fail",
    remedy: expect.stringContaining("raise retention.ms"),
  });
  expect(after.of("consumer_group")[0]).toMatchObject({
    verdict: "fail",
    subject: `${topics.events}/0`,
    detail: "deleted by Kafka before a collector read them: 1 messages",
  });
  expect(after.of("clock_skew").find(({ subject }) => subject === topics.events)).toMatchObject({
    verdict: "warn",
    detail: "stamped more than 1 minute later than now: 1 messages or fewer",
  });
});

test("the store: tables, deduplication window, a topic out of service, a stale baseline, monitors that cannot hear", async () => {
  await using facts = await createTestDatabase();
  const model = (name: string, baseline?: object) =>
    JSON.stringify({ model: name, features: { x: { type: "numeric" } }, ...(baseline !== undefined && { baseline }) });
  using folder = folderWith(
    { models: ["*.model.yaml"], kafka: { brokers: "127.0.0.1:1", topics: { events: ["new"] } }, store: storeOf(facts) },
    {
      "old.model.yaml": model("old", { kind: "range", from: "2020-01-01T00:00:00Z", to: "2020-02-01T00:00:00Z" }),
      "gone.model.yaml": model("gone", { kind: "range", from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" }),
      "bare.model.yaml": model("bare"),
    },
  );
  const healthy = await examine(
    folder,
    "store,schema,deduplication,ttl,watermark,clock_skew,decided_windows,deaf_monitors,noisy_monitors",
  );
  expect(healthy.of("store")).toMatchObject([{ verdict: "ok", detail: expect.stringContaining(facts.database) }]);
  expect(healthy.of("schema")).toMatchObject([{ verdict: "ok" }]);
  expect(healthy.of("deduplication")).toMatchObject([{ verdict: "ok" }, { verdict: "ok" }]);
  expect(healthy.of("ttl")).toMatchObject([{ verdict: "ok" }, { verdict: "ok" }]);
  expect(healthy.of("clock_skew")).toMatchObject([{ verdict: "ok", subject: "ClickHouse" }, { verdict: "skipped" }]);
  expect(healthy.of("watermark")).toMatchObject([{ verdict: "skipped" }]);
  expect(healthy.of("deaf_monitors")).toMatchObject([{ verdict: "skipped" }]);
  expect(healthy.of("decided_windows")).toMatchObject([{ verdict: "skipped" }]);

  const nowMs = Date.now();
  const window = { startMs: Date.UTC(2026, 0, 5), endMs: Date.UTC(2026, 0, 6) };
  await generateEvents(facts, {
    model: "old",
    schemaId: "s",
    fromMs: nowMs - dayMs,
    stepMs: 1000,
    count: 10,
    num: ["1"],
    topic: "abandoned",
  });
  await insertBaseline(facts, "production", {
    baselineId: "b",
    model: "old",
    spec: { kind: "range", fromMs: 0, toMs: 1 },
    rows: 5000,
    fromMs: Date.UTC(2020, 0, 1),
    toMs: Date.UTC(2020, 1, 1),
    createdAtMs: Date.UTC(2020, 1, 1),
    windowMs: dayMs,
  });
  const key = { environment: "production", model: "old", baselineId: "b", window, revision: 0 };
  const thin = {
    series: { role: "feature", feature: "x", version: "", slice: "" },
    signal: "distribution",
    state: "insufficient_data",
    rows: 3,
    referenceRows: 5000,
    contrast: "",
    effect: null,
    effectLow: null,
    pValue: null,
    threshold: null,
    methods: {},
  } as const;
  await insertEvaluations(facts, key, [thin], nowMs);
  await insertDecisionState(facts, key, { ...key, rows: 3, state: "", evaluatedAtMs: nowMs });
  await facts.command("ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 0");
  await facts.command("ALTER TABLE labels REMOVE TTL");
  await facts.insertRows("schema_migrations", [{ version: 9999 }], null);

  const ill = await examine(folder, "schema,deduplication,ttl,watermark,baselines,decided_windows,deaf_monitors");
  expect(ill.code).toBe(1);
  expect(ill.of("schema")).toMatchObject([{ verdict: "fail", detail: expect.stringContaining("9999") }]);
  expect(ill.of("deduplication")[0]).toMatchObject({
    verdict: "fail",
    subject: "events",
    remedy: expect.stringContaining("ALTER TABLE events"),
  });
  expect(ill.of("ttl")[1]).toMatchObject({ verdict: "fail", subject: "labels" });
  expect(ill.of("watermark")).toMatchObject([
    { verdict: "warn", subject: "old", detail: expect.stringContaining("abandoned") },
  ]);
  expect(ill.of("baselines")).toMatchObject([
    { verdict: "warn", subject: "bare", detail: expect.stringContaining("nothing is judged") },
    { verdict: "skipped", subject: "gone" },
    {
      verdict: "warn",
      subject: "old",
      detail: expect.stringMatching(/5,000 rows in 31 windows of 1 day, ended .* ago: stale/),
    },
  ]);
  expect(ill.of("decided_windows")).toMatchObject([
    { verdict: "warn", subject: "old", detail: expect.stringMatching(/^stale: no window was decided for \d+ days/) },
  ]);
  expect(ill.of("deaf_monitors")).toMatchObject([
    { verdict: "warn", subject: "old", detail: "too few rows in each of the last 14 windows: x" },
  ]);
});

test("a damaged state file and a receiver that never delivered fail; one that was never written to is a warning", async () => {
  const receivers = ["good", "bad", "new"].map((name) => ({ name, console: {} }));
  using folder = folderWith({ receivers, route: { receiver: "good" } });
  const file = join(folder.path, "data", "state.sqlite");
  {
    using state = openState(file);
    for (const receiver of ["good", "bad"]) {
      const entry = {
        receiver,
        idempotencyKey: receiver,
        incidentId: "i",
        reason: "opened",
        severity: "page",
        message: "{}",
      } as const;
      enqueueNotification(state, entry, 1000);
    }
    settleNotification(state, 1, { kind: "delivered" }, 2000);
    settleNotification(state, 2, { kind: "dead", error: "HTTP 404" }, 2000);
  }
  const before = await examine(folder, "state_file,receivers");
  expect(before.of("state_file")).toMatchObject([{ verdict: "ok" }]);
  expect(before.of("receivers")).toMatchObject([
    { verdict: "ok", subject: "good" },
    { verdict: "fail", subject: "bad", detail: expect.stringContaining("HTTP 404") },
    { verdict: "warn", subject: "new", remedy: expect.stringContaining("leeway receivers test new") },
  ]);
  writeFileSync(file, "this is no database");
  const after = await examine(folder, "state_file,receivers");
  expect(after.of("state_file")).toMatchObject([{ verdict: "fail" }]);
  expect(after.of("receivers")).toMatchObject([{ verdict: "skipped" }, { verdict: "skipped" }, { verdict: "skipped" }]);
});

test("a wrong configuration ends it with 2 and a wrong name of a check with the nearest", async () => {
  using folder = folderWith({ clok: "wall" });
  const wrong = await folder.run(["doctor"]);
  expect(wrong.code).toBe(2);
  expect(complaints(wrong)).toEqual([expect.stringContaining("did you mean clock?")]);
  using other = folderWith({});
  const name = await other.run(["doctor", "--only", "dsk"]);
  expect([name.code, complaints(name)]).toEqual([2, ['leeway: --only: "dsk" is not a check; did you mean disk?']]);
});
