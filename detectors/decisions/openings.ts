import type { Series } from "../../core/baseline.ts";
import { findingId } from "../../core/finding.ts";
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

/** Reopens what closed lately, opens the rest, and has each join an incident or begin one. */
export function opened(
  state: Pick<DecisionState, "incidents" | "levels">,
  measured: MeasuredWindow,
  continued: readonly FindingMemory[],
  identity: Identity,
): { readonly findings: readonly FindingMemory[]; readonly incidents: readonly IncidentMemory[] } {
  const { horizon, index, level, warming, window } = measured;
  const findings = [...continued];
  let incidents: readonly IncidentMemory[] = state.incidents;
  const newlyOpened: Opening[] = [];
  for (const opening of openingsOf(measured, continued)) {
    const { key, signal, contrast, contrastName, d0 } = opening;
    const at = findings.findIndex(
      (finding) => finding.key === key && finding.signal === signal && mayReopen(finding, index, horizon),
    );
    if (at < 0) {
      newlyOpened.push(opening);
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
  for (const opening of newlyOpened) {
    const { key, series, signal, contrast, contrastName, d0 } = opening;
    let incident = incidentToJoin(incidents, (id) => isIncidentOpen(findings, id), index, horizon);
    if (incident === null) {
      const before = state.levels.filter((entry) => entry.index >= index - horizon);
      const sum = before.reduce((total, entry) => total + entry.level, 0);
      incident = {
        incidentId: incidentId({ ...identity, openedWindowStartMs: window.startMs }),
        openedIndex: index,
        levelBefore: before.length === 0 ? 0 : sum / before.length,
        levelPeak: level ?? 0,
      };
      incidents = [...incidents, incident];
    }
    findings.push({
      key,
      series,
      signal,
      findingId: findingId({ ...identity, series, signal, openedWindowStartMs: window.startMs }),
      incidentId: incident.incidentId,
      contrast,
      contrastName,
      horizon: opening.horizon,
      d0,
      reopened: false,
      provisional: warming && learnsLive(signal),
      openedWindowStartMs: window.startMs,
      openedWindowEndMs: window.endMs,
      calm: 0,
      closedIndex: null,
      closedWindowEndMs: null,
      evidence: opening.evidence(),
    });
  }
  return { findings, incidents };
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
