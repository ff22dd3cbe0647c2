import type { Finding, Severity } from "../../core/finding.ts";

/** `stale`: nothing that is open has been re-asserted for two window lengths. It is never taken for the end. */
export const incidentStatuses = ["open", "stale", "ended", "withdrawn"] as const;
export type IncidentStatus = (typeof incidentStatuses)[number];

/** What alerting knows of one finding of an incident. */
export interface TrackedFinding {
  /** The record that counts: the latest window, its latest revision, the latest evaluation. */
  readonly finding: Finding;
  /** Service clock, when it was last asserted; staleness counts from here. */
  readonly assertedAtMs: number;
  /** `evaluatedAtMs` of its withdrawal; records evaluated up to then no longer count. */
  readonly withdrawnAtMs: number | null;
  readonly stale: boolean;
  /** The largest magnitude that was sent, and whether a notification named the finding; null if nothing was sent. */
  readonly sent: { readonly magnitude: number; readonly named: boolean } | null;
}

/** Something is to be said, once the findings that belong together have had time to arrive. */
export interface PendingAnnouncement {
  readonly windowEndMs: number;
  readonly evaluatedAtMs: number;
  /** Service clock; null: not before the next window (growth is announced at most once a window). */
  readonly dueMs: number | null;
  /** A silence holds it back: it is said when none does any more, if it is still to be said. */
  readonly held?: true;
}

/** A person took what changed as the new normal. */
export interface Acceptance {
  readonly by: string;
  readonly comment: string | null;
  /** Wall clock. */
  readonly atMs: number;
  /** The range that became the baseline; null if another one was set. */
  readonly range: { readonly fromMs: number; readonly toMs: number } | null;
}

/** What people were told of an incident. */
export interface Told {
  /** The worst severity sent; the end goes out with it too. */
  readonly severity: Severity;
  /** Last window in which growth or worsening was announced. */
  readonly changeWindowEndMs: number | null;
  /** Something was announced that has not been followed by an end. */
  readonly endDue: boolean;
  /** The finding that gives the incident its labels; fixed with the first notification. */
  readonly leadFindingId: string;
}

/** An incident belongs to one model and environment. Plain JSON: `JSON.stringify` round-trips exactly. */
export interface IncidentState {
  readonly incidentId: string;
  readonly environment: string;
  readonly model: string;
  readonly status: IncidentStatus;
  readonly findings: Readonly<Record<string, TrackedFinding>>;
  /** End of the latest window that any of its records speaks of. */
  readonly windowEndMs: number;
  /** Service clock. */
  readonly firstSeenMs: number;
  /** End of the window that ended or withdrew it; null while it is open. */
  readonly endedWindowEndMs: number | null;
  readonly told: Told | null;
  readonly pending: PendingAnnouncement | null;
  /** Recorded already that it is not sent: its windows are too old, or its severity is `none`. */
  readonly unsentBecause: readonly ("too_old_to_notify" | "severity_none")[];
  /** By finding, ids of the silences that were recorded as holding it back; absent if none did. */
  readonly silenced?: Readonly<Record<string, readonly string[]>>;
  /** It ended because its baseline was replaced; absent if not. */
  readonly accepted?: Acceptance;
}

export function openFindings(incident: IncidentState): readonly TrackedFinding[] {
  return Object.values(incident.findings).filter((tracked) => tracked.finding.state === "open");
}

/** Findings that stand: open or closed, not withdrawn. */
export function standingFindings(incident: IncidentState): readonly TrackedFinding[] {
  return Object.values(incident.findings).filter((tracked) => tracked.finding.state !== "withdrawn");
}

/** Start of the first window that any standing finding opened in; of all findings if none stands. */
export function incidentStartMs(incident: IncidentState): number {
  const standing = standingFindings(incident);
  const findings = standing.length > 0 ? standing : Object.values(incident.findings);
  return Math.min(...findings.map((tracked) => tracked.finding.openedWindowStartMs));
}

export function windowLengthMs(finding: Finding): number {
  return Math.max(1, finding.openedWindowEndMs - finding.openedWindowStartMs);
}
