import type { Series } from "../../core/baseline.ts";
import { findingId, type Signal } from "../../core/finding.ts";
import type { WindowSignal } from "./contrasts.ts";
import type { DecisionState } from "./decision-state.ts";
import { contrastEvidence, monitorEvidence, silenceEvidence } from "./finding-evidence.ts";
import { incidentId, incidentToJoin, type IncidentMemory } from "./incidents.ts";
import type { Horizon } from "./judgement.ts";
import { mayReopen, type FindingEvidence, type FindingMemory } from "./lifecycle.ts";
import type { MeasuredWindow } from "./measured-window.ts";
import { seriesKey } from "./series-key.ts";
import { silenceSeries } from "./silence.ts";

/** What passed its gates while no finding of it was open. */
interface Opening {
  readonly key: string;
  readonly series: Series;
  readonly signal: WindowSignal;
  readonly contrast: number;
  readonly contrastName: string;
  readonly horizon: Horizon;
  readonly d0: number;
  readonly evidence: () => FindingEvidence;
}

/** Whose findings are opened. */
interface Identity {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
}

/** A finding that was told before the window was decided: by the fast cadence, of minutes of it. */
export interface ToldFinding {
  readonly series: Series;
  readonly signal: Signal;
  readonly findingId: string;
  readonly incidentId: string;
  /** The window that it began in: this one, or an earlier one whose decision did not hold it. */
  readonly openedWindowStartMs: number;
  readonly openedWindowEndMs: number;
  /** As of the end of this window. */
  readonly state: "open" | "closed";
}

/** What opens in this window. @param findings As continued in it: what closed just now does not open again at once. */
function openingsOf(measured: MeasuredWindow, findings: readonly FindingMemory[]): Opening[] {
  const { index, judged, monitors, silence } = measured;
  const openings: Opening[] = [];
  const closedNow = (key: string, signal: WindowSignal) =>
    findings.some((finding) => finding.key === key && finding.signal === signal && finding.closedIndex === index);
  for (const entry of judged) {
    for (const judgement of entry.judgements) {
      const { hit, signal } = judgement;
      if (hit === null || isOpen(findings, entry.key, signal) || closedNow(entry.key, signal)) continue;
      openings.push({
        key: entry.key,
        series: entry.series,
        signal,
        contrast: hit.contrast,
        contrastName: entry.contrasts.contrasts[hit.contrast]!.name,
        horizon: hit.horizon,
        d0: hit.d0,
        evidence: () => contrastEvidence(measured, entry, judgement, hit),
      });
    }
  }
  const silenceKey = seriesKey(silenceSeries);
  if (silence?.passes === true && !isOpen(findings, silenceKey, "silence")) {
    openings.push({
      key: silenceKey,
      series: silenceSeries,
      signal: "silence",
      contrast: -1,
      contrastName: "longest gap",
      horizon: "short",
      d0: silence.logDistance,
      evidence: () => silenceEvidence(measured, silence),
    });
  }
  for (const monitor of monitors) {
    const { key, evidence, signal } = monitor;
    if (evidence?.passes !== true || isOpen(findings, key, signal) || closedNow(key, signal)) continue;
    // What one feature shows by itself is told by that feature.
    if (signal === "joint" && featureMoves(findings, openings)) continue;
    openings.push({
      key,
      series: monitor.series,
      signal,
      contrast: -1,
      contrastName: monitor.contrast,
      horizon: "short",
      d0: evidence.distance,
      evidence: () => monitorEvidence(measured, monitor, evidence),
    });
  }
  return openings;
}

/**
 * Reopens what closed lately, opens the rest, and has each join an incident or begin one. What was told already opens as
 * what it was told as, and its incident takes in the others: one change is one finding and one incident, whichever cadence
 * saw it first.
 *
 * @param told Newest last.
 */
export function opened(
  state: Pick<DecisionState, "incidents" | "levels">,
  measured: MeasuredWindow,
  continued: readonly FindingMemory[],
  told: readonly ToldFinding[],
  identity: Identity,
): { readonly findings: readonly FindingMemory[]; readonly incidents: readonly IncidentMemory[] } {
  const { horizon, index, warming, window } = measured;
  const findings = [...continued];
  const begun = (incident: string, openedWindowStartMs: number) =>
    incidentMemory(incident, openedWindowStartMs, state.levels, measured);
  let incidents = withToldIncidents(state.incidents, told, begun);
  const isOpenNow = (id: string) =>
    isIncidentOpen(findings, id) || told.some(({ incidentId: of, state: now }) => of === id && now === "open");
  const newlyOpened: { readonly opening: Opening; readonly known: ToldFinding | null }[] = [];
  for (const opening of openingsOf(measured, continued)) {
    const { key, signal, contrast, contrastName, d0 } = opening;
    const known = told.findLast((one) => seriesKey(one.series) === key && one.signal === signal) ?? null;
    const at = findings.findLastIndex(
      (finding) =>
        finding.key === key &&
        finding.signal === signal &&
        mayReopen(finding, index, horizon) &&
        (known === null || known.findingId === finding.findingId),
    );
    if (at < 0) {
      newlyOpened.push({ opening, known });
      continue;
    }
    findings[at] = {
      ...findings[at]!,
      contrast,
      contrastName,
      horizon: opening.horizon,
      d0,
      reopened: true,
      provisional: warming && learnsLive(signal),
      calm: 0,
      closedIndex: null,
      closedWindowEndMs: null,
      evidence: opening.evidence(),
    };
  }
  // What was told comes first: others may join its incident.
  for (const { opening, known } of newlyOpened.toSorted(
    (a, b) => Number(b.known !== null) - Number(a.known !== null),
  )) {
    const { key, series, signal, contrast, contrastName, d0 } = opening;
    let incident = known?.incidentId ?? incidentToJoin(incidents, isOpenNow, index, horizon)?.incidentId;
    if (incident === undefined) {
      incident = incidentId({ ...identity, openedWindowStartMs: window.startMs });
      incidents = [...incidents, begun(incident, window.startMs)];
    }
    const { startMs, endMs } = window;
    findings.push({
      key,
      series,
      signal,
      findingId: known?.findingId ?? findingId({ ...identity, series, signal, openedWindowStartMs: startMs }),
      incidentId: incident,
      contrast,
      contrastName,
      horizon: opening.horizon,
      d0,
      reopened: known?.state === "closed",
      provisional: warming && learnsLive(signal),
      openedWindowStartMs: known?.openedWindowStartMs ?? startMs,
      openedWindowEndMs: known?.openedWindowEndMs ?? endMs,
      calm: 0,
      closedIndex: null,
      closedWindowEndMs: null,
      evidence: opening.evidence(),
    });
  }
  return { findings, incidents };
}

/** The incidents that are remembered, and those of told findings that are not, in the order in which they began. */
function withToldIncidents(
  incidents: readonly IncidentMemory[],
  told: readonly ToldFinding[],
  begun: (incidentId: string, openedWindowStartMs: number) => IncidentMemory,
): readonly IncidentMemory[] {
  const first = new Map<string, number>();
  for (const { incidentId: id, openedWindowStartMs: startMs } of told) {
    if (incidents.every((incident) => incident.incidentId !== id))
      first.set(id, Math.min(startMs, first.get(id) ?? startMs));
  }
  return [...incidents, ...[...first].toSorted(([, a], [, b]) => a - b).map(([id, startMs]) => begun(id, startMs))];
}

/** An incident that began in the window from `openedWindowStartMs` on: this one, or one of those before it. */
function incidentMemory(
  id: string,
  openedWindowStartMs: number,
  levels: DecisionState["levels"],
  { horizon, index, level, window, windowMs }: MeasuredWindow,
): IncidentMemory {
  const back = windowMs > 0 ? Math.max(0, Math.round((window.startMs - openedWindowStartMs) / windowMs)) : 0;
  const openedIndex = index - back;
  const before = levels.filter((entry) => entry.index >= openedIndex - horizon && entry.index < openedIndex);
  const since = levels.filter((entry) => entry.index >= openedIndex && entry.index < openedIndex + horizon);
  return {
    incidentId: id,
    openedIndex,
    levelBefore: before.length === 0 ? 0 : before.reduce((total, entry) => total + entry.level, 0) / before.length,
    levelPeak: Math.max(0, ...since.map((entry) => entry.level), index - openedIndex < horizon ? (level ?? 0) : 0),
  };
}

/** Whether a finding of this series and signal is open. */
export function isOpen(findings: readonly FindingMemory[], key: string, signal: WindowSignal): boolean {
  return findings.some((finding) => finding.key === key && finding.signal === signal && finding.closedIndex === null);
}

/** Whether a finding of this incident is open. */
export function isIncidentOpen(findings: readonly FindingMemory[], incident: string): boolean {
  return findings.some((finding) => finding.incidentId === incident && finding.closedIndex === null);
}

/** Silence and monitors learn from the baseline alone. */
function learnsLive(signal: WindowSignal): boolean {
  return signal !== "silence" && signal !== "custom" && signal !== "joint";
}

/** Whether a finding of one feature of the whole model is open, or opens in this window. */
function featureMoves(
  findings: readonly FindingMemory[],
  openings: readonly Pick<FindingMemory, "series" | "signal">[],
): boolean {
  const isFeature = ({ series, signal }: Pick<FindingMemory, "series" | "signal">) =>
    series.role === "feature" &&
    series.slice === "" &&
    (signal === "distribution" || signal === "missing" || signal === "unseen");
  return openings.some(isFeature) || findings.some((finding) => finding.closedIndex === null && isFeature(finding));
}
