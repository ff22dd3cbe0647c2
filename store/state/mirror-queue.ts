import { randomUUID } from "node:crypto";
import type { State } from "./state.ts";

/** Tables of facts that repeat, append-only, what the state file says. */
export const mirrorDestinations = ["incident_history", "state_history", "audit"] as const;
export type MirrorDestination = (typeof mirrorDestinations)[number];

export interface MirrorBatch {
  readonly destination: MirrorDestination;
  /** Deduplicates the insert: a batch that is sent again holds the same rows under the same token. */
  readonly token: string;
  readonly rows: readonly object[];
}

/** Queues a row in the transaction that makes it true. */
export function enqueueMirror(state: State, destination: MirrorDestination, row: object): void {
  state.run("INSERT INTO mirror_queue (destination, row) VALUES (?, ?)", destination, JSON.stringify(row));
}

/** The rows to insert next, fixed under one token before they are sent; null if there are none. */
export function nextMirrorBatch(state: State, destination: MirrorDestination, maxRows: number): MirrorBatch | null {
  return state.transaction(() => {
    const begun = state.get<{ batch: string }>(
      "SELECT batch FROM mirror_queue WHERE destination = ? AND batch IS NOT NULL ORDER BY id LIMIT 1",
      destination,
    );
    const batch = begun?.batch ?? `mirror/${randomUUID()}`;
    if (begun === undefined) {
      const { changes } = state.run(
        `UPDATE mirror_queue SET batch = ? WHERE id IN
         (SELECT id FROM mirror_queue WHERE destination = ? AND batch IS NULL ORDER BY id LIMIT ?)`,
        batch,
        destination,
        maxRows,
      );
      if (changes === 0) return null;
    }
    const rows = state.all<{ row: string }>("SELECT row FROM mirror_queue WHERE batch = ? ORDER BY id", batch);
    return { destination, token: batch, rows: rows.map(({ row }) => JSON.parse(row) as object) };
  });
}

export function settleMirrorBatch(state: State, batch: MirrorBatch): void {
  state.run("DELETE FROM mirror_queue WHERE batch = ?", batch.token);
}
