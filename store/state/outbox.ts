import type { Severity } from "../../core/finding.ts";
import type { State } from "./state.ts";

/**
 * Notifications from the decision to the delivery. A row is written in the transaction that decides it, so nothing that
 * was decided is lost and nothing is sent that was not; delivery is at least once. Times are on the wall clock.
 */
export interface OutboxEntry {
  readonly receiver: string;
  /** One per receiver and notification, however often it is tried. */
  readonly idempotencyKey: string;
  readonly incidentId: string;
  readonly reason: string;
  readonly severity: Severity;
  /** JSON. */
  readonly message: string;
}

export const deliveryStatuses = ["pending", "delivered", "dead"] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export interface OutboxRow extends OutboxEntry {
  readonly id: number;
  readonly status: DeliveryStatus;
  /** Attempts that failed. */
  readonly attempts: number;
  readonly nextAttemptMs: number;
  readonly lastError: string | null;
  readonly createdMs: number;
  /** When it was delivered or given up. */
  readonly settledMs: number | null;
}

interface Stored {
  id: number;
  receiver: string;
  idempotency_key: string;
  incident_id: string;
  reason: string;
  severity: Severity;
  message: string;
  status: DeliveryStatus;
  attempts: number;
  next_attempt_ms: number;
  last_error: string | null;
  created_ms: number;
  settled_ms: number | null;
}

function toRow(stored: Stored): OutboxRow {
  return {
    id: stored.id,
    receiver: stored.receiver,
    idempotencyKey: stored.idempotency_key,
    incidentId: stored.incident_id,
    reason: stored.reason,
    severity: stored.severity,
    message: stored.message,
    status: stored.status,
    attempts: stored.attempts,
    nextAttemptMs: stored.next_attempt_ms,
    lastError: stored.last_error,
    createdMs: stored.created_ms,
    settledMs: stored.settled_ms,
  };
}

/** @returns False if this notification was written for this receiver before. */
export function enqueueNotification(state: State, entry: OutboxEntry, nowMs: number): boolean {
  const { changes } = state.run(
    `INSERT INTO outbox (receiver, idempotency_key, incident_id, reason, severity, message, status, attempts,
       next_attempt_ms, created_ms)
     VALUES (?, ?, ?, ?, ?, ?, 'pending', 0, ?, ?) ON CONFLICT (receiver, idempotency_key) DO NOTHING`,
    entry.receiver,
    entry.idempotencyKey,
    entry.incidentId,
    entry.reason,
    entry.severity,
    entry.message,
    nowMs,
    nowMs,
  );
  return changes > 0;
}

/**
 * What may be tried now: for each receiver and incident the oldest pending row alone, so that an end never overtakes its
 * opening, and a receiver that fails for one incident still gets the others.
 */
export function listDueNotifications(state: State, nowMs: number, limit: number): readonly OutboxRow[] {
  return state
    .all<Stored>(
      `SELECT * FROM outbox WHERE id IN
         (SELECT min(id) FROM outbox WHERE status = 'pending' GROUP BY receiver, incident_id)
       AND next_attempt_ms <= ? ORDER BY id LIMIT ?`,
      nowMs,
      limit,
    )
    .map(toRow);
}

/** When the next pending row may be tried; null if there is none. */
export function nextAttemptMs(state: State): number | null {
  const row = state.get<{ next: number | null }>(
    `SELECT min(next_attempt_ms) AS next FROM outbox WHERE id IN
       (SELECT min(id) FROM outbox WHERE status = 'pending' GROUP BY receiver, incident_id)`,
  );
  return row?.next ?? null;
}

export function settleNotification(
  state: State,
  id: number,
  outcome:
    | { readonly kind: "delivered" }
    | { readonly kind: "dead"; readonly error: string }
    | { readonly kind: "retry"; readonly error: string; readonly nextAttemptMs: number },
  nowMs: number,
): void {
  switch (outcome.kind) {
    case "delivered":
      state.run("UPDATE outbox SET status = 'delivered', settled_ms = ? WHERE id = ?", nowMs, id);
      return;
    case "dead":
      state.run(
        "UPDATE outbox SET status = 'dead', attempts = attempts + 1, last_error = ?, settled_ms = ? WHERE id = ?",
        outcome.error,
        nowMs,
        id,
      );
      return;
    case "retry":
      state.run(
        "UPDATE outbox SET attempts = attempts + 1, last_error = ?, next_attempt_ms = ? WHERE id = ?",
        outcome.error,
        outcome.nextAttemptMs,
        id,
      );
  }
}

export function listNotifications(state: State, incidentId: string): readonly OutboxRow[] {
  return state.all<Stored>("SELECT * FROM outbox WHERE incident_id = ? ORDER BY id", incidentId).map(toRow);
}

/** What was written after a row, of all incidents. */
export function listNotificationsAfter(state: State, id: number): readonly OutboxRow[] {
  return state.all<Stored>("SELECT * FROM outbox WHERE id > ? ORDER BY id", id).map(toRow);
}

/** Receivers that were written to about an incident. */
export function receiversTold(state: State, incidentId: string): readonly string[] {
  return state
    .all<{ receiver: string }>(
      "SELECT DISTINCT receiver FROM outbox WHERE incident_id = ? ORDER BY receiver",
      incidentId,
    )
    .map(({ receiver }) => receiver);
}

export function outboxDepth(
  state: State,
): readonly { readonly receiver: string; readonly pending: number; readonly oldestMs: number }[] {
  return state.all(
    `SELECT receiver, count(*) AS pending, min(created_ms) AS oldestMs FROM outbox
     WHERE status = 'pending' GROUP BY receiver`,
  );
}
