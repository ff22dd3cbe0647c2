import type { Window } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readLatestState } from "../../store/facts/decision-states.ts";
import type { DecisionState } from "../decisions/decision-state.ts";
import { incidentToJoin } from "../decisions/incidents.ts";

/**
 * The incident that a fall of performance in a window joins, by what the model's windows showed around *it*, whenever its labels
 * came: the newest that was open after it and began within the horizon before it, else the first that began within the
 * horizon after it, as far as that was known when its labels were due.
 *
 * @returns null if there is none; how many windows before the window it began, below 0 after it.
 */
export async function modelIncident(
  facts: Facts,
  key: { readonly environment: string; readonly model: string },
  window: Window,
  known: { readonly horizon: number; readonly windowMs: number; readonly labelDelayMs: number },
): Promise<{ readonly incidentId: string; readonly windowsAgo: number } | null> {
  const { horizon, windowMs, labelDelayMs } = known;
  const stateAt = async (startMs: number) => {
    const stored = await readLatestState(facts, { ...key, baselineId: null, startBeforeMs: startMs + 1 });
    if (stored === null || stored.state === "") return null;
    const state = JSON.parse(stored.state) as DecisionState;
    const open = (id: string) =>
      state.findings.some((finding) => finding.incidentId === id && finding.closedIndex === null);
    const ahead = Math.round((stored.window.startMs - window.startMs) / windowMs);
    return { state, open, index: state.index - ahead };
  };
  const then = await stateAt(window.startMs);
  const joined = then === null ? null : incidentToJoin(then.state.incidents, then.open, then.index, horizon);
  if (then !== null && joined !== null) {
    return { incidentId: joined.incidentId, windowsAgo: then.index - joined.openedIndex };
  }
  const later = await stateAt(window.startMs + Math.min(horizon * windowMs, labelDelayMs));
  if (later === null) return null;
  const [first] = later.state.incidents
    .filter(({ incidentId, openedIndex }) => openedIndex > later.index && later.open(incidentId))
    .toSorted((a, b) => a.openedIndex - b.openedIndex);
  return first === undefined ? null : { incidentId: first.incidentId, windowsAgo: later.index - first.openedIndex };
}
