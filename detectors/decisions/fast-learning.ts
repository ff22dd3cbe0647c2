import { dayMs } from "../../core/window.ts";
import type { Window } from "../../core/window.ts";
import { fastWindowMs, fewestFastRows, volumeHour } from "./fast.ts";
import type { FastBaseline, FastReading, FastReference, FastWindow, VolumeHour, VolumeReference } from "./fast.ts";

/** A reading and what is known of it without counting. */
export interface LearnableReading extends FastReading {
  /** As in `FastReference`. */
  readonly mostFrequent: number | null;
  /** What the reference cannot show of itself, such as the share of values that it does not have. */
  readonly definedShare: number | null;
  /** Place, among the counts, of the share whose spread stands for this one's: its own, where that varies. */
  readonly spreadFrom: number;
}

/** A stretch of the reference; its counts are those of the readings, in order, and then of auxiliary shares. */
export type LearnableStretch = Pick<FastWindow, "startMs" | "rows"> & { readonly counts: readonly number[] };

/** Fewer stretches of an hour say nothing about it. */
const fewestStretches = 24;
/** A reference shorter than this does not know the hours of the week. */
const shortestForVolume = 7 * dayMs;

/** @param times The reference's, for the number of rows by hour; null if its rows have no times. */
export function learnFast(
  readings: readonly LearnableReading[],
  stretches: readonly LearnableStretch[],
  times: { readonly fromMs: number; readonly toMs: number } | null,
): FastBaseline {
  const shares = new Map<number, ShareSpread>();
  const shareAt = (index: number): ShareSpread => {
    const known = shares.get(index) ?? shareSpread(stretches, index);
    shares.set(index, known);
    return known;
  };
  const learnt = readings.map(({ definedShare, spreadFrom, ...reading }, index): FastReference => {
    const own = shareAt(index);
    return {
      ...reading,
      rows: own.rows,
      share: Math.max(own.share, definedShare ?? 0),
      inflation: shareAt(spreadFrom).inflation,
      // How likely a stretch of one value is, its length says; a short one may have been there.
      worst: reading.mostFrequent === null ? own.worst : 0,
    };
  });
  // A reading that never varied cannot teach how it varies: it is trusted no further than the model's others.
  const usual = Math.max(1, ...learnt.map(({ inflation }) => inflation));
  return {
    readings: learnt.map((reading, index) =>
      shareAt(readings[index]!.spreadFrom).share > 0 ? reading : { ...reading, inflation: usual },
    ),
    volume: times === null ? null : learnVolume(stretches, times),
  };
}

interface ShareSpread {
  readonly rows: number;
  readonly share: number;
  readonly worst: number;
  readonly inflation: number;
}

function shareSpread(stretches: readonly LearnableStretch[], index: number): ShareSpread {
  let rows = 0;
  let count = 0;
  for (const stretch of stretches) {
    rows += stretch.rows;
    count += stretch.counts[index] ?? 0;
  }
  const share = rows === 0 ? 0 : count / rows;
  const variance = share * (1 - share);
  let squares = 0;
  let worst = 0;
  let learnable = 0;
  for (const stretch of stretches) {
    if (stretch.rows < fewestFastRows) continue;
    const current = (stretch.counts[index] ?? 0) / stretch.rows;
    learnable += 1;
    worst = Math.max(worst, current);
    if (variance > 0) squares += (stretch.rows * (current - share) ** 2) / variance;
  }
  return { rows, share, worst, inflation: Math.max(1, learnable > 1 ? squares / (learnable - 1) : 1) };
}

function learnVolume(
  stretches: readonly LearnableStretch[],
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): VolumeReference | null {
  if (toMs - fromMs < shortestForVolume) return null;
  const rowsOf = new Map(stretches.map(({ startMs, rows }) => [startMs, rows]));
  const byHour = Array.from({ length: 48 }, (): number[] => []);
  // Only whole stretches; one without a row is a stretch as well.
  for (const { startMs } of wholeStretches(Math.ceil(fromMs / fastWindowMs) * fastWindowMs, toMs, Infinity)) {
    byHour[volumeHour(startMs)]!.push(rowsOf.get(startMs) ?? 0);
  }
  let squares = 0;
  let degrees = 0;
  const hours = byHour.map((counts): VolumeHour | null => {
    if (counts.length < fewestStretches) return null;
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    if (mean > 0) {
      squares += counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
      degrees += counts.length - 1;
    }
    return { fewest: Math.min(...counts), mean, most: Math.max(...counts), stretches: counts.length };
  });
  return { hours, inflation: Math.max(1, degrees === 0 ? 1 : squares / degrees) };
}

/** The stretches that lie between two times whole, at most `most` of them; `fromMs` is where the first begins. */
export function wholeStretches(fromMs: number, toMs: number, most: number): Window[] {
  const count = Math.min(most, Math.max(0, Math.floor((toMs - fromMs) / fastWindowMs)));
  return Array.from({ length: count }, (_, index) => {
    const startMs = fromMs + index * fastWindowMs;
    return { startMs, endMs: startMs + fastWindowMs };
  });
}
