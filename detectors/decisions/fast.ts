import type { Series } from "../../core/baseline.ts";
import type { Signal } from "../../core/finding.ts";
import { minuteMs, weekMs } from "../../core/window.ts";
import { fastShareOfBudget, silenceShare } from "./budget.ts";
import { shareZ } from "./g-statistic.ts";
import { normalTail } from "./normal-tail.ts";

/** What is decided every few minutes: gross faults, long before a window of a day can show them. */
export const fastSignals = [
  "missing",
  "type_mismatch",
  "unseen",
  "out_of_range",
  "constant",
  "error",
  "latency",
  "volume",
] as const satisfies readonly Signal[];
export type FastSignal = (typeof fastSignals)[number];

/** A fast window ends after this much event time, or after so many rows, whichever comes first. */
export const fastWindowMs = 5 * minuteMs;
export const fastWindowRows = 300;
/** Fewer rows are not judged: they wait for those after them. */
export const fewestFastRows = 30;
/** The same allowance for φ being estimated as the windows' decisions have. */
const excessFactor = 1.4;
/** 90 %, one-sided. */
const boundZ = 1.2816;
/**
 * Share of rows by which a reading must exceed the *worst* that the reference had in so short a time: what moves less is
 * left to the windows. A constant prediction is all of the rows or nothing.
 */
const shareFloor = 0.05;
const beyondWorst = 0.5;
/** Rows of a stretch below half of the fewest that the reference had at that hour, or above twice the most. */
const volumeFactor = 2;
/** Closed after so long without a hit. */
const calmMs = 15 * minuteMs;
const calmWindows = 3;

/** One thing that is counted: a feature's missing values, a model's slow answers … */
export interface FastReading {
  readonly series: Series;
  readonly signal: Exclude<FastSignal, "volume">;
  /** What is counted, in words: `missing share`. */
  readonly contrast: string;
}

/** What the reference says of a reading. */
export interface FastReference extends FastReading {
  /** Rows and the share of them that count. */
  readonly rows: number;
  readonly share: number;
  /** Variance of the share between stretches of a few minutes over what independent rows would have; 1 or more. */
  readonly inflation: number;
  /** The largest share in such a stretch with at least 30 rows. */
  readonly worst: number;
  /** `constant`: the share of the most frequent value; a stretch of nothing else has probability share^n. */
  readonly mostFrequent: number | null;
}

/** Rows that the reference had in five minutes, by hour of the day (UTC) and by weekday or weekend; null where unknown. */
export interface VolumeReference {
  readonly hours: readonly (VolumeHour | null)[];
  /** As `FastReference.inflation`, of the counts against a Poisson. */
  readonly inflation: number;
}

export interface VolumeHour {
  readonly fewest: number;
  readonly mean: number;
  readonly most: number;
  readonly stretches: number;
}

export interface FastBaseline {
  readonly readings: readonly FastReference[];
  readonly volume: VolumeReference | null;
}

/** Rows of one stretch of event time. */
export interface FastWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly rows: number;
  /** Rows that count, in the order of the baseline's readings; null: a complete stretch of five minutes, judged by its rows alone. */
  readonly counts: readonly number[] | null;
}

/** An open finding of the fast cadence. Plain JSON. */
export interface FastFinding {
  readonly key: string;
  readonly series: Series;
  readonly signal: FastSignal;
  readonly openedMs: number;
  /** Share (rows, for volume) above the reference at opening: half of it is calm. */
  readonly excess: number;
  readonly calmSinceMs: number | null;
  readonly calmWindows: number;
  readonly evidence: FastEvidence;
}

export interface FastEvidence {
  readonly contrast: string;
  readonly reference: number;
  readonly current: number;
  /** Share of rows moved, with its lower 90 % bound; volume: the share of the expected rows that are missing or too many. */
  readonly effect: number;
  readonly effectLow: number;
  readonly pValue: number;
  readonly threshold: number;
  readonly rows: number;
  readonly referenceRows: number;
  readonly minimumDetectableEffect: number;
}

export interface FastState {
  readonly open: readonly FastFinding[];
  /** Rows of stretches that were too few to judge, carried into the next. */
  readonly pending: FastWindow | null;
}

export interface FastStep {
  readonly state: FastState;
  readonly closed: readonly FastFinding[];
  /** Readings that were judged; 0 if the rows were too few. */
  readonly judged: number;
}

export const noFastState: FastState = { open: [], pending: null };

/** Names a series and signal. */
export function fastKey(series: Series, signal: Signal): string {
  return JSON.stringify([series.role, series.feature, series.version, series.slice, signal]);
}

/**
 * Decides one stretch. α is spent in proportion to the event time that it covers, so that the budget of a week is kept
 * whether a stretch takes five seconds or five minutes.
 *
 * @param budget false incidents per model and week
 */
export function fastStep(baseline: FastBaseline, before: FastState, window: FastWindow, budget: number): FastStep {
  const tests = baseline.readings.length + (baseline.volume === null ? 0 : 1);
  const alphaOf = ({ startMs, endMs }: FastWindow) =>
    (budget * fastShareOfBudget * (1 - silenceShare) * ((endMs - startMs) / weekMs)) / Math.max(1, tests);
  if (window.counts === null) {
    const judged = baseline.volume === null ? null : judgeVolume(baseline.volume, window, alphaOf(window));
    return {
      ...continued(before.open, judged === null ? [] : [judged], window, before.pending),
      judged: judged === null ? 0 : 1,
    };
  }
  const merged = before.pending === null ? window : joined(before.pending, window);
  if (merged.rows < fewestFastRows) return { state: { open: before.open, pending: merged }, closed: [], judged: 0 };
  const alpha = alphaOf(merged);
  const judged = baseline.readings.map((reading, index) =>
    judgeShare(reading, merged.counts?.[index] ?? 0, merged.rows, alpha),
  );
  return { ...continued(before.open, judged, merged, null), judged: judged.length };
}

/** One reading in one stretch. */
interface Judged {
  readonly key: string;
  readonly series: Series;
  readonly signal: FastSignal;
  readonly excess: number;
  readonly evidence: FastEvidence;
  readonly passes: boolean;
}

function continued(
  before: readonly FastFinding[],
  judged: readonly Judged[],
  { startMs, endMs }: FastWindow,
  pending: FastWindow | null,
): { state: FastState; closed: readonly FastFinding[] } {
  const byKey = new Map(judged.map((each) => [each.key, each]));
  const open: FastFinding[] = [];
  const closed: FastFinding[] = [];
  for (const finding of before) {
    const now = byKey.get(finding.key);
    if (now === undefined) {
      open.push(finding);
      continue;
    }
    const calm = !now.passes && now.excess < finding.excess / 2;
    const calmSinceMs = calm ? (finding.calmSinceMs ?? startMs) : null;
    const next: FastFinding = {
      ...finding,
      evidence: now.passes ? now.evidence : finding.evidence,
      excess: now.passes ? Math.max(finding.excess, now.excess) : finding.excess,
      calmSinceMs,
      calmWindows: calm ? finding.calmWindows + 1 : 0,
    };
    const over = calmSinceMs !== null && next.calmWindows >= calmWindows && endMs - calmSinceMs >= calmMs;
    (over ? closed : open).push(next);
  }
  const known = new Set(before.map(({ key }) => key));
  for (const { passes, ...found } of judged) {
    if (!passes || known.has(found.key)) continue;
    open.push({ ...found, openedMs: startMs, calmSinceMs: null, calmWindows: 0 });
  }
  return { state: { open, pending }, closed };
}

export const volumeSeries: Series = { role: "feature", feature: "", version: "", slice: "" };

function joined(first: FastWindow, second: FastWindow): FastWindow {
  return {
    startMs: first.startMs,
    endMs: second.endMs,
    rows: first.rows + second.rows,
    counts: (second.counts ?? []).map((count, index) => count + (first.counts?.[index] ?? 0)),
  };
}

function judgeShare(reading: FastReference, count: number, rows: number, threshold: number): Judged {
  const current = count / rows;
  const { series, signal, share, rows: referenceRows, worst, mostFrequent } = reading;
  const inflation = 1 + (reading.inflation - 1) * excessFactor;
  const q = reading.inflation;
  const variance = Math.max(share * (1 - share), current * (1 - current));
  const error = Math.sqrt(q * variance * (1 / rows + 1 / Math.max(1, referenceRows)));
  // What the reference did at its worst is no news, nor is half as much again: extremes of a longer time lie further out.
  const usual = Math.max(share, worst + (worst - share) * beyondWorst);
  const effect = Math.max(0, current - usual);
  const effectLow = Math.max(0, effect - boundZ * error);
  const pValue =
    mostFrequent === null
      ? normalTail(Math.max(0, shareZ(current, rows, share, referenceRows, q)) / Math.sqrt(inflation))
      : current === 1
        ? mostFrequent ** (rows / inflation)
        : 1;
  return {
    key: fastKey(series, signal),
    series,
    signal,
    excess: current - share,
    passes: pValue <= threshold && effectLow > shareFloor,
    evidence: {
      contrast: reading.contrast,
      reference: share,
      current,
      effect,
      effectLow,
      pValue,
      threshold,
      rows,
      referenceRows,
      minimumDetectableEffect: shareFloor + boundZ * error,
    },
  };
}

/** Which of the 48 hours of a `VolumeReference` a time lies in: 0–23 on weekdays, 24–47 at weekends (UTC). */
export function volumeHour(ms: number): number {
  const date = new Date(ms);
  const day = date.getUTCDay();
  return date.getUTCHours() + (day === 0 || day === 6 ? 24 : 0);
}

function judgeVolume(volume: VolumeReference, { startMs, rows }: FastWindow, threshold: number): Judged | null {
  const hour = volume.hours[volumeHour(startMs)] ?? null;
  // Where a stretch may be empty, as at night or between batches, a number of rows says nothing.
  if (hour === null || hour.fewest === 0) return null;
  const low = rows < hour.mean;
  // Against the reference's extreme, not its mean: days differ.
  const expected = low ? hour.fewest : hour.most;
  const inflation = 1 + (volume.inflation - 1) * excessFactor;
  // Anscombe (1948): the root of a Poisson count has a standard deviation of about ½.
  const z = Math.abs(Math.sqrt(rows + 3 / 8) - Math.sqrt(expected + 3 / 8)) * 2;
  const beyond = low ? rows < expected : rows > expected;
  const pValue = beyond ? normalTail(z / Math.sqrt(inflation)) : 1;
  const factor = low ? expected / Math.max(1, rows) : rows / expected;
  const effect = Math.abs(rows - hour.mean) / Math.max(hour.mean, rows);
  return {
    key: fastKey(volumeSeries, "volume"),
    series: volumeSeries,
    signal: "volume",
    excess: Math.abs(rows - hour.mean),
    passes: pValue <= threshold && factor > volumeFactor,
    evidence: {
      contrast: "rows in 5 minutes",
      reference: hour.mean,
      current: rows,
      effect,
      effectLow: Math.max(0, effect - boundZ * Math.sqrt(inflation / hour.mean)),
      pValue,
      threshold,
      rows,
      referenceRows: hour.stretches,
      minimumDetectableEffect: 1 - 1 / volumeFactor,
    },
  };
}
