import { meanOf, rowsOf, type SeriesContrasts, type WindowSums } from "./contrasts.ts";
import { heldAgainst } from "./concurrent.ts";
import { effectError, effectOf, omnibusEffect } from "./effect.ts";
import { scoreZ, shareZ } from "./g-statistic.ts";
import { normalTail } from "./normal-tail.ts";
import { omnibusStatistic, omnibusTail, type OmnibusCells, type OmnibusStatistic } from "./omnibus.ts";
import { excessFactor, phiGrid } from "./variance-inflation.ts";

/** What is believed of each contrast's φ: its posterior over the grid (a row of `phiGrid.length` per contrast) and E[φ]. */
export interface Belief {
  readonly posterior: Float64Array;
  readonly mean: Float64Array;
}

/** φ' on the grid, for one horizon: the excess with its allowance, times g when windows are pooled. */
export function inflations(factor: number): Float64Array {
  return Float64Array.from(phiGrid, (phi) => 1 + (phi - 1) * excessFactor * factor);
}

/** All contrasts of one series over one window, or over pooled windows. Arrays are indexed by contrast. */
export interface Measurement {
  readonly window: WindowSums;
  /** What the window was held against: the baseline's means, or the control version's of the same windows. */
  readonly against: SeriesContrasts;
  readonly y: ArrayLike<number>;
  readonly n: ArrayLike<number>;
  readonly z: ArrayLike<number>;
  readonly effect: ArrayLike<number>;
  readonly error: ArrayLike<number>;
  readonly omnibus: OmnibusStatistic | null;
  readonly inflations: Float64Array;
}

/** Where a measurement's numbers are written. */
export interface MeasurementArrays {
  readonly y: Float64Array;
  readonly n: Float64Array;
  readonly z: Float64Array;
  readonly effect: Float64Array;
  readonly error: Float64Array;
}

/** @param contrasts The most that are measured at once. */
export function measurementArrays(contrasts: number): MeasurementArrays {
  const array = () => new Float64Array(contrasts);
  return { y: array(), n: array(), z: array(), effect: array(), error: array() };
}

/**
 * @param factor 1 for one window, g for pooled ones.
 * @param into For thousands of series, one after the other: the numbers hold until the next of them is measured.
 * Contrasts without a row in the window keep n = 0 and z = 0: nothing was measured.
 */
export function measure(
  contrasts: SeriesContrasts,
  cells: OmnibusCells | null,
  window: WindowSums,
  belief: Belief,
  horizon: { readonly factor: number; readonly inflations: Float64Array },
  into: MeasurementArrays = measurementArrays(contrasts.contrasts.length),
): Measurement {
  const against = heldAgainst(contrasts, window);
  const count = contrasts.contrasts.length;
  const { y: ys, n: ns, z: zs, effect: effects, error: errors } = into;
  for (let c = 0; c < count; c += 1) ys[c] = ns[c] = zs[c] = effects[c] = errors[c] = 0;
  let omnibus: OmnibusStatistic | null = null;
  for (let c = 0; c < count; c += 1) {
    const contrast = against.contrasts[c]!;
    if (rowsOf(contrast.signal, window) === 0) continue;
    const mean = belief.mean[c]!;
    if (contrast.form === "omnibus") {
      if (cells === null) continue;
      const statistic = omnibusStatistic(against, cells, window, { oneSample: false });
      omnibus = statistic;
      ns[c] = statistic.n;
      ys[c] = statistic.totalVariation;
      effects[c] = omnibusEffect(statistic, contrast.referenceSize, mean);
      continue;
    }
    const { y, n } = meanOf(contrast, c, window);
    if (!(n > 0) || !Number.isFinite(n) || !Number.isFinite(y)) continue;
    // A control whose scores are all alike says nothing of how much they vary; its shares are compared.
    if (contrast.form === "score" && !(contrast.variance > 0)) continue;
    const inflation = 1 + (mean - 1) * horizon.factor;
    ys[c] = y;
    ns[c] = n;
    const z =
      contrast.form === "score"
        ? scoreZ(y, n, contrast.reference, contrast.referenceSize, contrast.variance)
        : shareZ(y, n, contrast.reference, contrast.referenceSize, inflation);
    zs[c] = contrast.oneSided ? Math.max(z, 0) : z;
    effects[c] = contrast.oneSided && y <= contrast.reference ? 0 : effectOf(contrast, y);
    errors[c] = effectError(contrast, y, n, inflation);
  }
  return { window, against, ...into, omnibus, inflations: horizon.inflations };
}

/** The p-value of one contrast: its tail averaged over what φ can still be. */
export function pValueOf(contrasts: SeriesContrasts, c: number, measurement: Measurement, belief: Belief): number {
  const contrast = contrasts.contrasts[c]!;
  const offset = c * phiGrid.length;
  if (contrast.form === "omnibus") {
    return measurement.omnibus === null
      ? 1
      : omnibusTail(measurement.omnibus, belief.posterior, offset, measurement.inflations);
  }
  return mixtureTail(measurement.z[c]!, belief.posterior, offset, measurement.inflations, contrast.oneSided);
}

/** Σ_i w_i·2Φ(−|z|/√φ'_i), or Φ(−z/√φ'_i) for one-sided contrasts. */
export function mixtureTail(
  z: number,
  posterior: Float64Array,
  offset: number,
  inflation: Float64Array,
  oneSided: boolean,
): number {
  const distance = Math.abs(z);
  let tail = 0;
  for (let i = 0; i < phiGrid.length; i += 1) {
    const weight = posterior[offset + i]!;
    if (weight > 0) tail += weight * normalTail(distance / Math.sqrt(inflation[i]!));
  }
  return oneSided ? tail : Math.min(1, 2 * tail);
}
