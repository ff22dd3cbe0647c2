import { hasWorsened } from "../../core/finding.ts";
import type { Finding, Harm, Severity } from "../../core/finding.ts";
import { openFindings, standingFindings, windowLengthMs } from "./incident.ts";
import type { IncidentState, PendingAnnouncement, TrackedFinding } from "./incident.ts";
import { rankFindings } from "./ranking.ts";
import { incidentSeverity, worseSeverity } from "./severity.ts";

/** What a notification is sent for; closed: the reasons are metric labels and part of the webhook's schema. */
export const notificationReasons = {
  opened: "an incident opened",
  grew: "another feature or signal joined it, or its severity rose",
  worsened: "a finding became at least twice as large as the largest sent",
  ended: "its last finding closed",
  withdrawn: "late data showed that a finding which was sent is not one",
} as const;
export type NotificationReason = keyof typeof notificationReasons;

/** What is recorded of an incident without telling anyone. */
export const recordReasons = {
  joined_silently: "a finding of a feature and signal that were told already joined",
  reopened: "a finding reopened within the folding horizon",
  stale: "a finding was not re-asserted for two window lengths",
  reasserted: "a stale finding was asserted again",
  dropped: "a finding was withdrawn before it was sent",
  ended_unsent: "it ended before anything was sent",
  ended_silently: "it ended again after flapping",
  too_old_to_notify: "its window is older than notify_max_age",
  severity_none: "its severity is none",
  silenced: "a silence holds it back",
  accepted: "a person accepted the change as the new baseline",
} as const;
export type RecordReason = keyof typeof recordReasons;

export type Decision =
  | {
      readonly kind: "notify";
      readonly reason: NotificationReason;
      readonly severity: Severity;
      /** The window and evaluation it speaks of: the same log gives the same pair, whatever the polling. */
      readonly windowEndMs: number;
      readonly evaluatedAtMs: number;
      /** Ids of the findings it is about; `opened` and `ended` are about all of them. */
      readonly joined: readonly string[];
      readonly worsened: readonly string[];
      readonly withdrawn: readonly string[];
      /** The severity told before; null with `opened`. */
      readonly severityBefore: Severity | null;
      /** The incident as it stood when this was decided. */
      readonly incident: IncidentState;
    }
  | {
      readonly kind: "record";
      readonly reason: RecordReason;
      readonly findingIds: readonly string[];
      /** With `silenced`: which. */
      readonly silences?: readonly HoldingSilence[];
    };

/** A silence that matches a finding now. */
export interface HoldingSilence {
  readonly id: string;
  readonly by: string;
  readonly untilMs: number;
}

export interface Rules {
  readonly severity: Readonly<Record<Harm, Severity>>;
  /** Share of rows moved below which `worsened` is not announced; for missing and unseen `qualityFloor`. */
  readonly effectFloor: number;
  readonly qualityFloor: number;
  readonly groupWaitMs: number;
  readonly notifyMaxAgeMs: number;
  /** The silences that match a finding, were it sent with this severity; absent: there are none. */
  readonly silencesOf?: (finding: Finding, severity: Severity) => readonly HoldingSilence[];
}

/** One evaluation of the incident's model: records that share a window and `evaluatedAtMs`. */
interface Evaluation {
  readonly windowEndMs: number;
  readonly evaluatedAtMs: number;
  /**
   * `evaluatedAtMs` on the service clock, whichever clock the detector read: not later than now, nor before the window
   * ended (a watermark clock may be read a moment before the window that moved it).
   */
  readonly atMs: number;
  readonly records: readonly Finding[];
}

/**
 * Takes an incident to what its finding records say. Level-triggered and idempotent: a record that was seen changes
 * nothing, and a lost one is repaired by the next evaluation. Records are applied evaluation by evaluation, and what
 * falls due between two of them is decided between them, so the same log gives the same notifications however it was cut
 * into polls.
 *
 * @param incident Null if nothing is known of it.
 * @param records All of one incident, in any order.
 * @param nowMs Service clock. With no records, decides only what has fallen due.
 * @returns The same state object if nothing changed; null only if `incident` was null and there are no records.
 */
export function reconcile(
  incident: IncidentState | null,
  records: readonly Finding[],
  nowMs: number,
  rules: Rules,
): readonly [IncidentState | null, readonly Decision[]] {
  const decisions: Decision[] = [];
  let state = incident;
  for (const evaluation of evaluationsOf(records, nowMs)) {
    const news = evaluation.records.filter((record) => isNews(state?.findings[record.findingId], record));
    if (news.length === 0) continue;
    if (state !== null) state = decideDue(state, evaluation.atMs, evaluation.windowEndMs, nowMs, rules, decisions);
    state = applyEvaluation(state, { ...evaluation, records: news }, rules, decisions);
  }
  if (state !== null) state = decideDue(state, nowMs, null, nowMs, rules, decisions);
  return [state, decisions];
}

/**
 * Announces what waits for its group without waiting any longer, for a caller who knows that nothing more will come; and
 * what was held back, unless a silence still holds it.
 */
export function closeGroup(
  incident: IncidentState,
  nowMs: number,
  rules: Rules,
): readonly [IncidentState, readonly Decision[]] {
  const decisions: Decision[] = [];
  return [announce(incident, nowMs, rules, decisions), decisions];
}

/** When `reconcile` has something to decide without new records; null if never. */
export function nextDueMs(incident: IncidentState): number | null {
  const due = openFindings(incident)
    .filter((tracked) => !tracked.stale)
    .map(staleAtMs);
  if (incident.pending !== null && incident.pending.dueMs !== null) due.push(incident.pending.dueMs);
  return due.length === 0 ? null : Math.min(...due);
}

function evaluationsOf(records: readonly Finding[], nowMs: number): readonly Evaluation[] {
  const groups = Map.groupBy(records, (record) => `${record.evaluatedAtMs}/${record.windowEndMs}`);
  return [...groups.values()]
    .map((group) => {
      const { windowEndMs, evaluatedAtMs } = group[0] as Finding;
      return {
        windowEndMs,
        evaluatedAtMs,
        atMs: Math.min(evaluatedAtMs, Math.max(nowMs, windowEndMs)),
        records: group.toSorted((left, right) => (left.findingId < right.findingId ? -1 : 1)),
      };
    })
    .toSorted((left, right) => left.evaluatedAtMs - right.evaluatedAtMs || left.windowEndMs - right.windowEndMs);
}

/** Whether a record takes the place of what is known of its finding. */
function isNews(tracked: TrackedFinding | undefined, record: Finding): boolean {
  if (tracked === undefined) return true;
  // A withdrawal speaks of the past, and what was evaluated before it may speak of a later window.
  if (tracked.withdrawnAtMs !== null && record.evaluatedAtMs <= tracked.withdrawnAtMs) return false;
  const known = tracked.finding;
  if (record.state === "withdrawn") return record.evaluatedAtMs > known.evaluatedAtMs;
  if (known.state === "withdrawn") return true;
  // A detector that lags behind another repeats older windows later: the window decides before the time of evaluation.
  return (
    (record.windowEndMs - known.windowEndMs ||
      record.revision - known.revision ||
      record.evaluatedAtMs - known.evaluatedAtMs) > 0
  );
}

function applyEvaluation(
  incident: IncidentState | null,
  evaluation: Evaluation,
  rules: Rules,
  decisions: Decision[],
): IncidentState {
  const { atMs, windowEndMs } = evaluation;
  const before = incident === null ? newIncident(evaluation) : revived(incident, evaluation);
  const findings: Record<string, TrackedFinding> = { ...before.findings };
  const reopened: string[] = [];
  const reasserted: string[] = [];
  const dropped: string[] = [];

  for (const record of evaluation.records) {
    const known = findings[record.findingId];
    const sent = known?.sent ?? null;
    const dropsOut = record.state === "withdrawn" && sent?.named !== true;
    if (dropsOut) dropped.push(record.findingId);
    if (record.state === "open" && known?.finding.state === "closed") reopened.push(record.findingId);
    if (record.state === "open" && known?.stale === true) reasserted.push(record.findingId);
    const traceparent = known?.finding.traceparent ?? record.traceparent;
    findings[record.findingId] = {
      // Only its first record names the span that found it, and what is sent later goes on from there too.
      finding: traceparent === undefined ? record : { ...record, traceparent },
      assertedAtMs: Math.max(atMs, known?.assertedAtMs ?? atMs),
      withdrawnAtMs: record.state === "withdrawn" ? record.evaluatedAtMs : (known?.withdrawnAtMs ?? null),
      stale: false,
      sent: dropsOut ? null : sent,
    };
  }

  const recorded = (reason: RecordReason, findingIds: readonly string[]) => {
    if (findingIds.length > 0) decisions.push({ kind: "record", reason, findingIds });
  };
  recorded("reopened", reopened);
  recorded("reasserted", reasserted);
  recorded("dropped", dropped);

  const wasOpen = before.status === "open" || before.status === "stale";
  let state: IncidentState = { ...before, findings, windowEndMs: Math.max(before.windowEndMs, windowEndMs) };
  if (openFindings(state).length > 0) {
    state = withSilentlyJoined({ ...state, status: statusOf(state), endedWindowEndMs: null }, decisions);
  } else if (wasOpen) {
    const status = standingFindings(state).length === 0 ? "withdrawn" : "ended";
    state = { ...state, status, endedWindowEndMs: windowEndMs };
    if (state.told?.endDue === false) recorded("ended_silently", Object.keys(findings).toSorted());
    const passedOver = state.told === null && state.pending === null;
    if (passedOver && status === "ended") recorded("ended_unsent", Object.keys(findings).toSorted());
  }
  if (!isEmpty(unsaid(state, rules)) && (state.pending === null || state.pending.dueMs === null)) {
    const { evaluatedAtMs } = evaluation;
    state = { ...state, pending: { windowEndMs, evaluatedAtMs, dueMs: atMs + rules.groupWaitMs } };
  }
  return state;
}

function newIncident(evaluation: Evaluation): IncidentState {
  const { incidentId, environment, model } = evaluation.records[0] as Finding;
  return {
    incidentId,
    environment,
    model,
    status: "open",
    findings: {},
    windowEndMs: evaluation.windowEndMs,
    firstSeenMs: evaluation.atMs,
    endedWindowEndMs: null,
    told: null,
    pending: null,
    unsentBecause: [],
  };
}

/** An accepted change that is found again, its old baseline being back in force, is news: nobody waits for its end. */
function revived(incident: IncidentState, evaluation: Evaluation): IncidentState {
  const { accepted, ...rest } = incident;
  if (accepted === undefined || !evaluation.records.some((record) => record.state === "open")) return incident;
  const findings = Object.entries(incident.findings).map(([id, tracked]) => [id, { ...tracked, sent: null }] as const);
  return { ...rest, findings: Object.fromEntries(findings), told: null };
}

/** What falls due up to `atMs`, or because a window later than the one announced has been evaluated. */
function decideDue(
  incident: IncidentState,
  atMs: number,
  nextWindowEndMs: number | null,
  nowMs: number,
  rules: Rules,
  decisions: Decision[],
): IncidentState {
  let state = incident;
  const { pending } = state;
  if (pending !== null && pending.dueMs !== null) {
    const windowComplete = nextWindowEndMs !== null && nextWindowEndMs > pending.windowEndMs;
    if (windowComplete || pending.dueMs <= atMs) state = announce(state, nowMs, rules, decisions);
  }
  const nowStale = openFindings(state).filter((tracked) => !tracked.stale && staleAtMs(tracked) <= atMs);
  if (nowStale.length === 0) return state;
  const findings = { ...state.findings };
  for (const tracked of nowStale) findings[tracked.finding.findingId] = { ...tracked, stale: true };
  decisions.push({
    kind: "record",
    reason: "stale",
    findingIds: idsOf(nowStale),
  });
  const stale = { ...state, findings };
  return { ...stale, status: statusOf(stale) };
}

function staleAtMs(tracked: TrackedFinding): number {
  return tracked.assertedAtMs + 2 * windowLengthMs(tracked.finding);
}

function statusOf(incident: IncidentState): "open" | "stale" {
  return openFindings(incident).every((tracked) => tracked.stale) ? "stale" : "open";
}

/** Announces what is unsaid now, or records why it is not sent. */
function announce(incident: IncidentState, nowMs: number, rules: Rules, decisions: Decision[]): IncidentState {
  const { pending } = incident;
  if (pending === null) return incident;
  const state = announceWithdrawalAndEnd({ ...incident, pending: null }, pending, rules, decisions);
  return announceNews(state, pending, nowMs, rules, decisions);
}

/**
 * Who was told that it opened is told that it is over, or never was, however old the window: `notify_max_age` is for
 * alarms.
 */
function announceWithdrawalAndEnd(
  incident: IncidentState,
  pending: PendingAnnouncement,
  rules: Rules,
  decisions: Decision[],
): IncidentState {
  const { told } = incident;
  if (told === null) {
    if (incident.status === "ended")
      decisions.push({ kind: "record", reason: "ended_unsent", findingIds: Object.keys(incident.findings).toSorted() });
    return incident;
  }
  const { ended, withdrawn } = unsaid(incident, rules);
  if (!ended && withdrawn.length === 0) return incident;

  // What was withdrawn and comes back is news again.
  const findings = { ...incident.findings };
  for (const tracked of withdrawn) findings[tracked.finding.findingId] = { ...tracked, sent: null };
  const neverWas = standingFindings(incident).length === 0;
  const state: IncidentState = {
    ...incident,
    findings,
    told: neverWas ? null : { ...told, endDue: told.endDue && !ended },
  };
  decisions.push({
    kind: "notify",
    reason: ended && !neverWas ? "ended" : "withdrawn",
    severity: told.severity,
    windowEndMs: pending.windowEndMs,
    evaluatedAtMs: pending.evaluatedAtMs,
    joined: [],
    worsened: [],
    withdrawn: idsOf(withdrawn),
    severityBefore: told.severity,
    incident: { ...state, told },
  });
  return state;
}

/** The opening, growth, or worsening. */
function announceNews(
  incident: IncidentState,
  pending: PendingAnnouncement,
  nowMs: number,
  rules: Rules,
  decisions: Decision[],
): IncidentState {
  const { told } = incident;
  const news = unsaid(incident, rules);
  if (isEmpty(news)) return incident;

  const about = [...news.opened, ...news.joined, ...news.worsened];
  const speaksOf = about.length > 0 ? about : openFindings(incident);
  // What labels say of a window is news when they are due, however long ago the window was.
  const latestWindowEndMs = Math.max(
    ...speaksOf.map(({ finding }) => finding.evidence.labels?.dueMs ?? finding.windowEndMs),
  );
  const severity = worseSeverity(incidentSeverity(incident, rules.severity), told?.severity ?? "none");
  const unsent = (reason: "too_old_to_notify" | "severity_none"): IncidentState => {
    if (incident.unsentBecause.includes(reason)) return incident;
    decisions.push({ kind: "record", reason, findingIds: idsOf(speaksOf) });
    return { ...incident, unsentBecause: [...incident.unsentBecause, reason] };
  };
  if (severity === "none") return unsent("severity_none");
  // If it lasts, a later window says it again.
  if (nowMs - latestWindowEndMs > rules.notifyMaxAgeMs) return unsent("too_old_to_notify");
  if (told !== null && told.changeWindowEndMs !== null && told.changeWindowEndMs >= incident.windowEndMs) {
    return { ...incident, pending: { ...pending, dueMs: null } };
  }
  const holding = holdingSilences(speaksOf, severity, rules);
  if (holding !== null) return held(incident, pending, holding, decisions);

  const findings = { ...incident.findings };
  for (const tracked of openFindings(incident)) {
    const { findingId, magnitude } = tracked.finding;
    const named = tracked.sent?.named === true || about.includes(tracked);
    const largest = Math.max(magnitude, tracked.sent?.magnitude ?? 0);
    findings[findingId] = { ...tracked, sent: { named, magnitude: largest } };
  }
  const { silenced: _, ...unsilenced } = incident;
  const announced: IncidentState = {
    ...unsilenced,
    findings,
    told: {
      severity,
      changeWindowEndMs: told === null ? null : incident.windowEndMs,
      endDue: true,
      leadFindingId: told?.leadFindingId ?? leadFinding(news.opened),
    },
  };
  const grew = news.joined.length > 0 || news.severityRose;
  decisions.push({
    kind: "notify",
    reason: told === null ? "opened" : grew ? "grew" : "worsened",
    severity,
    windowEndMs: pending.windowEndMs,
    evaluatedAtMs: pending.evaluatedAtMs,
    joined: idsOf(news.joined),
    worsened: idsOf(news.worsened),
    withdrawn: [],
    severityBefore: told?.severity ?? null,
    incident: announced,
  });
  return announced;
}

/** By finding, the silences that hold it back; null unless all are held: a fault must not hide behind another's silence. */
function holdingSilences(
  findings: readonly TrackedFinding[],
  severity: Severity,
  rules: Rules,
): ReadonlyMap<string, readonly HoldingSilence[]> | null {
  const holding = new Map(
    findings.map(({ finding }) => [finding.findingId, rules.silencesOf?.(finding, severity) ?? []] as const),
  );
  return holding.size > 0 && [...holding.values()].every((silences) => silences.length > 0) ? holding : null;
}

/** Keeps what is to be said until no silence holds it; each finding and silence is recorded once. */
function held(
  incident: IncidentState,
  pending: PendingAnnouncement,
  holding: ReadonlyMap<string, readonly HoldingSilence[]>,
  decisions: Decision[],
): IncidentState {
  const silenced: Record<string, readonly string[]> = { ...incident.silenced };
  const newlyHeld: string[] = [];
  const newSilences = new Map<string, HoldingSilence>();
  for (const [findingId, silences] of holding) {
    const known = silenced[findingId] ?? [];
    const fresh = silences.filter(({ id }) => !known.includes(id));
    if (fresh.length === 0) continue;
    newlyHeld.push(findingId);
    for (const silence of fresh) newSilences.set(silence.id, silence);
    silenced[findingId] = [...known, ...fresh.map(({ id }) => id)];
  }
  if (newlyHeld.length > 0) {
    const silences = [...newSilences.values()];
    decisions.push({ kind: "record", reason: "silenced", findingIds: newlyHeld.toSorted(), silences });
  }
  return { ...incident, silenced, pending: { ...pending, dueMs: null, held: true } };
}

/** What a person has not been told and should be. */
interface Unsaid {
  readonly opened: readonly TrackedFinding[];
  readonly joined: readonly TrackedFinding[];
  readonly worsened: readonly TrackedFinding[];
  readonly severityRose: boolean;
  readonly withdrawn: readonly TrackedFinding[];
  readonly ended: boolean;
}

function isEmpty(news: Unsaid): boolean {
  const { opened, joined, worsened, withdrawn } = news;
  return opened.length + joined.length + worsened.length + withdrawn.length === 0 && !news.severityRose && !news.ended;
}

function unsaid(incident: IncidentState, rules: Rules): Unsaid {
  const open = openFindings(incident);
  const { told } = incident;
  if (told === null) {
    return { opened: open, joined: [], worsened: [], severityRose: false, withdrawn: [], ended: false };
  }
  const severity = incidentSeverity(incident, rules.severity);
  return {
    opened: [],
    joined: open.filter((tracked) => tracked.sent === null),
    worsened: open.filter(({ finding, sent }) => sent !== null && hasWorsened(finding, sent.magnitude, rules)),
    severityRose: open.length > 0 && severity !== told.severity && worseSeverity(severity, told.severity) === severity,
    withdrawn: Object.values(incident.findings).filter(
      (tracked) => tracked.finding.state === "withdrawn" && tracked.sent?.named === true,
    ),
    ended: told.endDue && open.length === 0,
  };
}

/** Growth is another feature or signal: a further slice or version of one that was told joins without a word. */
function withSilentlyJoined(incident: IncidentState, decisions: Decision[]): IncidentState {
  if (incident.told === null) return incident;
  const toldKeys = new Set(
    Object.values(incident.findings)
      .filter((tracked) => tracked.sent !== null)
      .map(growthKey),
  );
  const silent = openFindings(incident).filter((tracked) => tracked.sent === null && toldKeys.has(growthKey(tracked)));
  if (silent.length === 0) return incident;
  decisions.push({ kind: "record", reason: "joined_silently", findingIds: idsOf(silent) });
  const findings = { ...incident.findings };
  for (const tracked of silent) {
    const { findingId, magnitude } = tracked.finding;
    findings[findingId] = { ...tracked, sent: { magnitude, named: false } };
  }
  return { ...incident, findings };
}

function growthKey(tracked: TrackedFinding): string {
  const { series, signal } = tracked.finding;
  return JSON.stringify([series.role, series.feature, signal]);
}

/** The first finding in the order of telling gives the incident its labels. */
function leadFinding(findings: readonly TrackedFinding[]): string {
  return rankFindings(findings.map((tracked) => tracked.finding))[0]?.findingId ?? "";
}

function idsOf(findings: readonly TrackedFinding[]): readonly string[] {
  return findings.map((tracked) => tracked.finding.findingId).toSorted();
}
