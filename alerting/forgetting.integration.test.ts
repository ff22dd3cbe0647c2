import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createManualClock } from "../core/clock.ts";
import type { Finding } from "../core/finding.ts";
import { silentLogger } from "../core/logger.ts";
import { dayMs } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { insertFindings } from "../store/facts/finding-history.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { openState, type State } from "../store/state/state.ts";
import { createAlerting } from "./alerting.ts";
import { createAlertingMetrics } from "./metrics.ts";
import { webhookBodySchema } from "./notifiers/webhook-body.ts";
import { evaluatedMs, sampleFinding } from "./testing/findings.ts";
import { sampleModel } from "./testing/models.ts";
import { startWebhookReceiver } from "./testing/webhook-receiver.ts";

const hour = (day: number, sketch: Partial<Finding> = {}) => sampleFinding({ opened: 1, day, ...sketch });
const other = (day: number, sketch: Partial<Finding> = {}) =>
  sampleFinding({ opened: 1, day, feature: "distance", incidentId: "07he2", ...sketch });

async function write(facts: Facts, ...findings: readonly Finding[]): Promise<void> {
  for (const finding of findings) await insertFindings(facts, [finding], finding.evaluatedAtMs);
}

function start(facts: Facts, state: State, url: string, wallMs: number) {
  const clock = createManualClock(evaluatedMs(2));
  const wallClock = createManualClock(wallMs);
  const alerting = createAlerting({
    facts,
    state,
    models: () => [sampleModel()],
    receivers: [{ name: "ops", webhook: { url, timeout: "2s" } }],
    route: { receiver: "ops" },
    externalUrl: "http://127.0.0.1:8686",
    clock,
    wallClock,
    log: silentLogger,
    metrics: createAlertingMetrics(new Registry()),
    pollIntervalMs: 10,
    groupWaitMs: 0,
    notifyMaxAgeMs: 30 * dayMs,
    retentionMs: 90 * dayMs,
    retry: { baseMs: 5, maxMs: 20, maxAttempts: 50 },
  });
  return {
    alerting,
    passAt: async (ms: number) => {
      wallClock.set(ms);
      return alerting.pass();
    },
    [Symbol.asyncDispose]: () => alerting[Symbol.asyncDispose](),
  };
}

const rowsOf = (state: State, table: string) =>
  state.get<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE incident_id = '1nc1den7'`)?.n;
const tables = ["incidents", "incident_decisions", "outbox"];
const beganMs = evaluatedMs(2);

test("an incident that ended and was told leaves the state file, and is not told again when its findings are seen again", async () => {
  await using facts = await createTestDatabase();
  await using receiver = await startWebhookReceiver();
  using state = openState(":memory:");
  const reasons = () => receiver.taken().map(({ body }) => webhookBodySchema.parse(body).reason);
  await write(facts, hour(1), other(1), hour(2, { state: "closed" }), other(2));
  {
    await using service = start(facts, state, receiver.url, beganMs);
    await service.alerting.pass();
    await service.alerting.pass();
    service.alerting.actions.silences.add({
      ...{ by: "ada", comment: null },
      ...{ matchers: { feature: ["x"] }, untilMs: beganMs + dayMs },
    });
    expect(reasons().toSorted()).toEqual(["ended", "opened", "opened"]);

    await service.passAt(beganMs + 89 * dayMs);
    expect(tables.map((table) => rowsOf(state, table))).not.toContain(0);
    expect(service.alerting.incidents.knownSince()).toBeNull();
    await service.passAt(beganMs + 91 * dayMs);
    expect(tables.map((table) => rowsOf(state, table))).toEqual([0, 0, 0]);
    expect(service.alerting.actions.silences.list("all")).toEqual([]);

    // What is open stays, however old.
    expect(service.alerting.incidents.list().map(({ id, status }) => [id, status])).toEqual([["07he2", "open"]]);
    expect(service.alerting.incidents.get("1nc1den7")).toBeNull();
    expect(service.alerting.incidents.knownSince()).toBe("2026-03-04T00:00:00.000Z");
    const text = service.alerting.incidents.forgotten("1nc1den7")!;
    expect(text).toMatch(/^incident 1nc1den7 of flight-delay \(production\) ended 2026-03-04 and is no longer/);
    expect(service.alerting.incidents.forgotten("none")).toBeNull();
    expect(service.alerting.actions.acknowledge("1nc1den7", { by: "ada", comment: null })).toMatchObject({
      code: "incident_unknown",
      detail: text,
    });
    // The statement that it names finds it.
    const [kept] = await facts.query<{ incident: string }>(/leeway sql "(.*)"/.exec(text)![1]!);
    expect(JSON.parse(kept!.incident)).toMatchObject({ id: "1nc1den7", status: "ended", notified: true });
  }

  // All is read from the beginning, as by a process that lost its place.
  state.run("DELETE FROM cursors");
  await using service = start(facts, state, receiver.url, beganMs + 91 * dayMs);
  const report = await service.alerting.pass();
  await service.alerting.pass();
  expect(report).toMatchObject({ records: 4, notifications: 0 });
  // A record that was not there before is of the same incident, and as little news.
  await write(facts, { ...hour(2, { state: "closed", revision: 1 }), evaluatedAtMs: evaluatedMs(2) + 1 });
  expect(await service.alerting.pass()).toMatchObject({ records: 1, notifications: 0 });
  expect(receiver.taken()).toHaveLength(3);
  expect(service.alerting.incidents.get("1nc1den7")).toBeNull();
});

test("what nobody was told yet stays, and so do findings whose windows are long", async () => {
  await using facts = await createTestDatabase();
  using state = openState(":memory:");
  await write(facts, hour(1), hour(2, { state: "closed" }));
  const weeks = sampleFinding({ opened: 1, incidentId: "w33k", feature: "week", harm: "inputs_moved" });
  const long = { ...weeks, openedWindowEndMs: weeks.openedWindowStartMs + 28 * dayMs };
  await write(facts, { ...long, state: "closed", windowEndMs: long.openedWindowEndMs });
  await using service = start(facts, state, "http://127.0.0.1:9", beganMs);
  await service.alerting.pass();
  await service.passAt(beganMs + 400 * dayMs);
  expect(rowsOf(state, "outbox")).toBeGreaterThan(0);
  expect(
    service.alerting.incidents
      .list()
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(["1nc1den7", "w33k"]);
  await service.passAt(beganMs + 700 * dayMs);
  expect(service.alerting.incidents.list().map(({ id }) => id)).toEqual(["1nc1den7"]);
});
