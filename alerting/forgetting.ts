import { forgetIncident, forgetSilences, listSettledIncidents } from "../store/state/forgotten-incidents.ts";
import type { ForgottenIncident } from "../store/state/forgotten-incidents.ts";
import type { State } from "../store/state/state.ts";
import { windowLengthMs } from "./incidents/incident.ts";
import type { IncidentState } from "./incidents/incident.ts";

/** A finding may reopen for a day of hourly windows or seven longer ones, and late labels decide the last 14 again. */
const windowsThatMayChange = 24;

/**
 * Removes from the state file what is long over: incidents that ended and were told in full, and silences. In one transaction.
 *
 * @param nowMs Wall clock.
 */
export function forgetOld(
  state: State,
  { retentionMs, nowMs }: { readonly retentionMs: number; readonly nowMs: number },
): { readonly incidents: number; readonly silences: number } {
  return state.transaction(() => {
    let incidents = 0;
    for (const { incidentId, writtenMs, state: stored } of listSettledIncidents(state, nowMs - retentionMs)) {
      const { findings } = JSON.parse(stored) as IncidentState;
      const longestMs = Math.max(0, ...Object.values(findings).map(({ finding }) => windowLengthMs(finding)));
      if (nowMs - writtenMs < windowsThatMayChange * longestMs) continue;
      forgetIncident(state, incidentId, nowMs);
      incidents += 1;
    }
    return { incidents, silences: forgetSilences(state, nowMs - retentionMs) };
  });
}

/** What is said of one that is asked for: until when it was known, and where it still is. */
export function forgottenText({ incidentId, model, environment, endedMs, forgottenMs }: ForgottenIncident): string {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const query = `SELECT incident FROM incident_history WHERE incident_id = '${incidentId}' ORDER BY sequence DESC LIMIT 1`;
  return `incident ${incidentId} of ${model} (${environment}) ended ${day(endedMs)} and is no longer in the state file since ${day(forgottenMs)} (alerting.retention); ClickHouse has it: leeway sql "${query}"`;
}
