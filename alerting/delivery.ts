import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { SpanOptions, Tracing } from "../core/tracing.ts";
import { listDueNotifications, nextAttemptMs, outboxDepth, settleNotification } from "../store/state/outbox.ts";
import type { OutboxRow } from "../store/state/outbox.ts";
import { enqueueMirror } from "../store/state/mirror-queue.ts";
import { stateHistoryRow } from "../store/facts/incident-history.ts";
import type { State } from "../store/state/state.ts";
import type { NotificationReason } from "./incidents/reconcile.ts";
import type { IncidentMessage } from "./message.ts";
import type { AlertingMetrics } from "./metrics.ts";
import type { DeliveryResult, Notifier } from "./notifiers/notifier.ts";

export interface RetryPolicy {
  /** Wait after the first failure; doubled with each further one, up to `maxMs`, and then cut by up to a half at random. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** After so many failed attempts a notification is dead. */
  readonly maxAttempts: number;
}

/** About five hours: an outage of a receiver over a night's end is bridged, and then somebody must look. */
export const defaultRetryPolicy: RetryPolicy = { baseMs: 1000, maxMs: 15 * 60_000, maxAttempts: 30 };

export interface DeliveryReport {
  readonly delivered: number;
  readonly failed: number;
  readonly dead: number;
}

export interface Delivery {
  /** One attempt for each notification that may be tried now. Calls wait for each other. */
  readonly deliverDue: () => Promise<DeliveryReport>;
  /** Resolves when no attempt is in flight. */
  readonly settle: () => Promise<void>;
  /** Wall clock; null if nothing waits. */
  readonly nextAttemptMs: () => number | null;
}

/**
 * Takes the outbox to its receivers. A row is settled only after the receiver answered, so a crash between the two sends
 * it again under the same idempotency key.
 */
export function createDelivery(options: {
  readonly state: State;
  readonly notifiers: ReadonlyMap<string, Notifier>;
  readonly retry: RetryPolicy;
  readonly wallClock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
  readonly metrics: AlertingMetrics;
  readonly tracing: Tracing;
  /** Begins no further attempt. */
  readonly stop: AbortSignal;
  /** Breaks off attempts in flight; they do not count. */
  readonly abort: AbortSignal;
}): Delivery {
  const { state, notifiers, retry, wallClock, random, log, metrics, tracing, stop, abort } = options;
  let turn: Promise<unknown> = Promise.resolve();

  const attempt = async (row: OutboxRow, traceparent: string | null): Promise<DeliveryResult> => {
    const notifier = notifiers.get(row.receiver);
    if (notifier === undefined) return { kind: "permanent", error: "the receiver is no longer configured" };
    try {
      const message = JSON.parse(row.message) as IncidentMessage;
      return await notifier.deliver(message, { idempotencyKey: row.idempotencyKey, signal: abort, traceparent });
    } catch {
      // A notifier's fault must not stop the others; its text may hold a secret, so it is not kept.
      return { kind: "retryable", error: "the notifier failed" };
    }
  };

  const settle = (row: OutboxRow, result: DeliveryResult): keyof DeliveryReport => {
    const nowMs = wallClock.now();
    const reason = row.reason as NotificationReason;
    const failures = row.attempts + 1;
    const fields = { receiver: row.receiver, reason, incident: row.incidentId };
    if (result.kind === "ok") {
      state.transaction(() => {
        settleNotification(state, row.id, { kind: "delivered" }, nowMs);
        mirror(row, "delivered", null, nowMs);
      });
      metrics.notification(row.receiver, reason, "delivered");
      log.info({ ...fields, severity: row.severity }, "notification delivered");
      if (result.note !== undefined) log.warn({ ...fields, note: result.note }, "not everything of it was delivered");
      return "delivered";
    }
    if (result.kind === "permanent" || failures >= retry.maxAttempts) {
      const { error } = result;
      state.transaction(() => {
        settleNotification(state, row.id, { kind: "dead", error }, nowMs);
        mirror(row, "dead", error, nowMs);
      });
      metrics.notification(row.receiver, reason, "dead");
      log.error({ ...fields, code: "notifier_failed", error, attempts: failures }, "notification given up");
      return "dead";
    }
    const backoffMs = Math.min(retry.maxMs, retry.baseMs * 2 ** row.attempts) * (1 - random() / 2);
    const waitMs = Math.max(backoffMs, Math.min(result.retryAfterMs ?? 0, retry.maxMs));
    settleNotification(
      state,
      row.id,
      { kind: "retry", error: result.error, nextAttemptMs: Math.ceil(nowMs + waitMs) },
      nowMs,
    );
    metrics.notification(row.receiver, reason, "failed");
    log.warn({ ...fields, error: result.error, attempts: failures, waitMs: Math.round(waitMs) }, "notification failed");
    return "failed";
  };

  const mirror = (row: OutboxRow, status: string, error: string | null, nowMs: number) => {
    const { receiver, reason, severity, incidentId } = row;
    const value = { receiver, incident_id: incidentId, reason, severity, status, attempts: row.attempts + 1, error };
    const key = `${receiver}/${row.idempotencyKey}`;
    const change = { kind: "notification", key, sequence: row.attempts + 1, value, recordedAtMs: nowMs } as const;
    enqueueMirror(state, "state_history", stateHistoryRow(change));
  };

  const deliverDue = async (): Promise<DeliveryReport> => {
    const report = { delivered: 0, failed: 0, dead: 0 };
    // As of now: what fails meanwhile is not due again in this call.
    const dueMs = wallClock.now();
    for (;;) {
      const due = stop.aborted ? [] : listDueNotifications(state, dueMs, 100);
      if (due.length === 0) break;
      // Receivers do not wait for each other; one receiver gets at most four at a time.
      const perReceiver = [...Map.groupBy(due, (row) => row.receiver).values()];
      await Promise.all(
        perReceiver.map(async (rows) => {
          const queue = [...rows];
          const worker = async () => {
            for (let row = queue.shift(); row !== undefined && !stop.aborted; row = queue.shift()) {
              const outcome = await tracing.span("notify", spanOptions(row), async (span) => {
                const result = await attempt(row, span.traceparent);
                if (result.kind !== "ok") span.fail(result.error);
                return abort.aborted && result.kind !== "ok" ? null : settle(row, result);
              });
              if (outcome === null) return;
              report[outcome] += 1;
            }
          };
          await Promise.all([worker(), worker(), worker(), worker()]);
        }),
      );
    }
    return report;
  };

  return {
    deliverDue: () => {
      const mine = turn.then(deliverDue);
      turn = mine.catch(() => {});
      return mine;
    },
    settle: async () => {
      await turn;
    },
    nextAttemptMs: () => nextAttemptMs(state),
  };
}

/** The span of one attempt: a child of the finding that the notification is about. */
function spanOptions({ receiver, reason, severity, incidentId, attempts, message }: OutboxRow): SpanOptions {
  const { foundBy = [] } = JSON.parse(message) as Pick<IncidentMessage, "foundBy">;
  const [parent = null, ...links] = foundBy;
  return {
    kind: "client",
    parent,
    links,
    attributes: {
      "leeway.receiver": receiver,
      "leeway.reason": reason,
      "leeway.severity": severity,
      "leeway.incident_id": incidentId,
      "leeway.attempt": attempts + 1,
    },
  };
}

/** Notifications that wait, per receiver. */
export function outboxAges(
  state: State,
  nowMs: number,
): readonly { readonly receiver: string; readonly pending: number; readonly ageSeconds: number }[] {
  return outboxDepth(state).map(({ receiver, pending, oldestMs }) => ({
    receiver,
    pending,
    ageSeconds: Math.max(0, nowMs - oldestMs) / 1000,
  }));
}
