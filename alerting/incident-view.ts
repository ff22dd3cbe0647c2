import type { ModelSpec } from "../core/model.ts";
import { type FeedbackVerdict, listFeedback } from "../store/state/feedback.ts";
import { listIncidentDecisions, readIncident } from "../store/state/incidents.ts";
import type { IncidentDecisionRow, IncidentRow } from "../store/state/incidents.ts";
import { listNotifications } from "../store/state/outbox.ts";
import type { OutboxRow } from "../store/state/outbox.ts";
import { listActiveSilences } from "../store/state/silences.ts";
import type { Matchers, Silence } from "../store/state/silences.ts";
import type { State } from "../store/state/state.ts";
import { openFindings } from "./incidents/incident.ts";
import type { Acceptance, IncidentState } from "./incidents/incident.ts";
import { findingLabels } from "./incidents/labels.ts";
import type { Labels } from "./incidents/labels.ts";
import { rankFindings } from "./incidents/ranking.ts";
import { type IncidentMessage, predictionsOf } from "./message.ts";
import { beforeAfter, headline, seriesName, sizeText } from "./text/finding-text.ts";
import { matches } from "./silences/matchers.ts";
import { messageText } from "./text/message-text.ts";
import { nextSteps } from "./text/next-steps.ts";

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
  readonly acknowledged: { readonly by: string; readonly at: string; readonly comment: string | null } | null;
  /** It ended because a person accepted the change; `baseline` is the range that became the baseline, null if another was set. */
  readonly accepted: {
    readonly by: string;
    readonly at: string;
    readonly comment: string | null;
    readonly baseline: { readonly from: string; readonly to: string } | null;
  } | null;
  /** A notification about it was decided. */
  readonly notified: boolean;
  readonly link: string;
  readonly findings: readonly object[];
}

export interface IncidentDetail extends IncidentView {
  /** `did not move: at most 0.8 % of rows` */
  readonly predictions: string;
  /** What to do, the first to be taken first; empty once it has ended. */
  readonly next_steps: readonly string[];
  /** Each with what was sent, to whom, and what became of it. */
  readonly notifications: readonly object[];
  /** Why something was, or was not, sent. */
  readonly decisions: readonly object[];
  /** Those that hold back at least one of its findings now. */
  readonly silences: readonly SilenceView[];
  readonly feedback: readonly FeedbackView[];
}

/** A silence as the API shows it. Times are RFC 3339. */
export interface SilenceView {
  readonly id: string;
  readonly status: "active" | "expired" | "ended";
  readonly matchers: Matchers;
  readonly by: string;
  readonly comment: string | null;
  readonly created: string;
  readonly until: string;
  readonly ended: { readonly by: string; readonly at: string } | null;
  /** The incident it was made on. */
  readonly incident: string | null;
  /** Ids of the open incidents of which it matches a finding. */
  readonly matches: readonly string[];
}

export interface FeedbackView {
  readonly by: string;
  readonly verdict: FeedbackVerdict;
  readonly comment: string | null;
  readonly at: string;
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
      row.acknowledgement === null
        ? null
        : {
            by: row.acknowledgement.by,
            at: timestamp(row.acknowledgement.atMs),
            comment: row.acknowledgement.comment,
          },
    accepted: incident.accepted === undefined ? null : acceptedView(incident.accepted),
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

function acceptedView({ by, atMs, comment, range }: Acceptance): IncidentView["accepted"] {
  const baseline = range === null ? null : { from: timestamp(range.fromMs), to: timestamp(range.toMs) };
  return { by, at: timestamp(atMs), comment, baseline };
}

/** Labels of each open finding, `severity` included: what silences are held against. */
export function openLabels(row: IncidentRow, model: ModelSpec | null): readonly Labels[] {
  return openFindings(JSON.parse(row.state) as IncidentState).map(({ finding }) => ({
    ...findingLabels(finding, model),
    severity: row.severity,
  }));
}

export function silenceView(
  silence: Silence,
  context: { readonly nowMs: number; readonly matches: readonly string[] },
): SilenceView {
  const { nowMs } = context;
  const { silenceId: id, matchers, by, comment, createdMs, untilMs, ended, incidentId: incident } = silence;
  return {
    id,
    status: ended !== null ? "ended" : untilMs <= nowMs ? "expired" : "active",
    matchers,
    by,
    comment,
    created: timestamp(createdMs),
    until: timestamp(untilMs),
    ended: ended === null ? null : { by: ended.by, at: timestamp(ended.atMs) },
    incident,
    matches: context.matches,
  };
}

/**
 * Everything about one incident, from the state file; null if it has none of this id.
 *
 * @param context.nowMs Wall clock: which silences hold.
 */
export function incidentDetail(
  state: State,
  incidentId: string,
  context: {
    readonly modelNamed: (name: string) => ModelSpec | null;
    readonly externalUrl: string;
    readonly nowMs: number;
  },
): IncidentDetail | null {
  const row = readIncident(state, incidentId);
  if (row === null) return null;
  const model = context.modelNamed(row.model);
  const labels = openLabels(row, model);
  const incident = JSON.parse(row.state) as IncidentState;
  const open = rankFindings(openFindings(incident).map(({ finding }) => finding));
  const { verdict, text } = predictionsOf(incident);
  return {
    ...incidentView(row, { model, externalUrl: context.externalUrl }),
    predictions: text,
    next_steps: open.length === 0 ? [] : nextSteps(open, verdict, { incident, zone: model?.monitoring.zone ?? "UTC" }),
    notifications: listNotifications(state, incidentId).map(notificationView),
    decisions: listIncidentDecisions(state, incidentId).map(decisionView),
    silences: listActiveSilences(state, context.nowMs)
      .filter(({ matchers }) => labels.some((one) => matches(matchers, one)))
      .map((silence) => silenceView(silence, { nowMs: context.nowMs, matches: [incidentId] })),
    feedback: listFeedback(state, incidentId).map(({ by, verdict, comment, atMs }) => ({
      by,
      verdict,
      comment,
      at: timestamp(atMs),
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

function decisionView(row: IncidentDecisionRow): object {
  const { kind, reason, findingIds, decidedAtMs } = row;
  const silences = row.silences.map(({ id, by, untilMs }) => ({ id, by, until: timestamp(untilMs) }));
  return { kind, reason, findings: findingIds, at: timestamp(decidedAtMs), ...(silences.length > 0 && { silences }) };
}
