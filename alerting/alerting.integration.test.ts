import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { describe, expect, inject, test } from "vitest";
import { createManualClock } from "../core/clock.ts";
import type { Finding } from "../core/finding.ts";
import { silentLogger } from "../core/logger.ts";
import { dayMs, minuteMs } from "../core/window.ts";
import { createFacts } from "../store/facts/client.ts";
import type { Facts } from "../store/facts/client.ts";
import { insertFindings } from "../store/facts/finding-history.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { openState } from "../store/state/state.ts";
import { createAlerting } from "./alerting.ts";
import type { AlertingOptions } from "./alerting.ts";
import { createAlertingMetrics } from "./metrics.ts";
import { webhookBodySchema } from "./notifiers/webhook-body.ts";
import type { AlertingProcessOptions } from "./testing/alerting-process.ts";
import { dayStartMs, evaluatedMs, sampleFinding } from "./testing/findings.ts";
import { sampleModel } from "./testing/models.ts";
import { startWebhookReceiver } from "./testing/webhook-receiver.ts";
import type { WebhookReceiver } from "./testing/webhook-receiver.ts";

const hour = (day: number, sketch: Partial<Finding> = {}) => sampleFinding({ opened: 1, day, ...sketch });
const score = (day: number, sketch: Partial<Finding> = {}) =>
  sampleFinding({ opened: 2, day, feature: "score", role: "score", harm: "predictions_moved", ...sketch });

/** What detectors write: one insert per evaluation. */
async function write(facts: Facts, ...findings: readonly Finding[]): Promise<void> {
  for (const evaluation of Map.groupBy(findings, (finding) => finding.evaluatedAtMs).values()) {
    await insertFindings(facts, evaluation, (evaluation[0] as Finding).evaluatedAtMs);
  }
}

function start(
  facts: Facts,
  statePath: string,
  receiver: Pick<WebhookReceiver, "url">,
  changes: Partial<AlertingOptions> = {},
) {
  const registry = new Registry();
  const state = openState(statePath);
  const clock = createManualClock(dayStartMs(1));
  const alerting = createAlerting({
    facts,
    state,
    models: () => [sampleModel()],
    receivers: [{ name: "ops", webhook: { url: receiver.url, timeout: "2s" } }],
    route: { receiver: "ops" },
    externalUrl: "http://127.0.0.1:8686",
    clock,
    log: silentLogger,
    metrics: createAlertingMetrics(registry),
    pollIntervalMs: 10,
    groupWaitMs: 0,
    notifyMaxAgeMs: 30 * dayMs,
    retry: { baseMs: 5, maxMs: 20, maxAttempts: 50 },
    ...changes,
  });
  return {
    alerting,
    clock,
    registry,
    state,
    [Symbol.asyncDispose]: async () => {
      await alerting[Symbol.asyncDispose]();
      state[Symbol.dispose]();
    },
  };
}

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), "leeway-alerting-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

const reasons = (receiver: WebhookReceiver) => receiver.taken().map(({ body }) => webhookBodySchema.parse(body).reason);

describe("from finding_history to a receiver", () => {
  test("a change is told when it opens, grows and ends, each once, by a body that its schema describes", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await using service = start(facts, ":memory:", receiver);
    const { alerting, clock } = service;

    const steps = [
      [hour(1)],
      [hour(2), score(2)],
      [hour(3), score(3)],
      [hour(4, { state: "closed" }), score(4, { state: "closed" })],
    ];
    for (const [index, findings] of steps.entries()) {
      await write(facts, ...findings);
      clock.set(evaluatedMs(index + 1));
      await alerting.pass();
      await alerting.pass();
    }

    expect(reasons(receiver)).toEqual(["opened", "grew", "ended"]);
    const [opened, grew, ended] = receiver.taken();
    expect(opened?.body).toMatchObject({
      version: 1,
      idempotency_key: opened?.key,
      incident: { status: "open", severity: "ticket", model: "flight-delay", labels: { team: "ops", feature: "hour" } },
    });
    expect(grew?.body).toMatchObject({ incident: { severity: "page", severity_before: "ticket" } });
    expect(ended?.body).toMatchObject({ incident: { status: "ended" }, next_steps: [] });
    expect(new Set(receiver.requests.map(({ key }) => key)).size).toBe(3);
  });

  test("what is not told is recorded with its reason, and shown beside what was", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await using service = start(facts, ":memory:", receiver);
    await write(facts, hour(1), hour(2), sampleFinding({ opened: 2, slice: "haul=short" }));
    service.clock.set(evaluatedMs(2));
    await service.alerting.pass();

    const [incident] = service.alerting.incidents.list({ status: "open" });
    expect(incident).toMatchObject({ id: "1nc1den7", title: "hour changed", severity: "ticket", acknowledged: null });
    expect(service.alerting.incidents.get("1nc1den7")).toMatchObject({
      notifications: [{ receiver: "ops", reason: "opened", status: "delivered", attempts: 1 }],
      decisions: [
        { kind: "notify", reason: "opened" },
        { kind: "record", reason: "joined_silently" },
      ],
    });
    expect(service.alerting.incidents.list({ status: "ended" })).toEqual([]);
    expect(service.alerting.incidents.list({ model: "another" })).toEqual([]);
    expect(service.alerting.incidents.get("none")).toBeNull();
  });

  test("an acknowledgement is kept with who and when, and the first stands", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await using service = start(facts, ":memory:", receiver, { wallClock: createManualClock(dayStartMs(3)) });
    await write(facts, hour(1));
    service.clock.set(evaluatedMs(1));
    await service.alerting.pass();
    const { acknowledge } = service.alerting.actions;
    const ada = { by: "ada", comment: "looking" };
    expect(acknowledge("none", ada)).toMatchObject({ kind: "refused", code: "incident_unknown" });
    acknowledge("1nc1den7", ada);
    const acknowledged = { ...ada, at: "2026-03-04T00:00:00.000Z" };
    expect(acknowledge("1nc1den7", { by: "grace", comment: null })).toMatchObject({ incident: { acknowledged } });
  });

  test("incidents, acknowledgements and notifications are mirrored to ClickHouse, each version once", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await using service = start(facts, ":memory:", receiver);
    await write(facts, hour(1), hour(2, { state: "closed" }));
    service.clock.set(evaluatedMs(2));
    await service.alerting.pass();
    service.alerting.actions.acknowledge("1nc1den7", { by: "ada", comment: null });
    await service.alerting.idle();

    const incidents = await facts.query<{ sequence: number; state: string; id: string }>(
      "SELECT sequence, state, JSONExtractString(incident, 'id') AS id FROM incident_history ORDER BY sequence",
    );
    expect(incidents.at(-1)).toMatchObject({ state: "ended", id: "1nc1den7" });
    expect(incidents.map(({ sequence }) => sequence)).toEqual(incidents.map((_, index) => index + 1));
    const changes = await facts.query<{ kind: string; rows: number }>(
      "SELECT kind, count() AS rows FROM state_history GROUP BY kind ORDER BY kind",
    );
    expect(changes).toEqual([
      { kind: "acknowledgement", rows: 1 },
      { kind: "notification", rows: 2 },
    ]);
  });

  test("a row that becomes visible late is still read, and what was read is not read again", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await using service = start(facts, ":memory:", receiver);
    const other = sampleFinding({ opened: 1, feature: "origin", incidentId: "an0ther" });
    await write(facts, hour(1));
    service.clock.set(evaluatedMs(1));
    expect((await service.alerting.pass()).records).toBe(1);
    await insertFindings(facts, [other], evaluatedMs(1) - 4 * minuteMs);
    expect((await service.alerting.pass()).records).toBe(1);
    expect((await service.alerting.pass()).records).toBe(0);
    expect(receiver.taken().length).toBe(2);
  });

  test("a record that is not a finding is passed over and counted", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await using service = start(facts, ":memory:", receiver);
    const broken = { ...hour(1), magnitude: null as unknown as number };
    await write(facts, broken, hour(2));
    service.clock.set(evaluatedMs(2));
    await service.alerting.pass();
    expect(reasons(receiver)).toEqual(["opened"]);
    expect(await service.registry.metrics()).toContain("leeway_alerting_unreadable_records_total 1");
  });

  test("idle tells what still waits for its group, and ends with an empty outbox", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver((index) => (index < 2 ? { status: 503 } : "ok"));
    await using service = start(facts, ":memory:", receiver, { groupWaitMs: 30_000 });
    await write(facts, hour(1));
    service.clock.set(evaluatedMs(1));
    expect(await service.alerting.pass()).toMatchObject({ records: 1, notifications: 0 });
    await service.alerting.idle();
    expect(reasons(receiver)).toEqual(["opened"]);
    expect(await service.registry.metrics()).toContain('leeway_outbox_notifications{receiver="ops"} 0');
  });

  test("the queries that messages offer run as they stand", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await using service = start(facts, ":memory:", receiver);
    // The columns of a view, without the model's schemas behind it.
    await facts.command(
      "CREATE VIEW `v_flight-delay` AS SELECT *, 1.5 AS hour, 'ORD' AS origin, 0.5 AS score FROM events",
    );
    const slice = "origin_state=N'Y$$\\,=";
    const series = { slice, incidentId: "a" };
    await write(
      facts,
      hour(1, { incidentId: "b" }),
      sampleFinding({ opened: 1, ...series }),
      sampleFinding({ opened: 1, feature: "origin", incidentId: "c" }),
      sampleFinding({ opened: 1, feature: "origin", signal: "missing", incidentId: "d" }),
      sampleFinding({ opened: 1, feature: "origin", signal: "unseen", incidentId: "e" }),
      sampleFinding({ opened: 1, feature: "", signal: "silence", incidentId: "f" }),
      sampleFinding({ opened: 1, feature: "score", role: "score", version: "7", incidentId: "g" }),
      sampleFinding({ opened: 1, feature: "class", role: "class", version: "7", incidentId: "h" }),
    );
    service.clock.set(evaluatedMs(1));
    await service.alerting.pass();
    const queries = receiver.taken().map(({ body }) => webhookBodySchema.parse(body).query);
    expect(queries).toHaveLength(8);
    for (const query of queries) {
      const [sql = ""] = await shellWords(query.replace(/^leeway sql /, ""));
      await facts.query(sql);
    }
  });
});

async function shellWords(line: string): Promise<readonly string[]> {
  const shell = spawn("/bin/sh", ["-c", `printf '%s' ${line}`]);
  const chunks: Buffer[] = [];
  shell.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(shell, "close");
  return [Buffer.concat(chunks).toString()];
}

describe("a receiver or a store that fails", () => {
  test("each notification is delivered once although the receiver answers 500, hangs, and resets connections", async () => {
    await using facts = await createTestDatabase();
    const behaviours = [{ status: 500 }, "reset", "hang", "ok", { status: 429 }, "ok", "reset", "ok"] as const;
    await using receiver = await startWebhookReceiver((index) => behaviours[index] ?? "ok");
    await using service = start(facts, ":memory:", receiver);
    await write(facts, hour(1), hour(2), score(2), hour(3, { state: "closed" }), score(3, { state: "closed" }));
    service.clock.set(evaluatedMs(3));
    service.alerting.start();
    await receiver.count(8);
    await service.alerting.idle();
    expect(reasons(receiver)).toEqual(["opened", "grew", "ended"]);
    expect(await service.registry.metrics()).toContain(
      'leeway_notifications_total{receiver="ops",reason="opened",outcome="failed"} 3',
    );
  });

  test("what a receiver refuses for good is dead with its reason, and the rest goes on", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver((index) => (index === 0 ? { status: 404 } : "ok"));
    await using service = start(facts, ":memory:", receiver);
    await write(facts, hour(1), hour(2, { state: "closed" }));
    service.clock.set(evaluatedMs(2));
    await service.alerting.pass();
    expect(service.alerting.incidents.get("1nc1den7")).toMatchObject({
      notifications: [
        { reason: "opened", status: "dead", attempts: 1, last_error: "HTTP 404" },
        { reason: "ended", status: "delivered" },
      ],
    });
  });

  test("after the last attempt a notification is dead", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver(() => ({ status: 500 }));
    await using service = start(facts, ":memory:", receiver, { retry: { baseMs: 1, maxMs: 1, maxAttempts: 3 } });
    await write(facts, hour(1));
    service.clock.set(evaluatedMs(1));
    await service.alerting.idle();
    expect(receiver.requests).toHaveLength(3);
    expect(service.alerting.incidents.get("1nc1den7")).toMatchObject({
      notifications: [{ status: "dead", attempts: 3 }],
    });
  });

  test("one receiver that is down does not keep the other from hearing", async () => {
    await using facts = await createTestDatabase();
    await using down = await startWebhookReceiver(() => ({ status: 500 }));
    await using up = await startWebhookReceiver();
    await using service = start(facts, ":memory:", up, {
      receivers: [
        { name: "down", webhook: { url: down.url } },
        { name: "up", webhook: { url: up.url } },
      ],
      route: { receiver: "down", routes: [{ receiver: "down", continue: true }, { receiver: "up" }] },
      retry: { baseMs: 60_000, maxMs: 60_000, maxAttempts: 5 },
    });
    await write(facts, hour(1), hour(2, { state: "closed" }));
    service.clock.set(evaluatedMs(2));
    await service.alerting.pass();
    expect(reasons(up)).toEqual(["opened", "ended"]);
    // An end never overtakes its opening.
    expect(down.requests).toHaveLength(1);
  });

  test("who was told of the opening is told of the end, although a rise of severity brought in another", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await using service = start(facts, ":memory:", receiver, {
      receivers: [
        { name: "tickets", webhook: { url: `${receiver.url}/tickets` } },
        { name: "phone", webhook: { url: `${receiver.url}/phone` } },
      ],
      route: { receiver: "tickets", routes: [{ match: { severity: "page" }, receiver: "phone" }] },
    });
    await write(facts, hour(1), hour(2), score(2), hour(3, { state: "closed" }), score(3, { state: "closed" }));
    service.clock.set(evaluatedMs(3));
    await service.alerting.pass();
    const told = (path: string) =>
      receiver
        .taken()
        .filter((request) => request.path === path)
        .map(({ body }) => webhookBodySchema.parse(body).reason);
    expect(told("/tickets")).toEqual(["opened", "grew", "ended"]);
    expect(told("/phone")).toEqual(["grew", "ended"]);
  });

  test("while ClickHouse is away the outbox goes on, and the pass says so", async () => {
    await using facts = await createTestDatabase();
    await using directory = await temporaryDirectory();
    const statePath = join(directory.path, "state.db");
    await using receiver = await startWebhookReceiver((index) => (index === 0 ? { status: 500 } : "ok"));
    {
      await using service = start(facts, statePath, receiver);
      await write(facts, hour(1));
      service.clock.set(evaluatedMs(1));
      await service.alerting.pass();
      expect(receiver.taken()).toHaveLength(0);
    }
    await using away = createFacts({ url: "http://127.0.0.1:9" });
    await using service = start(away, statePath, receiver, { wallClock: { now: () => Date.now() + 1000 } });
    await expect(service.alerting.pass()).rejects.toMatchObject({ code: "store_unreachable" });
    expect(reasons(receiver)).toEqual(["opened"]);
  });
});

test("a process that is killed again and again loses nothing and repeats nothing but under the same key", async () => {
  await using facts = await createTestDatabase();
  await using directory = await temporaryDirectory();
  const log: Finding[] = [];
  for (let incident = 0; incident < 12; incident += 1) {
    const incidentId = `incident-${incident}`;
    const feature = `feature_${incident}`;
    for (let day = 1; day <= 6; day += 1) {
      const open = { incidentId, day, evaluatedAtMs: evaluatedMs(day) + incident } as const;
      const state = day === 6 ? "closed" : "open";
      log.push(sampleFinding({ opened: 1, feature, state, ...open }));
      if (day >= 3) log.push(sampleFinding({ opened: 3, feature: `${feature}_too`, state, ...open }));
    }
  }
  const nowMs = evaluatedMs(7);
  await write(facts, ...log);

  // What an undisturbed run sends to a receiver that never fails.
  await using calm = await startWebhookReceiver();
  await using undisturbed = start(facts, ":memory:", calm);
  undisturbed.clock.set(nowMs);
  await undisturbed.alerting.idle();
  const expected = calm
    .taken()
    .map(({ key }) => key)
    .toSorted();
  expect(expected).toHaveLength(36);

  const troubles = ["ok", "lost_answer", { status: 500 }, "ok", "reset"] as const;
  await using receiver = await startWebhookReceiver((index) => troubles[index % troubles.length] ?? "ok");
  const options: AlertingProcessOptions = {
    clickhouse: inject("clickhouse"),
    database: facts.database,
    statePath: join(directory.path, "state.db"),
    webhook: receiver.url,
    nowMs,
  };
  for (const requests of [1, 4, 9, 17, 30]) {
    const child = spawnAlerting(options);
    await Promise.race([receiver.count(requests), once(child, "exit").then(([code]) => expect(code).toBe("running"))]);
    child.kill("SIGKILL");
    await once(child, "close");
  }
  await using service = start(facts, options.statePath, receiver);
  service.clock.set(nowMs);
  await service.alerting.idle();

  expect([...new Set(receiver.taken().map(({ key }) => key))].toSorted()).toEqual(expected);
  // Each incident's notifications came first in their order, whatever was repeated.
  for (const requests of Map.groupBy(
    receiver.taken(),
    ({ body }) => webhookBodySchema.parse(body).incident.id,
  ).values()) {
    const firsts = [...new Map(requests.toReversed().map((request) => [request.key, request])).values()].toReversed();
    expect(firsts.map(({ body }) => webhookBodySchema.parse(body).reason)).toEqual(["opened", "grew", "ended"]);
  }
});

function spawnAlerting(options: AlertingProcessOptions): ChildProcess {
  const script = new URL("./testing/alerting-process.ts", import.meta.url).pathname;
  return spawn(process.execPath, [script, JSON.stringify(options)], { stdio: ["ignore", "ignore", "inherit"] });
}
