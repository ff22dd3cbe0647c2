import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Registry } from "prom-client";
import { describe, expect, inject, test } from "vitest";
import type { Baseline, BaselineSpec } from "../core/baseline.ts";
import { createManualClock } from "../core/clock.ts";
import type { Finding } from "../core/finding.ts";
import { silentLogger } from "../core/logger.ts";
import { dayMs, hourMs } from "../core/window.ts";
import { readAcceptedBaselines } from "../store/facts/accepted-baselines.ts";
import { insertBaseline } from "../store/facts/baselines.ts";
import { createFacts } from "../store/facts/client.ts";
import type { Facts } from "../store/facts/client.ts";
import { insertDecisionState } from "../store/facts/decision-states.ts";
import { insertFindings } from "../store/facts/finding-history.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents } from "../store/facts/test-events.ts";
import { openState } from "../store/state/state.ts";
import type { IncidentOutcome } from "./actions.ts";
import { createAlerting } from "./alerting.ts";
import { createAlertingMetrics } from "./metrics.ts";
import { webhookBodySchema } from "./notifiers/webhook-body.ts";
import type { ActingProcessOptions } from "./testing/acting-process.ts";
import { dayStartMs, evaluatedMs, sampleFinding } from "./testing/findings.ts";
import { sampleModel } from "./testing/models.ts";
import { startWebhookReceiver } from "./testing/webhook-receiver.ts";
import type { WebhookReceiver } from "./testing/webhook-receiver.ts";

const incidentId = "1nc1den7";
const ada = { by: "ada", comment: null };
const hour = (day: number, sketch: Partial<Finding> = {}) => sampleFinding({ opened: 1, day, ...sketch });
const { baselineId } = hour(1);
const old: Baseline = {
  baselineId,
  model: "flight-delay",
  spec: { kind: "range", fromMs: dayStartMs(-40), toMs: dayStartMs(-10) },
  rows: 3000,
  fromMs: dayStartMs(-40),
  toMs: dayStartMs(-10),
  createdAtMs: dayStartMs(-9),
  windowMs: dayMs,
};

/** Days 1 to `days` as a detector leaves them: rows, decided windows, and a finding that opened on day 1. */
async function live(facts: Facts, days: number, changes: { readonly rowsPerDay?: number } = {}): Promise<void> {
  const { rowsPerDay = 100 } = changes;
  await insertBaseline(facts, "production", old);
  await generateEvents(facts, {
    model: "flight-delay",
    schemaId: "s",
    fromMs: dayStartMs(1),
    stepMs: dayMs / rowsPerDay,
    count: rowsPerDay * days,
  });
  await decide(facts, 1, days);
}

async function decide(facts: Facts, from: number, to: number): Promise<void> {
  for (let day = from; day <= to; day += 1) {
    await insertFindings(facts, [hour(day)], evaluatedMs(day));
    await insertDecisionState(
      facts,
      { environment: "production", model: "flight-delay" },
      {
        baselineId,
        window: { startMs: dayStartMs(day), endMs: dayStartMs(day + 1) },
        revision: 0,
        rows: 100,
        state: "",
        // States expire by it.
        evaluatedAtMs: Date.now(),
      },
    );
  }
}

function start(
  facts: Facts,
  receiver: Pick<WebhookReceiver, "url">,
  day: number,
  statePath = ":memory:",
  baseline: BaselineSpec = old.spec,
) {
  const registry = new Registry();
  const state = openState(statePath);
  const clock = createManualClock(evaluatedMs(day));
  const wallClock = createManualClock(evaluatedMs(day));
  const alerting = createAlerting({
    facts,
    state,
    models: () => [sampleModel({ baseline })],
    receivers: [{ name: "ops", webhook: { url: receiver.url, timeout: "2s" } }],
    route: { receiver: "ops" },
    externalUrl: "http://127.0.0.1:8686",
    clock,
    wallClock,
    log: silentLogger,
    metrics: createAlertingMetrics(registry),
    pollIntervalMs: 10,
    groupWaitMs: 0,
    notifyMaxAgeMs: 30 * dayMs,
    retry: { baseMs: 5, maxMs: 20, maxAttempts: 50 },
  });
  return {
    alerting,
    actions: alerting.actions,
    registry,
    /** The clocks at a day's evaluation, and what is due then. */
    passAt: async (atMs: number) => {
      clock.set(atMs);
      wallClock.set(atMs);
      return alerting.pass();
    },
    [Symbol.asyncDispose]: async () => {
      await alerting[Symbol.asyncDispose]();
      state[Symbol.dispose]();
    },
  };
}

const bodies = (receiver: WebhookReceiver) => receiver.taken().map(({ body }) => webhookBodySchema.parse(body));
const reasons = (receiver: WebhookReceiver) => bodies(receiver).map(({ reason }) => reason);
const day = (number: number) => new Date(dayStartMs(number)).toISOString();

describe("a silence", () => {
  test("holds back what it matches, says who and until when, and lets it out once when it runs out", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 1);
    await using service = start(facts, receiver, 1);
    const untilMs = evaluatedMs(2) + hourMs;
    service.actions.silences.add({ ...ada, matchers: { feature: ["hour"], model: ["flight-delay"] }, untilMs });

    await service.passAt(evaluatedMs(1));
    await decide(facts, 2, 2);
    await service.passAt(evaluatedMs(2));
    expect(reasons(receiver)).toEqual([]);
    const until = new Date(untilMs).toISOString();
    expect(service.alerting.incidents.get(incidentId)).toMatchObject({
      status: "open",
      notified: false,
      silences: [{ status: "active", by: "ada", until }],
      decisions: [{ kind: "record", reason: "silenced", silences: [{ by: "ada", until }] }],
    });
    expect(await service.registry.getSingleMetricAsString("leeway_silences_active")).toContain(" 1");

    await service.passAt(untilMs);
    await service.passAt(untilMs + hourMs);
    expect(reasons(receiver)).toEqual(["opened"]);
    expect(service.actions.silences.list("active")).toEqual([]);
    expect(service.actions.silences.list("all")).toMatchObject([{ status: "expired" }]);
    expect(await service.registry.getSingleMetricAsString("leeway_notifications_silenced_total")).toContain(
      'leeway_notifications_silenced_total{model="flight-delay"} 1',
    );
  });

  test("on an incident can be ended by anybody, and then what was held back is said", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 1);
    await using service = start(facts, receiver, 1);
    await service.passAt(evaluatedMs(1));
    expect(reasons(receiver)).toEqual(["opened"]);
    const untilMs = evaluatedMs(20);
    expect(service.actions.silence(incidentId, { ...ada, untilMs })).toMatchObject({
      kind: "done",
      incident: {
        silences: [
          {
            incident: incidentId,
            matchers: { feature: ["hour"], signal: ["distribution"], severity: ["ticket", "none"] },
            matches: [incidentId],
          },
        ],
      },
    });
    await insertFindings(facts, [hour(2, { magnitude: 1 })], evaluatedMs(2));
    await service.passAt(evaluatedMs(2));
    expect(reasons(receiver)).toEqual(["opened"]);

    const [silence] = service.actions.silences.list("active");
    const ended = service.actions.silences.end(silence?.id ?? "", "grace");
    expect(ended).toMatchObject({ kind: "done", silence: { status: "ended", ended: { by: "grace" } } });
    expect(service.actions.silences.end(silence?.id ?? "", "ada")).toEqual(ended);
    await service.passAt(evaluatedMs(2) + 1);
    expect(reasons(receiver)).toEqual(["opened", "worsened"]);
    expect(service.actions.silences.end("none", "ada")).toMatchObject({ kind: "refused", code: "silence_unknown" });
  });
});

describe("feedback", () => {
  test("counts the last word of each person, in the incident, the metrics and the mirror", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 1);
    await using service = start(facts, receiver, 1);
    await service.passAt(evaluatedMs(1));
    const { feedback } = service.actions;
    feedback(incidentId, { by: "ada", comment: "a holiday", verdict: "noise" });
    feedback(incidentId, { by: "grace", comment: null, verdict: "noise" });
    const last = feedback(incidentId, { by: "grace", comment: null, verdict: "useful" });
    expect(last).toMatchObject({
      incident: {
        feedback: [
          { by: "ada", verdict: "noise", comment: "a holiday" },
          { by: "grace", verdict: "useful" },
        ],
      },
    });
    expect(feedback("none", { ...ada, verdict: "noise" })).toMatchObject({ code: "incident_unknown" });
    await service.alerting.idle();
    const metric = await service.registry.getSingleMetricAsString("leeway_incident_feedback");
    expect(metric).toContain('{model="flight-delay",verdict="noise"} 1');
    expect(metric).toContain('{model="flight-delay",verdict="useful"} 1');
    const rows = await facts.query<{ actor: string; action: string }>("SELECT actor, action FROM audit ORDER BY actor");
    expect(rows.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      "ada feedback",
      "grace feedback",
      "grace feedback",
    ]);
  });
});

describe("accepting a change as the new baseline", () => {
  test("takes the whole windows since it began, ends the incident, and tells who was told", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 4);
    // What is looked at every few minutes is ahead of the whole windows.
    const early = { signal: "missing", windowEndMs: dayStartMs(5) + hourMs } as const;
    await insertFindings(facts, [sampleFinding({ opened: 4, ...early })], evaluatedMs(4));
    await using service = start(facts, receiver, 4);
    await service.passAt(evaluatedMs(4));
    const outcome = await service.actions.accept(incidentId, { by: "ada", comment: "new airports" });
    const baseline = { from: day(1), to: day(5) };
    expect(outcome).toMatchObject({
      kind: "done",
      incident: { status: "ended", accepted: { by: "ada", comment: "new airports", baseline } },
    });
    await service.alerting.idle();
    expect(bodies(receiver)).toMatchObject([
      { reason: "opened" },
      { reason: "grew" },
      { reason: "ended", title: "ada accepted it as the new baseline: hour", incident: { status: "ended" } },
    ]);
    expect(await readAcceptedBaselines(facts)).toMatchObject([
      { spec: { kind: "range", fromMs: dayStartMs(1), toMs: dayStartMs(5) }, replaced: [baselineId], incidentId },
    ]);
    expect(await service.actions.baselines.list("flight-delay")).toMatchObject({
      baselines: {
        in_force: { production: { kind: "range", ...baseline } },
        baselines: [{ id: baselineId, in_force: true, decided: { from: day(1), to: day(5), windows: 4 } }],
        accepted: [{ by: "ada", incident: incidentId }],
      },
    });
  });

  describe("beside a control version", () => {
    const baseline: Extract<BaselineSpec, { kind: "range" }> = {
      ...{ kind: "range", fromMs: dayStartMs(-40), toMs: dayStartMs(-10) },
      ...{ version: "v1", concurrent: true },
    };
    const difference = (opened: number) =>
      sampleFinding({
        ...{ opened, feature: "class", role: "class", version: "v2", harm: "predictions_moved" },
        evidence: { control: "v1" },
      });

    test("takes the control's rows as the baseline, and goes on comparing with it", async () => {
      await using facts = await createTestDatabase();
      await using receiver = await startWebhookReceiver();
      await live(facts, 4);
      await insertFindings(facts, [difference(4)], evaluatedMs(4));
      await using service = start(facts, receiver, 4, ":memory:", baseline);
      await service.passAt(evaluatedMs(4));
      expect(await service.actions.accept(incidentId, ada)).toMatchObject({
        kind: "done",
        incident: { status: "ended", accepted: { baseline: { from: day(1), to: day(5) } } },
      });
      expect(await service.actions.baselines.list("flight-delay")).toMatchObject({
        baselines: { in_force: { production: { from: day(1), to: day(5), version: "v1", concurrent: true } } },
      });
      await service.alerting.idle();
      expect(await readAcceptedBaselines(facts)).toMatchObject([
        { spec: { kind: "range", fromMs: dayStartMs(1), toMs: dayStartMs(5), version: "v1", concurrent: true } },
      ]);
    });

    test("needs enough rows of the control", async () => {
      await using facts = await createTestDatabase();
      await using receiver = await startWebhookReceiver();
      await live(facts, 4);
      await using service = start(facts, receiver, 4, ":memory:", { ...baseline, version: "v0" });
      await service.passAt(evaluatedMs(4));
      expect(await service.actions.accept(incidentId, ada)).toMatchObject({
        code: "baseline_refused",
        detail: expect.stringContaining("it holds 0 whole windows with 0 rows of version v0, and a baseline needs"),
      });
    });

    test("is refused of an incident that only says that a version differs from it, with what to do", async () => {
      await using facts = await createTestDatabase();
      await using receiver = await startWebhookReceiver();
      await live(facts, 4);
      await insertFindings(facts, [hour(4, { state: "closed" }), difference(4)], evaluatedMs(4) + 1);
      await using service = start(facts, receiver, 4, ":memory:", baseline);
      await service.passAt(evaluatedMs(4));
      expect(await service.actions.accept(incidentId, ada)).toEqual({
        kind: "refused",
        code: "baseline_refused",
        detail: `version v2 differs from version v1, the control, on the same traffic: no stored range makes that normal. If version v2 is right, name it as baseline.version in the file of flight-delay; until then hold back what is sent: leeway incidents silence ${incidentId}`,
      });
      expect(service.alerting.incidents.get(incidentId)).toMatchObject({ status: "open", accepted: null });
    });
  });

  test("is not undone by a detector that still holds windows against the old one", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 4);
    await using service = start(facts, receiver, 4);
    await service.passAt(evaluatedMs(4));
    await service.actions.accept(incidentId, ada);
    await decide(facts, 5, 6);
    await insertFindings(
      facts,
      [sampleFinding({ opened: 6, feature: "origin", incidentId: "another" })],
      evaluatedMs(6),
    );
    await service.passAt(evaluatedMs(6));
    expect(service.alerting.incidents.list({ status: "open" })).toEqual([]);
    expect(reasons(receiver)).toEqual(["opened", "ended"]);
  });

  test("is refused while there are too few windows, and says from when on there should be enough", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 2);
    await using service = start(facts, receiver, 2);
    await service.passAt(evaluatedMs(2));
    expect(await service.actions.accept(incidentId, ada)).toEqual({
      kind: "refused",
      code: "baseline_refused",
      detail:
        "the change began Mon 2026-03-02 00:00 UTC; what was stored since cannot become the baseline yet: it holds 2 whole windows with 200 rows, and a baseline needs 4 with 100; from Fri 2026-03-06 00:05 UTC on there should be enough, accept it then",
    });
    expect(service.alerting.incidents.get(incidentId)).toMatchObject({ status: "open", accepted: null });
  });

  test("is refused while there are too few rows, at the rate at which they come", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 5, { rowsPerDay: 10 });
    await using service = start(facts, receiver, 5);
    await service.passAt(evaluatedMs(5));
    expect(await service.actions.accept(incidentId, ada)).toMatchObject({
      detail: expect.stringContaining(
        "5 whole windows with 50 rows, and a baseline needs 4 with 100; from Thu 2026-03-12",
      ),
    });
  });

  test("by two people at once counts once, and both are told it is done", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 4);
    await using service = start(facts, receiver, 4);
    await service.passAt(evaluatedMs(4));
    const both = await Promise.all([
      service.actions.accept(incidentId, ada),
      service.actions.accept(incidentId, { by: "grace", comment: null }),
    ]);
    const who = (outcome: IncidentOutcome) => (outcome.kind === "done" ? outcome.incident.accepted?.by : outcome.code);
    expect(who(both[0])).toBe(who(both[1]));
    await service.alerting.idle();
    expect(await readAcceptedBaselines(facts)).toHaveLength(1);
    expect(reasons(receiver)).toEqual(["opened", "ended"]);
  });

  test("changes nothing while the store is away", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 4);
    const folder = await mkdtemp(join(tmpdir(), "leeway-actions-"));
    const statePath = join(folder, "state.sqlite");
    {
      await using service = start(facts, receiver, 4, statePath);
      await service.passAt(evaluatedMs(4));
    }
    await using away = createFacts({ url: "http://127.0.0.1:9", database: facts.database });
    await using service = start(away, receiver, 4, statePath);
    await expect(service.actions.accept(incidentId, ada)).rejects.toMatchObject({
      code: "store_unreachable",
      retryable: true,
    });
    expect(service.actions.acknowledge(incidentId, ada)).toMatchObject({ kind: "done" });
    expect(service.alerting.incidents.get(incidentId)).toMatchObject({ status: "open", accepted: null });
    await rm(folder, { recursive: true, force: true });
  });

  test("of an incident that is unknown or ended by itself is refused", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 4);
    await insertFindings(facts, [hour(5, { state: "closed" })], evaluatedMs(5));
    await using service = start(facts, receiver, 5);
    await service.passAt(evaluatedMs(5));
    expect(await service.actions.accept("none", ada)).toMatchObject({ code: "incident_unknown" });
    expect(await service.actions.accept(incidentId, ada)).toMatchObject({ code: "incident_ended" });
    // The rest may still be said of it.
    expect(service.actions.acknowledge(incidentId, ada)).toMatchObject({ kind: "done" });
    expect(service.actions.silence(incidentId, { ...ada, untilMs: evaluatedMs(6) })).toMatchObject({ kind: "done" });
  });
});

describe("setting a baseline", () => {
  const range = { fromMs: dayStartMs(1), toMs: dayStartMs(5) };

  test("ends what was found against the old one, and goes back to what the file names", async () => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 5);
    await using service = start(facts, receiver, 5);
    await service.passAt(evaluatedMs(5));
    const { set } = service.actions.baselines;
    const change = { ...ada, environment: "production" };
    expect(await set("flight-delay", { ...change, range: null })).toMatchObject({ code: "baseline_refused" });
    expect(await set("flight-delay", { ...change, range })).toMatchObject({
      baselines: { in_force: { production: { from: day(1), to: day(5) } } },
    });
    expect(service.alerting.incidents.get(incidentId)).toMatchObject({ status: "ended", accepted: { by: "ada" } });
    expect(await set("flight-delay", { ...change, range })).toMatchObject({
      detail: "this is the baseline of flight-delay in production already",
    });
    expect(await set("flight-delay", { ...change, range: null })).toMatchObject({
      baselines: {
        in_force: { production: { from: day(-40) } },
        accepted: [{ spec: null }, { spec: { from: day(1) } }],
      },
    });
  });

  test.each([
    ["an unknown model", "flights", { range }, "model_unknown"],
    ["another environment", "flight-delay", { range, environment: "staging" }, "baseline_refused"],
    ["a range beyond the data", "flight-delay", { range: { ...range, toMs: dayStartMs(7) } }, "baseline_refused"],
    ["a range without rows", "flight-delay", { range: { fromMs: 0, toMs: dayMs * 30 } }, "baseline_refused"],
    ["a range of half a century", "flight-delay", { range: { fromMs: 0, toMs: range.toMs } }, "baseline_refused"],
  ] as const)("to %s is refused", async (_, model, change, code) => {
    await using facts = await createTestDatabase();
    await live(facts, 5);
    await using service = start(facts, { url: "http://127.0.0.1:9" }, 5);
    const { set } = service.actions.baselines;
    expect(await set(model, { ...ada, environment: "production", ...change })).toMatchObject({ kind: "refused", code });
  });
});

test.each(["acknowledge", "silence", "feedback", "accept"] as const)(
  "what was answered as done is there after the process is killed: %s",
  async (action) => {
    await using facts = await createTestDatabase();
    await using receiver = await startWebhookReceiver();
    await live(facts, 4);
    const folder = await mkdtemp(join(tmpdir(), "leeway-actions-"));
    const statePath = join(folder, "state.sqlite");
    try {
      {
        await using service = start(facts, receiver, 4, statePath);
        await service.passAt(evaluatedMs(4));
      }
      const clickhouse = inject("clickhouse");
      const { database } = facts;
      const options: ActingProcessOptions = {
        clickhouse,
        database,
        statePath,
        nowMs: evaluatedMs(4),
        incidentId,
        action,
      };
      const script = join(import.meta.dirname, "testing", "acting-process.ts");
      const child = spawn(process.execPath, [script, JSON.stringify(options)], {
        stdio: ["ignore", "inherit", "inherit"],
      });
      expect(await once(child, "close")).toEqual([null, "SIGKILL"]);

      await using service = start(facts, receiver, 4, statePath);
      const incident = service.alerting.incidents.get(incidentId);
      const done = {
        acknowledge: incident?.acknowledged?.by,
        silence: incident?.silences[0]?.by,
        feedback: incident?.feedback[0]?.by,
        accept: incident?.accepted?.by,
      };
      expect(done[action]).toBe("ada");
      await service.alerting.idle();
      expect(reasons(receiver)).toEqual(action === "accept" ? ["opened", "ended"] : ["opened"]);
      const [mirrored] = await facts.query<{ rows: number }>("SELECT count() AS rows FROM audit WHERE actor = 'ada'");
      expect(mirrored?.rows).toBe(1);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
