import { thresholdOf } from "./budget.ts";
import { rowsOf, type Contrast, type ContrastSignal, type SeriesContrasts } from "./contrasts.ts";
import { boundQuantile } from "./effect.ts";
import { pValueOf, type Belief, type Measurement } from "./evidence.ts";
import { minWindowRows } from "./learning.ts";
import { normalTailInverse } from "./normal-tail.ts";
import { chiSquareTail } from "./chi-square-tail.ts";

export type Horizon = "short" | "long";

/** p-values up to this many thresholds are computed in full, and worth watching. */
const watchFactor = 20;

/** The α of each contrast on each horizon, and the |z| below which even independent rows would leave p > 20 α. */
export interface Thresholds {
  readonly seriesAlpha: number;
  readonly alpha: Readonly<Record<Horizon, Float64Array>>;
  readonly skipBelow: Readonly<Record<Horizon, Float64Array>>;
}

/** @param only The one horizon that is judged, where there are no windows to pool. */
export function thresholdsOf(contrasts: SeriesContrasts, seriesAlpha: number, only?: Horizon): Thresholds {
  const of = (horizon: Horizon) =>
    Float64Array.from(contrasts.contrasts, (contrast) =>
      only !== undefined && only !== horizon
        ? 0
        : thresholdOf(contrast, contrasts.kind, seriesAlpha, horizon, only !== undefined),
    );
  const alpha = { short: of("short"), long: of("long") };
  const skip = (horizon: Horizon) =>
    alpha[horizon].map((value, c) => {
      const tail = (watchFactor * value) / (contrasts.contrasts[c]!.oneSided ? 1 : 2);
      if (tail <= 0) return Infinity;
      return tail >= 0.5 ? 0 : knownInverse(tail);
    });
  return { seriesAlpha, alpha, skipBelow: { short: skip("short"), long: skip("long") } };
}

const inverses = new Map<number, number>();
const mostInverses = 10_000;

/** Thousands of slices have the same few α. */
function knownInverse(tail: number): number {
  let z = inverses.get(tail);
  if (z === undefined) {
    z = normalTailInverse(tail);
    if (inverses.size >= mostInverses) inverses.clear();
    inverses.set(tail, z);
  }
  return z;
}

/** A contrast that passed both gates. */
interface Hit {
  readonly contrast: number;
  readonly horizon: Horizon;
  /** y − R when it passed; for the omnibus its effect. */
  readonly d0: number;
}

/** What one window says about one signal of one series. */
export interface Judgement {
  readonly signal: ContrastSignal;
  /** Rows of this window that the signal speaks of. */
  readonly rows: number;
  /** `short`: the window alone was judged (and pooled ones, where there are any); `long`: pooled windows only. */
  readonly judged: "short" | "long" | "nothing";
  /** n/E[φ] < 30 for every contrast: an ordinary window holds too little to say anything, ever. */
  readonly tooVariable: boolean;
  readonly hit: Hit | null;
  readonly watching: boolean;
  /** The contrast nearest to, or furthest past, its threshold. */
  readonly nearest: {
    readonly contrast: number;
    readonly horizon: Horizon;
    readonly pValue: number;
    readonly effect: number;
    readonly effectLow: number;
    readonly effectHigh: number;
  } | null;
  /** max (e − se)⁺ and the largest upper 90 % bound over the window's contrasts; 0 if the window was not judged. */
  readonly magnitude: number;
  readonly effectHigh: number;
}

export function lowerBound(measurement: Measurement, c: number): number {
  return measurement.effect[c]! - boundQuantile * measurement.error[c]!;
}

/** The omnibus has no error of its own: its plug-in total variation stands for the upper end. */
export function upperBound(contrasts: SeriesContrasts, measurement: Measurement, c: number): number {
  return c === contrasts.omnibus ? measurement.y[c]! : measurement.effect[c]! + boundQuantile * measurement.error[c]!;
}

/** What the floor of its signal is for one contrast; while φ is unknown it is the same for all. */
export function floorOf(contrast: Contrast, gate: { readonly floor: number; readonly omnibus: boolean }): number {
  return gate.omnibus ? gate.floor * (contrast.floorShare ?? 1) : gate.floor;
}

/**
 * Both gates for every contrast of one signal, on both horizons.
 *
 * @param gate.floor Share of rows moved that the lower 90 % bound must exceed.
 * @param gate.omnibus False while φ is unknown: the omnibus' bound is then off by (φ − 1)·d, where the others' are off by √φ.
 * @param long Pooled windows, or null while there is only one.
 */
export function judge(
  contrasts: SeriesContrasts,
  { signal, first, end }: SignalContrasts,
  belief: Belief,
  thresholds: Thresholds,
  gate: { readonly floor: number; readonly omnibus: boolean },
  short: Measurement | null,
  long: Measurement | null,
): Judgement {
  const rows = short === null ? 0 : rowsOf(signal, short.window);
  const shortJudged = rows >= minWindowRows;
  const longJudged = rows > 0 && long !== null && rowsOf(signal, long.window) >= minWindowRows;
  let tooVariable = shortJudged && signal !== "unseen";
  let hit: Hit | null = null;
  let hitDistance = 0;
  let watching = false;
  let nearest = -1;
  let nearestHorizon: Horizon = "short";
  let nearestP: number | null = null;
  let nearestRatio = -1;
  let magnitude = 0;
  let effectHigh = 0;

  for (const horizon of horizons) {
    const measurement = horizon === "short" ? short : long;
    if (measurement === null || !(horizon === "short" ? shortJudged : longJudged)) continue;
    const alphas = thresholds.alpha[horizon];
    const skips = thresholds.skipBelow[horizon];
    for (let c = first; c < end; c += 1) {
      const contrast = measurement.against.contrasts[c]!;
      const alpha = alphas[c]!;
      if (!(alpha > 0) || !(measurement.n[c]! > 0)) continue;
      const omnibus = contrast.form === "omnibus";
      if (omnibus && measurement.omnibus === null) continue;
      if (horizon === "short") {
        magnitude = Math.max(magnitude, measurement.effect[c]! - measurement.error[c]!);
        if (!omnibus) effectHigh = Math.max(effectHigh, upperBound(contrasts, measurement, c));
        if (measurement.n[c]! / belief.mean[c]! >= minWindowRows) tooVariable = false;
      }
      const distance = Math.abs(measurement.z[c]!);
      const skip = skips[c]!;
      const worthwhile = omnibus
        ? chiSquareTail(measurement.omnibus!.gSquare, measurement.omnibus!.degreesOfFreedom) <= watchFactor * alpha
        : distance >= skip;
      let ratio: number;
      let pValue: number | null = null;
      if (worthwhile) {
        pValue = pValueOf(contrasts, c, measurement, belief);
        // 1 is where the worthwhile begin; below it the |z| alone ranks.
        ratio = 1 + Math.max(0, Math.log((watchFactor * alpha) / Math.max(pValue, 1e-300)));
        if (pValue <= watchFactor * alpha) watching = true;
        if (pValue <= alpha && (!omnibus || gate.omnibus) && lowerBound(measurement, c) > floorOf(contrast, gate)) {
          // Short before long, then the largest |z|; the omnibus, which names no category, only if it is alone.
          const better: boolean = hit === null || (hit.horizon === horizon && distance > hitDistance);
          if (better) {
            hit = {
              contrast: c,
              horizon,
              d0: omnibus ? measurement.effect[c]! : measurement.y[c]! - contrast.reference,
            };
            hitDistance = distance;
          }
        }
      } else {
        ratio = omnibus || skip === Infinity ? 0 : Math.min(0.999, distance / Math.max(skip, 1e-9));
      }
      if (ratio > nearestRatio) {
        nearestRatio = ratio;
        nearest = c;
        nearestHorizon = horizon;
        nearestP = pValue;
      }
    }
  }
  if (tooVariable) {
    hit = null;
    watching = false;
  }
  return {
    signal,
    rows,
    judged: shortJudged ? "short" : longJudged ? "long" : "nothing",
    tooVariable,
    hit,
    watching,
    nearest: nearest < 0 ? null : nearestOf(nearest, nearestHorizon, nearestP),
    magnitude: Math.max(0, magnitude),
    effectHigh,
  };

  function nearestOf(c: number, horizon: Horizon, known: number | null): Judgement["nearest"] {
    const measurement = (horizon === "short" ? short : long)!;
    return {
      contrast: c,
      horizon,
      pValue: known ?? pValueOf(contrasts, c, measurement, belief),
      effect: measurement.effect[c]!,
      effectLow: lowerBound(measurement, c),
      effectHigh: upperBound(contrasts, measurement, c),
    };
  }
}

/** In the order in which they are looked at. */
const horizons: readonly Horizon[] = ["short", "long"];

/** The contrasts of one signal, which lie together. */
export interface SignalContrasts {
  readonly signal: ContrastSignal;
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

/** The signals that a reference series has contrasts for. */
export function signalsOf({ contrasts }: SeriesContrasts): SignalContrasts[] {
  return (["distribution", "missing", "unseen"] as const).flatMap((signal) => {
    const first = contrasts.findIndex((contrast) => contrast.signal === signal);
    const end = contrasts.findLastIndex((contrast) => contrast.signal === signal) + 1;
    return first < 0 ? [] : [{ signal, first, end }];
  });
}
