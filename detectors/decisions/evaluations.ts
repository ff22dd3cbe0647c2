import type { Series } from "../../core/baseline.ts";
import type { SeriesState } from "../../core/finding.ts";
import { minReferenceRows, type WindowSignal } from "./contrasts.ts";
import { againstOf, referenceRowsOf } from "./finding-evidence.ts";
import type { JudgedSeries } from "./judged-window.ts";
import type { Judgement } from "./judgement.ts";
import type { JudgedMonitor } from "./judged-monitor.ts";
import { silenceSeries, type GapEvidence, type GapObservation } from "./silence.ts";

/**
 * What one window said about one series and signal. Numbers are null when nothing was measured, which is never "no
 * drift".
 */
export interface SeriesEvaluation {
  readonly series: Series;
  readonly signal: WindowSignal;
  readonly state: SeriesState;
  readonly rows: number;
  readonly referenceRows: number;
  /** The contrast and horizon nearest to (or furthest past) its threshold; empty if nothing was measured. */
  readonly contrast: string;
  readonly effect: number | null;
  readonly effectLow: number | null;
  /** The largest upper 90 % bound over *all* contrasts of the window: below the floor means "did not move". */
  readonly effectHigh: number | null;
  readonly pValue: number | null;
  readonly threshold: number | null;
}

/** A series and signal of which the window has no numbers. */
export function notMeasured(
  series: Series,
  signal: WindowSignal,
  state: SeriesState,
  rows: number,
  referenceRows: number,
): SeriesEvaluation {
  return {
    series,
    signal,
    state,
    rows,
    referenceRows,
    contrast: "",
    effect: null,
    effectLow: null,
    effectHigh: null,
    pValue: null,
    threshold: null,
  };
}

/** What the window said about each signal of one series. */
export function seriesEvaluations(
  entry: JudgedSeries,
  now: { readonly warming: boolean; readonly isOpen: (key: string, signal: WindowSignal) => boolean },
): SeriesEvaluation[] {
  const { contrasts, series, window } = entry;
  const result: SeriesEvaluation[] = [];
  if (!entry.judgements.some(({ signal }) => signal === "distribution")) {
    const rows = window?.presentRows ?? 0;
    const { referencePresentRows } = contrasts;
    if (referencePresentRows < minReferenceRows) {
      result.push(notMeasured(series, "distribution", "no_baseline", rows, referencePresentRows));
    } else if (contrasts.nothingKept) {
      result.push(notMeasured(series, "distribution", "too_variable", rows, referencePresentRows));
    }
    // Else the reference is constant: there is no distribution to move, and `unseen` sees any other value.
  }
  for (const judgement of entry.judgements) {
    const { signal, nearest, rows } = judgement;
    const referenceRows = referenceRowsOf(againstOf(entry, signal), signal);
    const open = now.isOpen(entry.key, signal);
    const state = stateOf(judgement, open, now.warming);
    if (nearest === null || state === "insufficient_data") {
      result.push(notMeasured(series, signal, state, rows, referenceRows));
      continue;
    }
    const c = nearest.contrast;
    const high = nearest.effectHigh;
    result.push({
      series,
      signal,
      state,
      rows,
      referenceRows,
      contrast: contrasts.contrasts[c]!.name,
      effect: nearest.effect,
      effectLow: nearest.effectLow,
      effectHigh: judgement.judged === "short" ? Math.max(judgement.effectHigh, high) : high,
      pValue: nearest.pValue,
      threshold: entry.thresholds.alpha[nearest.horizon][c]!,
    });
  }
  return result;
}

function stateOf(judgement: Judgement, open: boolean, warming: boolean): SeriesState {
  if (judgement.judged === "nothing") return "insufficient_data";
  if (open) return "drift";
  if (judgement.judged === "long") return "insufficient_data";
  if (warming) return "warming_up";
  if (judgement.tooVariable) return "too_variable";
  return judgement.watching ? "watching" : "ok";
}

/** What the window said about its longest gap. */
export function silenceEvaluation(
  gap: GapObservation | null,
  evidence: GapEvidence | null,
  threshold: number,
  rows: number,
  open: boolean,
): SeriesEvaluation {
  if (gap === null) return notMeasured(silenceSeries, "silence", "insufficient_data", rows, 0);
  const referenceRows = gap.referenceGapsMs.length;
  if (evidence === null) return notMeasured(silenceSeries, "silence", "no_baseline", rows, referenceRows);
  const watching = evidence.pValue <= 20 * threshold;
  return {
    series: silenceSeries,
    signal: "silence",
    state: open ? "drift" : watching ? "watching" : "ok",
    rows,
    referenceRows,
    contrast: "longest gap",
    effect: evidence.ratio,
    effectLow: evidence.ratio,
    effectHigh: evidence.ratio,
    pValue: evidence.pValue,
    threshold,
  };
}

/** What the window said about a monitor. */
export function monitorEvaluation(
  { series, signal, contrast, value, reference, evidence }: JudgedMonitor,
  threshold: number,
  rows: number,
  open: boolean,
): SeriesEvaluation {
  const referenceWindows = reference?.windows ?? 0;
  if (evidence === null) {
    const state = value === null ? "insufficient_data" : "no_baseline";
    return notMeasured(series, signal, state, rows, referenceWindows);
  }
  return {
    series,
    signal,
    state: open ? "drift" : evidence.pValue <= 20 * threshold ? "watching" : "ok",
    rows,
    referenceRows: referenceWindows,
    contrast,
    effect: evidence.change,
    effectLow: evidence.changeLow,
    effectHigh: evidence.changeHigh,
    pValue: evidence.pValue,
    threshold,
  };
}
