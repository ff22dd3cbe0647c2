import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { expect, inject, test } from "vitest";
import { whyMissing } from "../../deploy/testing/debian-packages.ts";
import { createFacts } from "../../store/facts/client.ts";
import { complaints, createLeewayFolder, eventually, type LeewayFolder } from "../testing/leeway-process.ts";

/** A configuration with names of its own on the shared broker; the embedded engine is this folder's own. */
function folderOnBroker(): LeewayFolder & { readonly topics: { readonly events: string; readonly labels: string } } {
  const own = randomUUID().slice(0, 8);
  const topics = { events: `events-${own}`, labels: `labels-${own}` };
  const config = {
    kafka: {
      brokers: inject("kafkaBrokers"),
      group_id: `group-${own}`,
      create_topics: true,
      topics: { events: [topics.events], labels: [topics.labels], dead_letters: `dead-letters-${own}` },
    },
    http: { listen: "127.0.0.1:0" },
    collector: { flush_age: "100ms" },
  };
  return { ...createLeewayFolder({ "leeway.yaml": JSON.stringify(config) }), topics };
}

async function produce(topic: string, values: readonly string[]): Promise<void> {
  const kafka = new kafkajs.Kafka({
    brokers: inject("kafkaBrokers").split(","),
    clientId: "test",
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

const event = (changes: object = {}) =>
  JSON.stringify({
    event_id: randomUUID(),
    model: "fraud",
    event_time: new Date().toISOString(),
    features: { amount: 12.5, country: "NL" },
    prediction: "ok",
    ...changes,
  });

const text = async (url: string, path: string) => (await fetch(`${url}${path}`)).text();

test("an event goes from Kafka to leeway sql, /metrics, /readyz and /api; SIGTERM ends it with 143", async () => {
  using folder = folderOnBroker();
  await using leeway = folder.start(["serve"]);
  const url = await leeway.url;

  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({
    status: "ready",
    parts: {
      store: { state: "ready" },
      collector: { state: "ready" },
      detector: { state: "ready" },
      alerting: { state: "ready" },
    },
  });
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: "ok" });

  await produce(folder.topics.events, [event({ event_id: "one" }), "not json"]);
  const stored = await eventually(
    () => folder.run(["sql", "SELECT event_id, model FROM events", "--format", "json"]),
    ({ stdout }) => stdout !== "",
  );
  expect(stored).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(stored.stdout)).toEqual({ event_id: "one", model: "fraud" });
  const table = await folder.run([
    "sql",
    "SELECT model, count() AS events, NULL AS nothing FROM events GROUP BY model",
  ]);
  expect(table.stdout).toBe("model  events  nothing\n─────  ──────  ───────\nfraud       1  –\n");

  const metrics = await eventually(
    () => text(url, "/metrics"),
    (answer) => answer.includes("leeway_messages_dead_lettered_total{"),
  );
  const { events } = folder.topics;
  expect(metrics).toContain(`leeway_messages_received_total{topic="${events}"} 2`);
  expect(metrics).toContain(`leeway_messages_stored_total{topic="${events}"} 1`);
  expect(metrics).toContain(`leeway_messages_dead_lettered_total{topic="${events}",reason="malformed_json"} 1`);

  // The model registered itself; the list of models is looked at every ten seconds.
  const models = await eventually(
    () => text(url, "/api/v1/models"),
    (answer) => answer.includes("fraud"),
  );
  expect(JSON.parse(models)).toMatchObject({ models: [{ model: "fraud", origin: "learning", baseline: "none" }] });
  const view = await folder.run(["sql", "SELECT amount, country FROM v_fraud", "--format", "csv"]);
  expect(view.stdout).toBe('"amount","country"\n12.5,"NL"\n');
  expect(await text(url, "/api/v1/incidents")).toBe('{"incidents":[]}');
  expect((await folder.run(["incidents"])).stdout).toBe("no incidents\n");
  expect((await folder.run(["models"], { LEEWAY_URL: url })).stdout).toContain("fraud");

  leeway.kill("SIGTERM");
  const end = await leeway.ended;
  expect(end.code).toBe(143);
  expect(complaints(end)).toEqual([]);
  expect(existsSync(join(folder.path, "data", "engine.json"))).toBe(false);
  expect(existsSync(join(folder.path, "data", "serve-alerting.json"))).toBe(false);
});

test("a model whose name no view can have costs the others nothing", async () => {
  using folder = folderOnBroker();
  await using leeway = folder.start(["serve"]);
  const url = await leeway.url;
  await produce(folder.topics.events, [
    event({ model: "ж".repeat(200) }),
    event({ event_id: "one", features: { "": 1, "a`b": "x", amount: 2 } }),
  ]);
  const { stdout } = await eventually(
    () => folder.run(["sql", "SELECT event_id, feature_, `a\\`b` AS b, amount FROM v_fraud", "--format", "json"]),
    ({ code }) => code === 0,
  );
  expect(JSON.parse(stdout)).toEqual({ event_id: "one", feature_: 1, b: "x", amount: 2 });
  const { models } = JSON.parse(await text(url, "/api/v1/models")) as { models: { model: string }[] };
  expect(models.map(({ model }) => model.length)).toEqual([5, 200]);
});

test("promtool finds no fault in what is served", async ({ skip }) => {
  const reason = whyMissing("promtool");
  if (reason !== null) skip(reason);
  using folder = folderOnBroker();
  await using leeway = folder.start(["serve"]);
  const url = await leeway.url;
  await produce(folder.topics.events, [event(), "{}"]);
  const metrics = await eventually(
    () => text(url, "/metrics"),
    (answer) => answer.includes("leeway_messages_dead_lettered_total{"),
  );
  const checked = spawnSync("promtool", ["check", "metrics"], { input: metrics, encoding: "utf8" });
  expect(checked.stderr + checked.stdout).toBe("");
  expect(checked.status).toBe(0);
});

test("what waits in a buffer is written before SIGINT ends it with 130", async () => {
  using folder = folderOnBroker();
  const config = JSON.parse(readFileSync(join(folder.path, "leeway.yaml"), "utf8")) as object;
  writeFileSync(join(folder.path, "leeway.yaml"), JSON.stringify({ ...config, collector: { flush_age: "1h" } }));
  {
    await using leeway = folder.start(["serve"]);
    const url = await leeway.url;
    await produce(folder.topics.events, [event({ event_id: "waiting" })]);
    await eventually(
      () => text(url, "/metrics"),
      (answer) => /leeway_collector_buffered_messages 1\b/.test(answer),
    );
    leeway.kill("SIGINT");
    expect((await leeway.ended).code).toBe(130);
  }
  await using again = folder.start(["serve", "--roles", "alerting"]);
  await again.url;
  const { stdout } = await folder.run(["sql", "SELECT event_id FROM events", "--format", "json"]);
  expect(JSON.parse(stdout)).toEqual({ event_id: "waiting" });
});

test("roles run apart: a collector waits for the engine of the process with the other roles", async () => {
  using folder = folderOnBroker();
  await using collector = folder.start(["serve", "--roles", "collector"]);
  await using others = folder.start(["serve", "--roles", "detector,alerting"]);
  const [collectorUrl, othersUrl] = await Promise.all([collector.url, others.url]);
  await produce(folder.topics.events, [event({ event_id: "apart" })]);
  const { stdout } = await eventually(
    () => folder.run(["sql", "SELECT event_id FROM events", "--format", "json"]),
    (end) => end.stdout !== "",
  );
  expect(JSON.parse(stdout)).toEqual({ event_id: "apart" });
  const parts = async (url: string) => Object.keys((JSON.parse(await text(url, "/readyz")) as { parts: object }).parts);
  expect(await parts(collectorUrl)).toEqual(["store", "collector"]);
  expect(await parts(othersUrl)).toEqual(["store", "detector", "alerting"]);
  expect(JSON.parse(await text(collectorUrl, "/api/v1/incidents"))).toMatchObject({ code: "role_absent", status: 404 });
});

test("a collector goes on when the process that owns the engine is killed and started again", async () => {
  using folder = folderOnBroker();
  await using collector = folder.start(["serve", "--roles", "collector"]);
  {
    await using owner = folder.start(["serve", "--roles", "detector,alerting"]);
    await Promise.all([owner.url, collector.url]);
    await produce(folder.topics.events, [event({ event_id: "before" })]);
    await eventually(
      async () => text(await collector.url, "/metrics"),
      (answer) => answer.includes("leeway_messages_stored_total{"),
    );
    owner.kill("SIGKILL");
    await owner.ended;
  }
  await produce(folder.topics.events, [event({ event_id: "while nobody served" })]);
  await using again = folder.start(["serve", "--roles", "detector,alerting"]);
  await again.url;
  const { stdout } = await eventually(
    () => folder.run(["sql", "SELECT count() AS events FROM events", "--format", "json"]),
    (end) => end.stdout.includes("2"),
  );
  expect(JSON.parse(stdout)).toEqual({ events: 2 });
});

test("SIGHUP takes a new configuration; one with a fault changes nothing", async () => {
  using folder = folderOnBroker();
  const file = join(folder.path, "leeway.yaml");
  const config = JSON.parse(readFileSync(file, "utf8")) as object;
  await using leeway = folder.start(["serve"]);
  const url = await leeway.url;
  const reloads = /^leeway_config_last_reload_successful (\d)/m;
  const since = async () =>
    Number(/^leeway_config_last_reload_success_timestamp_seconds (.+)/m.exec(await text(url, "/metrics"))?.[1]);
  const before = await since();

  writeFileSync(file, JSON.stringify({ ...config, models: ["*.model.yaml"] }));
  leeway.kill("SIGHUP");
  await eventually(
    () => text(url, "/metrics"),
    (answer) => reloads.exec(answer)?.[1] === "0",
  );
  expect(await since()).toBe(before);

  writeFileSync(join(folder.path, "new.model.yaml"), "model: new\nretention: 7d\n");
  leeway.kill("SIGHUP");
  await eventually(since, (at) => at > before);
  expect(JSON.parse(await text(url, "/api/v1/models"))).toMatchObject({
    models: [{ model: "new", origin: "declared" }],
  });
  await produce(folder.topics.events, [event({ model: "new" })]);
  const { stdout } = await eventually(
    () => folder.run(["sql", "SELECT dateDiff('day', today(), expires_on) AS days FROM events", "--format", "json"]),
    (end) => end.stdout !== "",
  );
  // The collector took the model's retention up as well.
  expect(JSON.parse(stdout)).toEqual({ days: 7 });
});

test("a reader can neither write nor leave the database", async () => {
  using folder = createLeewayFolder({});
  await using leeway = folder.start(["serve", "--roles", "alerting", "--port", "0"]);
  await leeway.url;
  for (const statement of [
    "DROP TABLE events",
    "INSERT INTO audit SELECT now64(3), '', '', '', ''",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
  ]) {
    const end = await folder.run(["sql", statement]);
    expect(end.code).toBe(2);
    expect(complaints(end)).toHaveLength(1);
    expect(end.stdout).toBe("");
  }
});

test("with CLICKHOUSE_URL everything goes to that server, and leeway sql only reads", async () => {
  const database = `app_${randomUUID().replaceAll("-", "")}`;
  const { url, token = "" } = inject("clickhouse");
  using folder = createLeewayFolder({ "leeway.yaml": JSON.stringify({ store: { database } }) });
  const environment = { CLICKHOUSE_URL: url, CLICKHOUSE_PASSWORD: token };
  expect(await folder.run(["migrate"], environment)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(new RegExp(`^database ${database}: tables at version \\d+\n$`)),
  });
  const { stdout } = await folder.run(
    [
      "sql",
      "SELECT count() AS tables FROM system.tables WHERE database = currentDatabase() AND name = 'events'",
      "--format",
      "json",
    ],
    environment,
  );
  expect(JSON.parse(stdout)).toEqual({ tables: 1 });
  const dropped = await folder.run(["sql", `DROP DATABASE ${database}`], environment);
  expect(dropped.code).toBe(2);
  expect(complaints(dropped)).toHaveLength(1);
  const wrong = await folder.run(["sql", "SELECT 1"], { ...environment, CLICKHOUSE_PASSWORD: "wrong" });
  expect(wrong.code).toBe(3);
  expect(complaints(wrong)[0]).toContain("check user and password");
  expect(existsSync(join(folder.path, "data"))).toBe(false);
  await using admin = createFacts({ ...inject("clickhouse"), database: "default" });
  await admin.command(`DROP DATABASE ${database}`);
});

test("a port that is taken: exit 3, and what to do", async () => {
  using folder = createLeewayFolder({});
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  const end = await folder.run(["serve", "--roles", "alerting", "--port", String(port)]);
  other.close();
  expect(end.code).toBe(3);
  expect(complaints(end)).toEqual([
    `leeway: 127.0.0.1:${port} is taken by another program; stop it, or choose another port with http.listen or --port`,
  ]);
});

test("no broker answers: exit 3 with one line", async () => {
  using folder = createLeewayFolder({});
  const end = await folder.run(["serve", "--port", "0"], { KAFKA_BROKERS: "127.0.0.1:1" });
  expect(end.code).toBe(3);
  expect(complaints(end)).toHaveLength(1);
  expect(complaints(end)[0]).toMatch(/127\.0\.0\.1:1/);
});

test("a signal while the start still waits ends it too", async () => {
  using folder = createLeewayFolder({});
  const leeway = folder.start(["serve", "--roles", "collector", "--port", "0"], { KAFKA_BROKERS: "127.0.0.1:1" });
  await eventually(async () => existsSync(join(folder.path, "data", "serve-collector.json")), Boolean);
  leeway.kill("SIGTERM");
  expect((await leeway.ended).code).toBe(143);
});
