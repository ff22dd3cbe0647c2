import { dayMs, hourMs, weekMs } from "../../core/window.ts";
import { fastStep, fastWindowMs, noFastState, volumeSeries, type FastState } from "../decisions/fast.ts";
import { learnFast, type LearnableReading } from "../decisions/fast-learning.ts";
import type { SimulatedMonitoring } from "./outcome.ts";
import { createRandom, type Random } from "./random.ts";

/** Healthy traffic as the fast cadence sees it: counts of a few minutes, with how they vary. */
export interface FastStream {
  readonly features: number;
  /** Events in five minutes at the busiest hour; at night there are a fifth of them. */
  readonly rows: number;
  readonly referenceDays: number;
  /** Rows that come in a row from one user: their values are missing together. 1: independent rows. */
  readonly together: number;
  /** Standard deviation of each share's log odds and of the log of the volume, which wander with a memory of six hours. */
  readonly wander: number;
}

/** A Monday. */
const startMs = Date.UTC(2024, 0, 1);
const memoryMs = 6 * hourMs;
const missingShares = [0.03, 0.001, 0, 0.2];

/**
 * False incidents and findings of the fast cadence over `weeks`. Every feature has missing, new (or out of range) and
 * mistyped values; incidents are findings that open while none is open, or a day after the last.
 */
export function fastOutcome(
  stream: FastStream,
  weeks: number,
  monitoring: SimulatedMonitoring,
  ...seeds: readonly number[]
): { readonly incidents: number; readonly findings: number } {
  const random = createRandom(...seeds);
  const readings: LearnableReading[] = [];
  const shares: number[] = [];
  for (let feature = 0; feature < stream.features; feature += 1) {
    const series = { ...volumeSeries, feature: `f${feature}` };
    for (const [signal, share, definedShare] of [
      ["missing", missingShares[feature % missingShares.length]!, null],
      ["unseen", 0.0005, 0.0005],
      ["type_mismatch", 0, null],
    ] as const) {
      readings.push({
        series,
        signal,
        contrast: signal,
        mostFrequent: null,
        definedShare,
        spreadFrom: readings.length,
      });
      shares.push(share);
    }
  }
  const drift = new Float64Array(shares.length + 1);
  const keep = Math.exp(-fastWindowMs / memoryMs);
  const fresh = stream.wander * Math.sqrt(1 - keep ** 2);
  for (let index = 0; index < drift.length; index += 1) drift[index] = stream.wander * random.normal();

  const draw = (atMs: number) => {
    for (let index = 0; index < drift.length; index += 1) drift[index] = keep * drift[index]! + fresh * random.normal();
    const hour = ((atMs - startMs) % dayMs) / hourMs;
    const busy = 0.6 + 0.4 * Math.sin((2 * Math.PI * (hour - 8)) / 24);
    const rows = poisson(stream.rows * busy * Math.exp(drift.at(-1)!), random);
    const groups = Math.round(rows / stream.together);
    const counts = shares.map((share, index) =>
      Math.min(rows, stream.together * binomial(groups, shifted(share, drift[index]!), random)),
    );
    return { startMs: atMs, endMs: atMs + fastWindowMs, rows, counts };
  };

  const liveMs = startMs + stream.referenceDays * dayMs;
  const reference = [];
  for (let atMs = startMs; atMs < liveMs; atMs += fastWindowMs) {
    const stretch = draw(atMs);
    // Nobody can say what share of a reference is absent from itself.
    reference.push({ ...stretch, counts: stretch.counts.map((count, index) => (index % 3 === 1 ? 0 : count)) });
  }
  const baseline = learnFast(readings, reference, { fromMs: startMs, toMs: liveMs });
  let state: FastState = noFastState;
  let incidents = 0;
  let findings = 0;
  let joinUntilMs = -Infinity;
  for (let atMs = liveMs; atMs < liveMs + weeks * weekMs; atMs += fastWindowMs) {
    const stretch = draw(atMs);
    for (const window of [stretch, { ...stretch, counts: null }]) {
      const before = state.open.length;
      const step = fastStep(baseline, state, window, monitoring.falseIncidentsPerModelWeek);
      const opened = step.state.open.length - (before - step.closed.length);
      state = step.state;
      if (opened === 0) continue;
      findings += opened;
      if (before === 0 && atMs > joinUntilMs) incidents += 1;
      joinUntilMs = atMs + dayMs;
    }
  }
  return { incidents, findings };
}

/** A share moved by so much on the scale of log odds. */
function shifted(share: number, logOdds: number): number {
  const odds = share * Math.exp(logOdds);
  return odds / (1 - share + odds);
}

/** Inversion by waiting times for few, the normal limit for many. */
function binomial(n: number, p: number, random: Random): number {
  if (n <= 0 || p <= 0) return 0;
  if (p >= 1) return n;
  const mean = n * p;
  if (mean > 30 && n * (1 - p) > 30) {
    return Math.max(0, Math.min(n, Math.round(mean + Math.sqrt(mean * (1 - p)) * random.normal())));
  }
  const log = Math.log1p(-p);
  let count = 0;
  for (let position = geometric(log, random); position <= n; position += geometric(log, random)) count += 1;
  return count;
}

function geometric(log: number, random: Random): number {
  return Math.floor(Math.log(1 - random.uniform()) / log) + 1;
}

function poisson(mean: number, random: Random): number {
  if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * random.normal()));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random.uniform(); product > limit; product *= random.uniform()) count += 1;
  return count;
}
