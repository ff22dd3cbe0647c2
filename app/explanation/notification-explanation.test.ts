import { expect, test } from "vitest";
import { sampleModel } from "../../alerting/testing/models.ts";
import { dayMs } from "../../core/window.ts";
import { explainNotifications, type IncidentRecord } from "./notification-explanation.ts";

const context = {
  model: sampleModel(),
  alerting: { pollIntervalMs: 1000, groupWaitMs: 30_000, retentionMs: 90 * dayMs, notifyMaxAgeMs: 2 * dayMs },
  route: { receiver: "mail", routes: [{ match: { team: "ops", severity: "page" }, receiver: "pager" }] },
};

const incident: IncidentRecord = {
  id: "142e3b936b474a94",
  model: "flight-delay",
  environment: "production",
  status: "open",
  harm: "inputs_moved",
  severity: "ticket",
  title: "distance changed",
  started: "2026-11-23T00:00:00.000Z",
  window_end: "2026-11-24T00:00:00.000Z",
  ended: null,
  acknowledged: null,
  notified: true,
  findings: [
    {
      id: "f1",
      state: "open",
      signal: "distribution",
      role: "feature",
      feature: "distance",
      version: "",
      slice: "",
      name: "distance",
      headline: "distance changed",
      provisional: false,
      opened: "2026-11-23T00:00:00.000Z",
    },
  ],
  notifications: [],
  decisions: [],
  silences: [],
  accepted: null,
};
const sent = {
  receiver: "mail",
  reason: "opened",
  severity: "ticket",
  status: "delivered",
  attempts: 1,
  last_error: null,
  created: "2026-11-24T00:01:00.000Z",
  settled: "2026-11-24T00:01:01.000Z",
};
const opened = { kind: "notify", reason: "opened", findings: ["f1"], at: "2026-11-24T00:00:30.000Z" };

const explained = (changes: Partial<IncidentRecord>) => explainNotifications({ ...incident, ...changes }, context);
const step = (changes: Partial<IncidentRecord>, name: string) =>
  explained(changes).chain.find((one) => one.step === name);

test("who was notified is said, with the severity that its harm has for this model", () => {
  const { conclusion } = explained({ decisions: [opened], notifications: [sent] });
  expect(conclusion).toBe("mail was notified");
  expect(step({}, "severity")?.detail).toContain(
    'its harm is "inputs moved", which is worth a ticket for flight-delay',
  );
});

test("the route is asked with the incident's labels", () => {
  expect(step({}, "route")?.detail).toMatch(/severity=ticket to mail$/);
  expect(step({ severity: "page" }, "route")?.detail).toMatch(/severity=page to pager$/);
});

test("history notifies nobody, and says so", () => {
  const decisions = [{ kind: "record", reason: "too_old_to_notify", findings: ["f1"], at: "2026-11-27T00:00:00.000Z" }];
  const explanation = explained({ decisions, notified: false });
  expect(explanation.conclusion).toBe("nobody was notified: its window is older than notify_max_age");
  expect(explanation.chain.find((one) => one.step === "age")).toMatchObject({ verdict: "stopped" });
});

test("severity none notifies nobody", () => {
  const decisions = [{ kind: "record", reason: "severity_none", findings: ["f1"], at: "2026-11-24T00:00:00.000Z" }];
  const explanation = explained({ severity: "none", decisions, notified: false });
  expect(explanation.conclusion).toBe("nobody was notified: its severity is none");
  expect(explanation.chain[0]).toMatchObject({ step: "severity", verdict: "stopped" });
});

test("what waits for its group is not said to be lost", () => {
  expect(explained({ notified: false }).conclusion).toBe("nobody was notified yet: it waits for its group");
});

test("a delivery that failed says how often and why", () => {
  const dead = { ...sent, status: "dead", attempts: 30, last_error: "HTTP 500" };
  const explanation = explained({ decisions: [opened], notifications: [dead] });
  expect(explanation.conclusion).toBe("a notification was decided, and none was delivered so far");
  expect(explanation.chain.at(-1)).toEqual({
    step: "delivery",
    verdict: "stopped",
    detail: "mail, opened (ticket): given up after 30 attempts: HTTP 500",
  });
});

test("a silence is named with who made it, until when, and who was not told because of it", () => {
  const silence = { id: "9d0c41b7e25a6f38", by: "ada", until: "2026-11-25T00:00:00.000Z" };
  const silenced = {
    kind: "record",
    reason: "silenced",
    findings: ["f1"],
    at: "2026-11-24T00:00:30.000Z",
    silences: [silence],
  };
  const held = { decisions: [silenced], silences: [{ ...silence, comment: null }], notified: false };
  expect(explained(held).conclusion).toBe(
    "nobody was notified: silence 9d0c41b7e25a6f38 of ada holds it back until 2026-11-25 00:00",
  );
  expect(step(held, "silence")).toEqual({
    step: "silence",
    verdict: "stopped",
    detail:
      "silence 9d0c41b7e25a6f38 of ada, until 2026-11-25 00:00, held it back 2026-11-24 00:00 (distance). Not told until then: mail",
  });
  expect(step(held, "group_wait")).toMatchObject({ verdict: "passed" });

  const after = { decisions: [silenced, { ...opened, at: "2026-11-25T00:00:01.000Z" }], notifications: [sent] };
  expect(explained(after).conclusion).toBe("mail was notified");
  expect(step(after, "silence")).toMatchObject({ verdict: "passed", detail: expect.stringContaining("(over now)") });
  expect(step({}, "silence")).toMatchObject({ verdict: "passed", detail: "no silence matched it" });
});

test("an acceptance is the end of the chain", () => {
  const accepted = { by: "ada", at: "2026-11-28T09:00:00.000Z" };
  expect(step({ status: "ended", accepted }, "acceptance")?.detail).toBe(
    "ada accepted the change 2026-11-28 09:00, which ended it",
  );
});
