import { createHash } from "node:crypto";

/** What is remembered of an incident while a finding of it is open or could still reopen. */
export interface IncidentMemory {
  readonly incidentId: string;
  readonly openedIndex: number;
  /** Mean level of the ≤ h windows before it: a finding that stays open must not lend its level to the next incident. */
  readonly levelBefore: number;
  /** Largest level in its first h windows. */
  readonly levelPeak: number;
}

/** One model has at most one new incident a window, so the window names it: the id does not depend on which finding came first. */
export function incidentId(identity: {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  readonly openedWindowStartMs: number;
}): string {
  const { environment, model, baselineId, openedWindowStartMs } = identity;
  return createHash("sha256")
    .update(JSON.stringify(["incident", environment, model, baselineId, new Date(openedWindowStartMs).toISOString()]))
    .digest("hex")
    .slice(0, 16);
}

/**
 * The incident that a new finding joins: the newest open one, if its *first* window is at most h windows ago (counted
 * from the first, or two events would chain into one); null if it starts its own.
 */
export function incidentToJoin(
  incidents: readonly IncidentMemory[],
  isOpen: (incidentId: string) => boolean,
  index: number,
  horizon: number,
): IncidentMemory | null {
  let newest: IncidentMemory | null = null;
  for (const incident of incidents) {
    if (isOpen(incident.incidentId) && (newest === null || incident.openedIndex > newest.openedIndex))
      newest = incident;
  }
  return newest !== null && index - newest.openedIndex <= horizon ? newest : null;
}

/** The level of this window counts for an incident during its first h windows. */
export function withLevel(incident: IncidentMemory, level: number, index: number, horizon: number): IncidentMemory {
  if (index - incident.openedIndex >= horizon || level <= incident.levelPeak) return incident;
  return { ...incident, levelPeak: level };
}

export function incidentMagnitude(incident: IncidentMemory): number {
  return Math.max(0, incident.levelPeak - incident.levelBefore);
}
