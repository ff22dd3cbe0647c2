import { createHash } from "node:crypto";
import type { Evidence, Finding, Harm, Severity, Share, Signal } from "../core/finding.ts";
import type { ModelSpec } from "../core/model.ts";
import { isTraceparent } from "../core/traceparent.ts";
import { rowsQuery } from "../store/facts/rows-query.ts";
import { incidentStartMs } from "./incidents/incident.ts";
import type { Acceptance, IncidentState, IncidentStatus } from "./incidents/incident.ts";
import { findingLabels, fingerprint } from "./incidents/labels.ts";
import type { Labels } from "./incidents/labels.ts";
import { rankFindings } from "./incidents/ranking.ts";
import type { Decision, NotificationReason } from "./incidents/reconcile.ts";
import { incidentHarm } from "./incidents/severity.ts";
import { beforeAfter, headline, rowsText, seriesName, seriesType, sizeText } from "./text/finding-text.ts";
import type { PredictionsWord } from "./text/finding-text.ts";
import { nextSteps } from "./text/next-steps.ts";
import { durationText, shareText, timeText } from "./text/quantities.ts";

/** One finding as a message tells it. Numbers are as in core `Evidence`; texts are for people. */
export interface FindingMessage {
  readonly findingId: string;
  readonly labels: Labels;
  readonly fingerprint: string;
  readonly harm: Harm;
  readonly signal: Signal;
  readonly state: Finding["state"];
  /** Why this notification names it; `present` if it only stands beside what is new. */
  readonly role: "new" | "worsened" | "withdrawn" | "present";
  readonly name: string;
  /** `hour changed` */
  readonly headline: string;
  /** `median 13 → 18`; null if the evidence does not say. */
  readonly change: string | null;
  /** `36.2 % of rows moved, at least 35.4 %` */
  readonly size: string;
  readonly rows: string;
  readonly magnitude: number;
  readonly effect: number;
  readonly effectLow: number;
  readonly reference: number;
  readonly current: number;
  readonly provisional: boolean;
  readonly contributors: readonly Share[];
  readonly slices: readonly Share[];
  /** Attributes none of whose values stands out. */
  readonly alike?: readonly string[];
  /** Parts of the change that come of another mix of an attribute's values. */
  readonly mix?: NonNullable<Evidence["mix"]>;
}

/** What a person needs at three in the morning, about one incident. Notifiers render it. */
export interface IncidentMessage {
  readonly idempotencyKey: string;
  readonly incidentId: string;
  readonly reason: NotificationReason;
  readonly status: IncidentStatus;
  readonly severity: Severity;
  /** What was told before; null with the first notification. */
  readonly severityBefore: Severity | null;
  readonly harm: Harm;
  readonly model: string;
  readonly environment: string;
  readonly labels: Labels;
  readonly fingerprint: string;
  /** One line in plain words, without severity and model. */
  readonly title: string;
  readonly since: {
    readonly windowStartMs: number;
    /** End of the latest window that was looked at. */
    readonly windowEndMs: number;
    /** `Sat 2026-03-14 00:00 UTC, for 1 day` */
    readonly text: string;
  };
  readonly predictions: { readonly verdict: PredictionsWord; readonly text: string };
  /** What the notification is about first, then the rest, each in the order of telling. */
  readonly findings: readonly FindingMessage[];
  /** What to do next, in order. Empty once it has ended. */
  readonly nextSteps: readonly string[];
  /** A shell line that shows the rows. */
  readonly query: string;
  readonly link: string;
  /** Sent by a person to see whether it arrives; nothing is wrong. */
  readonly drill?: true;
  /** W3C `traceparent`s of the spans that found what it is about, the finding that gives the incident its name first. */
  readonly foundBy?: readonly string[];
}

export interface MessageContext {
  /** Null if the model is no longer configured. */
  readonly model: ModelSpec | null;
  readonly externalUrl: string;
  /** How `leeway sql` is called here. */
  readonly sqlCommand: string;
}

export function incidentMessage(
  decision: Extract<Decision, { kind: "notify" }>,
  context: MessageContext,
): IncidentMessage {
  const { incident, reason } = decision;
  const { model } = context;
  const zone = model?.monitoring.zone ?? "UTC";
  const findings = messageFindings(decision);
  const lead = findings[0] as { finding: Finding; role: FindingMessage["role"] };
  const labelled = incident.findings[incident.told?.leadFindingId ?? ""]?.finding ?? lead.finding;
  const labels = findingLabels(labelled, model);
  const startMs = incidentStartMs(incident);
  const endMs = incident.endedWindowEndMs ?? incident.windowEndMs;
  const over = incident.status === "ended" || incident.status === "withdrawn";
  const predictions = predictionsOf(incident);
  const link = `${context.externalUrl.replace(/\/+$/, "")}/incidents/${encodeURIComponent(incident.incidentId)}`;
  const changed = findings.filter(({ role }) => role !== "present").map(({ finding }) => finding);
  const traceparents = [labelled, ...changed].map(({ traceparent }) => traceparent ?? "");
  const foundBy = [...new Set(traceparents)].filter(isTraceparent);
  return {
    idempotencyKey: idempotencyKey(decision),
    incidentId: incident.incidentId,
    reason,
    status: incident.status,
    severity: decision.severity,
    severityBefore: decision.severityBefore,
    harm: incidentHarm(incident),
    model: incident.model,
    environment: incident.environment,
    labels,
    fingerprint: fingerprint(labels),
    title: title(decision, changed, predictions.verdict),
    since: {
      windowStartMs: startMs,
      windowEndMs: endMs,
      text: `${timeText(startMs, zone)}, ${over ? "until" : "for"} ${over ? timeText(endMs, zone) : durationText(endMs - startMs)}`,
    },
    predictions,
    findings: findings.map(({ finding, role }) => ({
      findingId: finding.findingId,
      labels: findingLabels(finding, model),
      fingerprint: fingerprint(findingLabels(finding, model)),
      harm: finding.harm,
      signal: finding.signal,
      state: finding.state,
      role,
      name: seriesName(finding),
      headline: headline(finding),
      change: beforeAfter(finding, model),
      size: sizeText(finding),
      rows: rowsText(finding),
      magnitude: finding.magnitude,
      effect: finding.evidence.effect,
      effectLow: finding.evidence.effectLow,
      reference: finding.evidence.reference,
      current: finding.evidence.current,
      provisional: finding.provisional,
      contributors: finding.evidence.contributors,
      slices: finding.evidence.slices,
      alike: finding.evidence.alike ?? [],
      mix: finding.evidence.mix ?? [],
    })),
    nextSteps: over ? [] : nextSteps(changed, predictions.verdict, { incident, zone }),
    query: shellLine(context.sqlCommand, lead.finding, model),
    link,
    ...(foundBy.length > 0 && { foundBy }),
  };
}

/** The same for the same decision, however often it is taken: from the log alone. */
function idempotencyKey({
  incident,
  reason,
  windowEndMs,
  evaluatedAtMs,
}: Extract<Decision, { kind: "notify" }>): string {
  return createHash("sha256")
    .update(JSON.stringify([incident.incidentId, reason, windowEndMs, evaluatedAtMs]))
    .digest("hex")
    .slice(0, 32);
}

function messageFindings(
  decision: Extract<Decision, { kind: "notify" }>,
): readonly { readonly finding: Finding; readonly role: FindingMessage["role"] }[] {
  const { incident, reason } = decision;
  const everything = Object.values(incident.findings).map((tracked) => tracked.finding);
  const role = (finding: Finding): FindingMessage["role"] => {
    if (decision.withdrawn.includes(finding.findingId)) return "withdrawn";
    if (decision.worsened.includes(finding.findingId)) return "worsened";
    if (decision.joined.includes(finding.findingId)) return "new";
    const all = reason === "opened" || (reason === "ended" && finding.state === "closed");
    return all ? "new" : "present";
  };
  // A rise of severity alone is about the finding that carries it, which ranks first.
  const told = rankFindings(everything)
    .filter((finding) => finding.state !== "withdrawn" || decision.withdrawn.includes(finding.findingId))
    .filter((finding) => finding.state === "open" || reason !== "opened")
    .map((finding) => ({ finding, role: role(finding) }));
  const [first, ...rest] = told;
  const named = told.filter((each) => each.role !== "present");
  if (named.length === 0 && first !== undefined) return [{ ...first, role: "worsened" }, ...rest];
  // With an end the withdrawn ones come last: what really happened is what is over.
  const leading =
    reason === "ended" ? named.toSorted((left, right) => lateness(left.role) - lateness(right.role)) : named;
  return [...leading, ...told.filter((each) => each.role === "present")];
}

function lateness(role: FindingMessage["role"]): number {
  return role === "withdrawn" ? 1 : 0;
}

/** What the model's predictions did while the incident lasted. */
export function predictionsOf(incident: IncidentState): IncidentMessage["predictions"] {
  const standing = Object.values(incident.findings)
    .map((tracked) => tracked.finding)
    .filter((finding) => finding.state !== "withdrawn");
  const own = rankFindings(
    standing.filter(({ series, signal }) => series.role !== "feature" && signal !== "performance"),
  )[0];
  if (own !== undefined) {
    return { verdict: "moved", text: `moved: ${shareText(own.evidence.effect)} of rows` };
  }
  // Performance speaks of what came of the predictions.
  const verdicts = standing
    .filter(({ signal }) => signal !== "performance")
    .map((finding) => finding.evidence.predictions);
  const moved = verdicts.find(({ verdict }) => verdict === "moved");
  if (moved !== undefined) {
    return { verdict: "moved", text: moved.effect === null ? "moved" : `moved: ${shareText(moved.effect)} of rows` };
  }
  const still = verdicts.find(({ verdict }) => verdict === "did_not_move");
  if (still === undefined || verdicts.some(({ verdict }) => verdict === "not_known")) {
    // Neither shown to have moved nor shown to have stayed: the bound says how much is still possible.
    const unknown = verdicts.filter(({ verdict }) => verdict === "not_known");
    const most = Math.max(0, ...unknown.map(({ effectHigh }) => effectHigh ?? Number.POSITIVE_INFINITY));
    const text = unknown.length > 0 && Number.isFinite(most) ? `: at most ${shareText(most)} of rows` : "";
    return { verdict: "not known", text: `not known${text}` };
  }
  const bound = still.effectHigh === null ? "" : `: at most ${shareText(still.effectHigh)} of rows`;
  return { verdict: "did not move", text: `did not move${bound}` };
}

function title(
  { reason, incident, severity, severityBefore }: Extract<Decision, { kind: "notify" }>,
  changed: readonly Finding[],
  verdict: PredictionsWord,
): string {
  const [lead] = changed as readonly [Finding, ...Finding[]];
  const features = changed.filter((finding) => finding.series.role === "feature" && finding.harm !== "data_broken");
  const others = new Set(
    changed
      .slice(1)
      .filter((finding) => finding.series.role === "feature")
      .map(seriesName),
  );
  others.delete(seriesName(lead));
  const more = others.size === 0 ? "" : `, and ${others.size} more`;
  switch (reason) {
    case "opened": {
      const predictions =
        features.length === 0 || verdict === "not known"
          ? ""
          : verdict === "moved"
            ? "; predictions moved with it"
            : "; predictions did not move";
      return `${headline(lead)}${more}${predictions}`;
    }
    case "grew": {
      if (severityBefore !== null && severityBefore !== severity && changed.length === 1 && lead.state === "open") {
        return `rose to a ${severity}: ${headline(lead)}`;
      }
      const first = rankFindings(Object.values(incident.findings).map((tracked) => tracked.finding)).find(
        (finding) => !changed.includes(finding) && finding.state === "open",
      );
      return `now also ${headline(lead)}${more}${first === undefined ? "" : ` (open already: ${seriesName(first)})`}`;
    }
    case "worsened":
      return `got worse: ${seriesName(lead)}, ${sizeText(lead)}`;
    case "ended": {
      const { accepted } = incident;
      if (accepted !== undefined) return `${acceptedTitle(accepted)}: ${seriesName(lead)}${more}`;
      return `${seriesName(lead)}${more} ${others.size === 0 ? "is" : "are"} back within the baseline`;
    }
    case "withdrawn":
      return `withdrawn: late data; ${seriesName(lead)}${more} did not change after all`;
  }
}

function acceptedTitle({ by, range }: Acceptance): string {
  return range === null ? `${by} set another baseline` : `${by} accepted it as the new baseline`;
}

function shellLine(sqlCommand: string, finding: Finding, model: ModelSpec | null): string {
  const sql = rowsQuery({
    environment: finding.environment,
    model: finding.model,
    series: finding.series,
    signal: finding.signal,
    type: seriesType(finding, model),
    windowStartMs: finding.openedWindowStartMs,
    windowEndMs: finding.openedWindowEndMs,
    control: finding.evidence.control,
  });
  return `${sqlCommand} '${sql.replaceAll("'", `'\\''`)}'`;
}
