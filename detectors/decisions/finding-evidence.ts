import type { ValueEvidence } from "../monitors/value-evidence.ts";
import type { SeriesContrasts, WindowSignal } from "./contrasts.ts";
import { pValueOf } from "./evidence.ts";
import { measurementOf, type JudgedSeries, type JudgedWindow } from "./judged-window.ts";
import { floorOf, lowerBound, upperBound, type Horizon, type Judgement } from "./judgement.ts";
import type { FindingEvidence, FindingMemory } from "./lifecycle.ts";
import type { MeasuredWindow } from "./measured-window.ts";
import { poolOf } from "./model-learning.ts";
import { minimumDetectableEffect } from "./minimum-detectable-effect.ts";
import type { JudgedMonitor } from "./judged-monitor.ts";
import { referenceDays } from "./season.ts";
import type { GapEvidence } from "./silence.ts";
import { phiGrid } from "./variance-inflation.ts";

/** The present numbers of an open finding; null if this window did not measure it. */
export function evidenceNow(measured: MeasuredWindow, finding: FindingMemory): FindingEvidence | null {
  if (finding.signal === "silence") {
    return measured.silence === null ? null : silenceEvidence(measured, measured.silence);
  }
  if (finding.signal === "custom" || finding.signal === "joint") {
    const monitor = measured.monitors.find(({ key }) => key === finding.key);
    return monitor === undefined || monitor.evidence === null
      ? null
      : monitorEvidence(measured, monitor, monitor.evidence);
  }
  const entry = measured.judgedByKey.get(finding.key);
  const judgement = entry?.judgements.find(({ signal }) => signal === finding.signal);
  if (entry === undefined || judgement === undefined || judgement.judged === "nothing") return null;
  const horizon = finding.horizon === "long" && entry.pools ? "long" : "short";
  if (horizon === "short" && judgement.judged !== "short") return null;
  return contrastEvidence(measured, entry, judgement, { ...finding, horizon });
}

/** The present numbers of one contrast on one horizon. */
export function contrastEvidence(
  judgedWindow: JudgedWindow,
  entry: JudgedSeries,
  judgement: Judgement,
  of: { readonly contrast: number; readonly d0: number; readonly horizon: Horizon },
): FindingEvidence {
  const { floors, horizons, warming } = judgedWindow;
  const c = of.contrast;
  const measurement = measurementOf(judgedWindow, entry, of.horizon)!;
  const { against } = measurement;
  const contrast = against.contrasts[c]!;
  const { factor } = horizons[poolOf(entry.contrasts)][of.horizon];
  const mean = entry.belief.mean[c]!;
  const season = referenceDays(entry.contrasts, contrast.signal, entry.window, of.horizon);
  const threshold = entry.thresholds.alpha[of.horizon][c]!;
  return {
    reference: contrast.reference,
    current: measurement.y[c]!,
    effect: measurement.effect[c]!,
    effectLow: lowerBound(measurement, c),
    effectHigh: upperBound(entry.contrasts, measurement, c),
    pValue: pValueOf(entry.contrasts, c, measurement, entry.belief),
    threshold,
    rows: contrast.signal === "missing" ? measurement.window.rows : measurement.window.presentRows,
    referenceRows: referenceRowsOf(
      contrast.signal === "unseen" && !against.concurrent ? entry.contrasts : against,
      contrast.signal,
    ),
    minimumDetectableEffect: minimumDetectableEffect(contrast, {
      n: measurement.n[c]!,
      direction: of.d0 < 0 ? -1 : 1,
      threshold,
      floor: floorOf(contrast, { floor: floors[judgement.signal], omnibus: !warming }),
      mean,
      inflation: 1 + (mean - 1) * factor,
      posterior: entry.belief.posterior,
      offset: c * phiGrid.length,
      inflations: measurement.inflations,
      omnibusDegrees: measurement.omnibus?.degreesOfFreedom ?? 1,
    }),
    magnitude: judgement.magnitude,
    varianceInflation: mean,
    ...(season !== null && { season }),
  };
}

/** The present numbers of the longest gap. */
export function silenceEvidence({ budget, rows, windowMs }: MeasuredWindow, evidence: GapEvidence): FindingEvidence {
  const { ratio, longestReferenceMs } = evidence;
  return {
    reference: longestReferenceMs / 1000,
    current: (ratio * longestReferenceMs) / 1000,
    effect: ratio,
    effectLow: ratio,
    effectHigh: ratio,
    pValue: evidence.pValue,
    threshold: budget.silence,
    rows,
    referenceRows: evidence.referenceWindows,
    minimumDetectableEffect: evidence.minimumDetectableRatio,
    // Like the other magnitudes a share of the window: the time without events beyond what the reference had.
    magnitude: windowMs > 0 ? Math.max(0, ((ratio - 1) * longestReferenceMs) / windowMs) : 0,
    varianceInflation: 1,
  };
}

/** The present numbers of a monitor. */
export function monitorEvidence(
  { budget, rows }: MeasuredWindow,
  { reference }: JudgedMonitor,
  evidence: ValueEvidence,
): FindingEvidence {
  return {
    reference: reference?.mean ?? 0,
    current: evidence.value,
    effect: evidence.change,
    effectLow: evidence.changeLow,
    effectHigh: evidence.changeHigh,
    pValue: evidence.pValue,
    threshold: budget.monitor,
    rows,
    referenceRows: reference?.windows ?? 0,
    minimumDetectableEffect: evidence.minimumDetectableChange,
    // Other magnitudes are shares of rows, so that no single value outweighs a whole series.
    magnitude: Math.min(1, Math.max(0, evidence.changeLow)),
    varianceInflation: 1,
  };
}

/** What a series of the window was held against; beside a control without rows that is nothing. */
export function againstOf({ contrasts, against }: JudgedSeries, signal: WindowSignal): SeriesContrasts {
  // New values are new to every day of the reference.
  if (!contrasts.concurrent) return signal === "unseen" ? contrasts : (against ?? contrasts);
  return against ?? { ...contrasts, referenceRows: 0, referencePresentRows: 0 };
}

/** Rows of the reference that a signal speaks of. */
export function referenceRowsOf(contrasts: SeriesContrasts, signal: WindowSignal): number {
  return signal === "missing" ? contrasts.referenceRows : contrasts.referencePresentRows;
}
