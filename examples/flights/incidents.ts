import { originalDay } from "./calendar.ts";
import type { Shift } from "./calendar.ts";
import type { Announcement, ObservedFinding } from "./ledger.ts";
import type { Notification } from "./receiver.ts";
import { counterTotal } from "./service-port.ts";
import type { Warehouse } from "./warehouse.ts";

/** The parts of `GET /api/v1/incidents` that the demo reads. */
export interface Incident {
  readonly id: string;
  readonly status: string;
  readonly severity: "page" | "ticket" | "none";
  readonly findings: readonly {
    readonly id: string;
    readonly state: "open" | "closed" | "withdrawn";
    readonly signal: string;
    readonly role: "feature" | "score" | "class";
    /** Empty for the whole stream. */
    readonly feature: string;
    /** RFC 3339. */
    readonly opened: string;
    readonly evidence: { readonly predictions: { readonly verdict: "moved" | "did_not_move" | "not_known" } };
  }[];
}

interface IncidentDetail extends Incident {
  readonly notifications: readonly { readonly idempotency_key: string; readonly text: string }[];
}

async function ask<Answer>(url: string): Promise<Answer> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
  return (await answer.json()) as Answer;
}

export async function readIncidents(serviceUrl: string): Promise<readonly Incident[]> {
  return (await ask<{ incidents: readonly Incident[] }>(`${serviceUrl}/api/v1/incidents?limit=1000`)).incidents;
}

/** A notification in plain text, as the terminal of an on-call person shows it; its title alone if the API does not have it. */
export async function notificationText(serviceUrl: string, notification: Notification): Promise<string> {
  const detail = await ask<IncidentDetail>(
    `${serviceUrl}/api/v1/incidents/${encodeURIComponent(notification.incident.id)}`,
  ).catch(() => null);
  const sent = detail?.notifications.find((each) => each.idempotency_key === notification.idempotency_key);
  return sent?.text ?? `${notification.incident.severity.toUpperCase()}  ${notification.title}`;
}

/** Findings as people were told of them: to be named as new or worse is an announcement, to be mentioned beside it is not. */
export function observedFindings(
  incidents: readonly Incident[],
  notifications: readonly Notification[],
  shift: Shift,
): readonly ObservedFinding[] {
  const announcements = new Map<string, Announcement[]>();
  for (const { reason, incident, since, findings } of notifications) {
    if (reason === "ended" || reason === "withdrawn") continue;
    // Windows are days, half-open: the last instant of one lies in it.
    const day = originalDay(Date.parse(since.window_end) - 1, shift);
    for (const { id, role } of findings) {
      if (role === "present") continue;
      announcements.set(id, [...(announcements.get(id) ?? []), { day, severity: incident.severity }]);
    }
  }
  return incidents.flatMap((incident) =>
    incident.findings
      .filter(({ state }) => state !== "withdrawn")
      .map((finding) => ({
        findingId: finding.id,
        incidentId: incident.id,
        feature: finding.role === "feature" ? finding.feature || "*" : finding.role,
        signal: finding.signal,
        openedDay: originalDay(Date.parse(finding.opened), shift),
        announcements: announcements.get(finding.id) ?? [],
        predictions: finding.evidence.predictions.verdict,
      })),
  );
}

/** Whether alerting has read every record of a finding and delivered everything that it decided to send. */
export async function alertingIsIdle(options: {
  readonly warehouse: Warehouse;
  readonly url: string;
}): Promise<boolean> {
  const [written] = await options.warehouse.query<{ records: number }>(
    "SELECT count() AS records FROM finding_history",
  );
  const read = await counterTotal(options.url, "leeway_alerting_finding_records_total");
  return read >= (written?.records ?? 0) && (await counterTotal(options.url, "leeway_outbox_notifications")) === 0;
}
