import type { State } from "./state.ts";

/** What a receiver's notifier has to find again about an incident, JSON of its own; null if there is nothing yet. */
export function readReceiverMemory(state: State, receiver: string, incidentId: string): string | null {
  const row = state.get<{ value: string }>(
    "SELECT value FROM receiver_memory WHERE receiver = ? AND incident_id = ?",
    receiver,
    incidentId,
  );
  return row?.value ?? null;
}

export function writeReceiverMemory(state: State, receiver: string, incidentId: string, value: string): void {
  state.run(
    `INSERT INTO receiver_memory (receiver, incident_id, value) VALUES (?, ?, ?)
     ON CONFLICT (receiver, incident_id) DO UPDATE SET value = excluded.value`,
    receiver,
    incidentId,
    value,
  );
}
