import { expect, test } from "vitest";
import { sampleModel } from "../../alerting/testing/models.ts";
import { dayMs } from "../../core/window.ts";
import { explainNotifications, type IncidentRecord } from "./notification-explanation.ts";

const context = {
  model: sampleModel(),
  alerting: { pollIntervalMs: 1000, groupWaitMs: 30_000, notifyMaxAgeMs: 2 * dayMs },
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
