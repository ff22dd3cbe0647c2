import type { ModelSpec } from "../core/model.ts";
import type { IncidentDecisionRow, IncidentRow } from "../store/state/incidents.ts";
import type { OutboxRow } from "../store/state/outbox.ts";
import type { IncidentState } from "./incidents/incident.ts";
import { rankFindings } from "./incidents/ranking.ts";
import type { IncidentMessage } from "./message.ts";
import { beforeAfter, headline, seriesName, sizeText } from "./text/finding-text.ts";
import { messageText } from "./text/message-text.ts";

/** An incident as the API, the mirror and the page show it. Times are RFC 3339. */
export interface IncidentView {
  readonly id: string;
  readonly model: string;
  readonly environment: string;
  readonly status: string;
  readonly harm: string;
  readonly severity: string;
  /** `hour changed` */
  readonly title: string;
  /** Start of the first window, end of the latest that was looked at, and the end of the one that ended it. */
  readonly started: string;
  readonly window_end: string;
  readonly ended: string | null;
  readonly acknowledged: { readonly by: string; readonly at: string } | null;
  /** A notification about it was decided. */
  readonly notified: boolean;
  readonly link: string;
  readonly findings: readonly object[];
}

export interface IncidentDetail extends IncidentView {
  /** Each with what was sent, to whom, and what became of it. */
  readonly notifications: readonly object[];
  /** Why something was, or was not, sent. */
  readonly decisions: readonly object[];
}

const timestamp = (ms: number) => new Date(ms).toISOString();

export function incidentView(
  row: IncidentRow,
  context: { readonly model: ModelSpec | null; readonly externalUrl: string },
): IncidentView {
  const { model, externalUrl } = context;
  const incident = JSON.parse(row.state) as IncidentState;
  const findings = rankFindings(Object.values(incident.findings).map((tracked) => tracked.finding));
  const lead = findings.find((finding) => finding.state === "open") ?? findings[0];
  return {
    id: row.incidentId,
    model: row.model,
    environment: row.environment,
    status: row.status,
    harm: row.harm,
    severity: row.severity,
    title: lead === undefined ? "" : headline(lead),
    started: timestamp(row.startedMs),
    window_end: timestamp(row.windowEndMs),
    ended: row.endedMs === null ? null : timestamp(row.endedMs),
    acknowledged:
      row.acknowledgement === null ? null : { by: row.acknowledgement.by, at: timestamp(row.acknowledgement.atMs) },
    notified: incident.told !== null,
    link: `${externalUrl.replace(/\/+$/, "")}/incidents/${encodeURIComponent(row.incidentId)}`,
    findings: findings.map((finding) => ({
      id: finding.findingId,
      state: finding.state,
      harm: finding.harm,
      signal: finding.signal,
      role: finding.series.role,
      feature: finding.series.feature,
      version: finding.series.version,
      slice: finding.series.slice,
      name: seriesName(finding),
      headline: headline(finding),
      change: beforeAfter(finding, model),
      size: sizeText(finding),
      magnitude: finding.magnitude,
      provisional: finding.provisional,
      reopened: finding.reopened,
      opened: timestamp(finding.openedWindowStartMs),
      window_end: timestamp(finding.windowEndMs),
      closed: finding.closedWindowEndMs === null ? null : timestamp(finding.closedWindowEndMs),
      evidence: finding.evidence,
    })),
  };
}

export function notificationView(row: OutboxRow): object {
  const message = JSON.parse(row.message) as IncidentMessage;
  return {
    receiver: row.receiver,
    reason: row.reason,
    severity: row.severity,
    status: row.status,
    title: message.title,
    text: messageText(message),
    attempts: row.attempts + (row.status === "delivered" ? 1 : 0),
    last_error: row.lastError,
    created: timestamp(row.createdMs),
    settled: row.settledMs === null ? null : timestamp(row.settledMs),
    idempotency_key: row.idempotencyKey,
  };
}

export function decisionView(row: IncidentDecisionRow): object {
  return { kind: row.kind, reason: row.reason, findings: row.findingIds, at: timestamp(row.decidedAtMs) };
}
