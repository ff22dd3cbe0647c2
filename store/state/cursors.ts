import type { State } from "./state.ts";

/** How far something has been read; null if it never was. */
export function readCursor(state: State, name: string): number | null {
  return state.get<{ value: number }>("SELECT value FROM cursors WHERE name = ?", name)?.value ?? null;
}

/** A cursor never moves back. */
export function writeCursor(state: State, name: string, value: number): void {
  state.run(
    "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
    name,
    value,
  );
}
