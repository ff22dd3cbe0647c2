import { openFindings } from "./incident.ts";
import type { Acceptance, IncidentState } from "./incident.ts";
import type { Decision } from "./reconcile.ts";

/**
 * Ends an incident because a person took the change as the new normal. Who was told that it opened is told of this end;
 * what nobody was told of ends without a word.
 */
export function acceptIncident(
  incident: IncidentState,
  accepted: Acceptance,
): readonly [IncidentState, readonly Decision[]] {
  const findings = { ...incident.findings };
  const open = openFindings(incident);
  for (const tracked of open) {
    const finding = { ...tracked.finding, state: "closed", closedWindowEndMs: incident.windowEndMs } as const;
    findings[finding.findingId] = { ...tracked, finding, stale: false };
  }
  const { told } = incident;
  const ended: IncidentState = {
    ...incident,
    findings,
    status: "ended",
    endedWindowEndMs: incident.windowEndMs,
    told: told === null ? null : { ...told, endDue: false },
    pending: null,
    accepted,
  };
  const findingIds = open.map(({ finding }) => finding.findingId).toSorted();
  const decisions: Decision[] = [{ kind: "record", reason: "accepted", findingIds }];
  if (told?.endDue === true) {
    decisions.push({
      kind: "notify",
      reason: "ended",
      severity: told.severity,
      windowEndMs: incident.windowEndMs,
      evaluatedAtMs: accepted.atMs,
      joined: [],
      worsened: [],
      withdrawn: [],
      severityBefore: told.severity,
      incident: ended,
    });
  }
  return [ended, decisions];
}
