import type { State } from "./state.ts";

/** What SQLite itself says of the file: `ok`, or its first fault. */
export function stateFault(state: State): string | null {
  const row = state.get<{ quick_check: string }>("PRAGMA quick_check(1)");
  return row === undefined || row.quick_check === "ok" ? null : row.quick_check;
}

/** How deliveries to one receiver went. Times are on the wall clock. */
export interface ReceiverRecord {
  readonly receiver: string;
  readonly delivered: number;
  readonly dead: number;
  readonly pending: number;
  readonly lastDeliveredMs: number | null;
  /** Oldest that waits; null if none does. */
  readonly waitingSinceMs: number | null;
  /** Of the newest one that failed and was not delivered since. */
  readonly lastError: string | null;
}

export function receiverRecords(state: State): readonly ReceiverRecord[] {
  return state.all<ReceiverRecord & Record<string, unknown>>(
    `SELECT receiver, sum(status = 'delivered') AS delivered, sum(status = 'dead') AS dead,
       sum(status = 'pending') AS pending, max(CASE status WHEN 'delivered' THEN settled_ms END) AS lastDeliveredMs,
       min(CASE status WHEN 'pending' THEN created_ms END) AS waitingSinceMs,
       (SELECT last_error FROM outbox AS other WHERE other.receiver = outbox.receiver AND status != 'delivered'
         AND last_error IS NOT NULL ORDER BY id DESC LIMIT 1) AS lastError
     FROM outbox GROUP BY receiver`,
  );
}
