import { effectiveSize, type SeriesContrasts, type WindowSums } from "./contrasts.ts";
import { chiSquareTail } from "./chi-square-tail.ts";
import { phiGrid } from "./variance-inflation.ts";

const minExpectedCount = 5;

/** The cells of the omnibus, fixed per baseline: the `kept` most frequent categories, and all else if it is large enough. */
export interface OmnibusCells {
  readonly kept: number;
  readonly rest: boolean;
}

/** @param typicalSize n of an ordinary window. Null if fewer than two cells are left. */
export function omnibusCells(contrasts: SeriesContrasts, typicalSize: number): OmnibusCells | null {
  if (contrasts.omnibus < 0) return null;
  let kept = 0;
  let rest = 1;
  for (const index of contrasts.keptShares) {
    const share = contrasts.contrasts[index]!.reference;
    if (share * typicalSize < minExpectedCount) break;
    kept += 1;
    rest -= share;
  }
  const cells = { kept, rest: rest * typicalSize >= minExpectedCount };
  return kept + (cells.rest ? 1 : 0) >= 2 ? cells : null;
}

/** X² over the cells, its degrees of freedom, and half the summed distance of the cells' shares (plug-in total variation). */
export interface OmnibusStatistic {
  readonly xSquare: number;
  readonly degreesOfFreedom: number;
  readonly totalVariation: number;
  readonly n: number;
}

/**
 * Homogeneity of a 2×(d+1) table: the reference's counts are a sample too. With `oneSample` they are taken as exact,
 * for sub-windows against the pooled reference that holds them.
 */
export function omnibusStatistic(
  contrasts: SeriesContrasts,
  cells: OmnibusCells,
  window: WindowSums,
  options: { readonly oneSample: boolean },
): OmnibusStatistic {
  const { presentWeight } = window;
  const referenceSize = contrasts.contrasts[contrasts.omnibus]!.referenceSize;
  // Without a cell for the rest the table is conditional on the kept categories.
  let covered = 0;
  let coveredReference = 0;
  for (let i = 0; i < cells.kept; i += 1) {
    const index = contrasts.keptShares[i]!;
    covered += window.sums[index]! / presentWeight;
    coveredReference += contrasts.contrasts[index]!.reference;
  }
  const total = cells.rest ? 1 : covered;
  const totalReference = cells.rest ? 1 : coveredReference;
  const n = effectiveSize(presentWeight, window.presentWeightSquares) * total;
  const size = referenceSize * totalReference;
  let xSquare = 0;
  let distance = 0;
  const add = (share: number, referenceShare: number): void => {
    const pooled = options.oneSample ? referenceShare : (n * share + size * referenceShare) / (n + size);
    const difference = share - referenceShare;
    if (pooled > 0) xSquare += difference ** 2 / pooled;
    distance += Math.abs(difference);
  };
  if (total > 0) {
    for (let i = 0; i < cells.kept; i += 1) {
      const index = contrasts.keptShares[i]!;
      add(window.sums[index]! / presentWeight / total, contrasts.contrasts[index]!.reference / totalReference);
    }
    if (cells.rest) add(Math.max(0, 1 - covered), Math.max(0, 1 - coveredReference));
  }
  return {
    xSquare: xSquare * (options.oneSample ? n : (n * size) / (n + size)),
    degreesOfFreedom: cells.kept + (cells.rest ? 1 : 0) - 1,
    totalVariation: distance / 2,
    n,
  };
}

/**
 * Tail probability of X² averaged over φ. Clustered rows make a few cells move together, so the statistic has fewer
 * degrees of freedom than cells: d' = d/(2 − 1/φ').
 */
export function omnibusTail(
  statistic: Pick<OmnibusStatistic, "xSquare" | "degreesOfFreedom">,
  posterior: Float64Array,
  offset: number,
  inflations: Float64Array,
): number {
  let p = 0;
  for (let i = 0; i < phiGrid.length; i += 1) {
    const weight = posterior[offset + i]!;
    if (weight === 0) continue;
    const inflation = inflations[i]!;
    const d = statistic.degreesOfFreedom;
    const fewer = d / (2 - 1 / inflation);
    p += weight * chiSquareTail((statistic.xSquare * (fewer / d)) / inflation, fewer);
  }
  return Math.min(1, p);
}
