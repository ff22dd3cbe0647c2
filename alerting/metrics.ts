import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { Severity } from "../core/finding.ts";
import { severities } from "../core/finding.ts";
import type { FeedbackVerdict } from "../store/state/feedback.ts";
import type { NotificationReason } from "./incidents/reconcile.ts";

export const deliveryOutcomes = ["delivered", "failed", "dead"] as const;
export type DeliveryOutcome = (typeof deliveryOutcomes)[number];

/** What alerting counts. */
export interface AlertingMetrics {
  /** Open and stale incidents; models that are configured and have none are shown with 0. */
  incidentsOpen(
    models: readonly string[],
    counts: readonly { readonly model: string; readonly severity: Severity; readonly incidents: number }[],
  ): void;
  /** One attempt: `failed` is tried again, `dead` is not. */
  notification(receiver: string, reason: NotificationReason, outcome: DeliveryOutcome): void;
  outbox(
    receivers: readonly string[],
    depths: readonly { readonly receiver: string; readonly pending: number; readonly ageSeconds: number }[],
  ): void;
  polled(atMs: number, rows: number): void;
  pollFailed(): void;
  unreadable(rows: number): void;
  /** Something of an incident is held back by a silence that did not hold it before. */
  silenced(model: string): void;
  people(
    activeSilences: number,
    feedback: readonly { readonly model: string; readonly verdict: FeedbackVerdict; readonly people: number }[],
  ): void;
}

export function createAlertingMetrics(registry: Registry): AlertingMetrics {
  const registers = [registry];
  const open = new Gauge({
    name: "leeway_incidents_open",
    help: "Incidents that have not ended, stale ones included.",
    labelNames: ["model", "severity"],
    registers,
  });
  const notifications = new Counter({
    name: "leeway_notifications_total",
    help: "Attempts to deliver a notification, by what became of them: failed ones are tried again, dead ones are not.",
    labelNames: ["receiver", "reason", "outcome"],
    registers,
  });
  const depth = new Gauge({
    name: "leeway_outbox_notifications",
    help: "Notifications that wait for delivery.",
    labelNames: ["receiver"],
    registers,
  });
  const age = new Gauge({
    name: "leeway_outbox_oldest_seconds",
    help: "Age of the oldest notification that waits for delivery; 0 if none does.",
    labelNames: ["receiver"],
    registers,
  });
  const polledAt = new Gauge({
    name: "leeway_alerting_poll_timestamp_seconds",
    help: "When findings were last read and reconciled without a fault, since 1970.",
    registers,
  });
  const findings = new Counter({
    name: "leeway_alerting_finding_records_total",
    help: "Records of findings that were read for the first time.",
    registers,
  });
  const failures = new Counter({
    name: "leeway_alerting_poll_failures_total",
    help: "Polls of the findings that failed.",
    registers,
  });
  const unreadable = new Counter({
    name: "leeway_alerting_unreadable_records_total",
    help: "Records of findings that could not be understood, and were passed over.",
    registers,
  });
  const silenced = new Counter({
    name: "leeway_notifications_silenced_total",
    help: "Notifications that a silence held back; each counts once for each silence.",
    labelNames: ["model"],
    registers,
  });
  const silences = new Gauge({
    name: "leeway_silences_active",
    help: "Silences that hold now.",
    registers,
  });
  const feedback = new Gauge({
    name: "leeway_incident_feedback",
    help: "What people said of incidents, the last word of each person for each incident.",
    labelNames: ["model", "verdict"],
    registers,
  });

  return {
    incidentsOpen: (models, counts) => {
      open.reset();
      for (const model of models) {
        for (const severity of severities) open.set({ model, severity }, 0);
      }
      for (const { model, severity, incidents } of counts) open.set({ model, severity }, incidents);
    },
    notification: (receiver, reason, outcome) => notifications.inc({ receiver, reason, outcome }),
    outbox: (receivers, depths) => {
      depth.reset();
      age.reset();
      for (const receiver of receivers) {
        depth.set({ receiver }, 0);
        age.set({ receiver }, 0);
      }
      for (const { receiver, pending, ageSeconds } of depths) {
        depth.set({ receiver }, pending);
        age.set({ receiver }, ageSeconds);
      }
    },
    polled: (atMs, rows) => {
      polledAt.set(atMs / 1000);
      findings.inc(rows);
    },
    pollFailed: () => failures.inc(),
    unreadable: (rows) => unreadable.inc(rows),
    silenced: (model) => silenced.inc({ model }),
    people: (activeSilences, counts) => {
      silences.set(activeSilences);
      feedback.reset();
      for (const { model, verdict, people } of counts) feedback.set({ model, verdict }, people);
    },
  };
}
