import { meanOf, rowsOf, zeros, type SeriesContrasts, type WindowSums } from "./contrasts.ts";
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
  readonly y: readonly number[];
  readonly n: readonly number[];
  readonly z: readonly number[];
  readonly effect: readonly number[];
  readonly error: readonly number[];
  readonly omnibus: OmnibusStatistic | null;
  readonly inflations: Float64Array;
}

/**
 * @param factor 1 for one window, g for pooled ones.
 * Contrasts without a row in the window keep n = 0 and z = 0: nothing was measured.
 */
export function measure(
  contrasts: SeriesContrasts,
  cells: OmnibusCells | null,
  window: WindowSums,
  belief: Belief,
  horizon: { readonly factor: number; readonly inflations: Float64Array },
): Measurement {
  const against = heldAgainst(contrasts, window);
  const count = contrasts.contrasts.length;
  const result = {
    window,
    against,
    y: zeros(count),
    n: zeros(count),
    z: zeros(count),
    effect: zeros(count),
    error: zeros(count),
    omnibus: null as OmnibusStatistic | null,
    inflations: horizon.inflations,
  };
  for (let c = 0; c < count; c += 1) {
    const contrast = against.contrasts[c]!;
    if (rowsOf(contrast.signal, window) === 0) continue;
    const mean = belief.mean[c]!;
    if (contrast.form === "omnibus") {
      if (cells === null) continue;
      const statistic = omnibusStatistic(against, cells, window, { oneSample: false });
      result.omnibus = statistic;
      result.n[c] = statistic.n;
      result.y[c] = statistic.totalVariation;
      result.effect[c] = omnibusEffect(statistic, contrast.referenceSize, mean);
      continue;
    }
    const { y, n } = meanOf(contrast, c, window);
    if (!(n > 0) || !Number.isFinite(n) || !Number.isFinite(y)) continue;
    // A control whose scores are all alike says nothing of how much they vary; its shares are compared.
    if (contrast.form === "score" && !(contrast.variance > 0)) continue;
    const inflation = 1 + (mean - 1) * horizon.factor;
    result.y[c] = y;
    result.n[c] = n;
    const z =
      contrast.form === "score"
        ? scoreZ(y, n, contrast.reference, contrast.referenceSize, contrast.variance)
        : shareZ(y, n, contrast.reference, contrast.referenceSize, inflation);
    result.z[c] = contrast.oneSided ? Math.max(z, 0) : z;
    result.effect[c] = contrast.oneSided && y <= contrast.reference ? 0 : effectOf(contrast, y);
    result.error[c] = effectError(contrast, y, n, inflation);
  }
  return result;
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
