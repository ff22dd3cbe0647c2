import { effectiveSize, meanOf, sizeFor, type SeriesContrasts, type WindowSums } from "./contrasts.ts";
import { chiSquareTail } from "./chi-square-tail.ts";
import { designEffect, shareRowWeights, type RowWeights } from "./design-effect.ts";
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
    const contrast = contrasts.contrasts[index]!;
    if (contrast.reference * sizeFor(contrast, typicalSize) < minExpectedCount) break;
    kept += 1;
    rest -= contrast.reference;
  }
  const cells = { kept, rest: rest * sizeFor(restOf(contrasts, kept), typicalSize) >= minExpectedCount };
  return kept + (cells.rest ? 1 : 0) >= 2 ? cells : null;
}

/** Everything but the `kept` most frequent categories, as the reference has it. */
function restOf(contrasts: SeriesContrasts, kept: number): { reference: number; rowWeights?: RowWeights } {
  let reference = 1;
  let squares = 1;
  let weighted = false;
  for (const index of contrasts.keptShares.slice(0, kept)) {
    const { reference: share, rowWeights } = contrasts.contrasts[index]!;
    reference -= share;
    squares -= share * (rowWeights?.inside ?? 1);
    weighted ||= rowWeights !== undefined;
  }
  if (!weighted) return { reference };
  return { reference, rowWeights: shareRowWeights({ sum: reference, weight: 1, squares, weightSquares: 1 }) };
}

/** X² over the cells, its degrees of freedom, and half the summed distance of the cells' shares (plug-in total variation). */
export interface OmnibusStatistic {
  /** Its mean is d however few rows a cell expects, which is what φ is learnt from and the effect rests on. */
  readonly xSquare: number;
  /**
   * G² with Williams' correction (Biometrika 63, 1976), whose tail is χ²'s as far out as a budget asks: at 10⁻⁵ and cells
   * that expect 5 rows X² passes three to seven times as often as it should. Of weighted rows X² itself.
   */
  readonly gSquare: number;
  readonly degreesOfFreedom: number;
  readonly totalVariation: number;
  readonly n: number;
}

/**
 * Homogeneity of a 2×(d+1) table: the reference's counts are a sample too. With `oneSample` they are taken as exact,
 * for sub-windows against the pooled reference that holds them. Weighted rows are as many in each cell as its own share has
 * (`meanOf`), so that each cell adds what it varies by: the sum is still about d for independent rows.
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
  const allRows = effectiveSize(presentWeight, window.presentWeightSquares);
  const whole = { n: allRows * total, size: referenceSize * totalReference };
  const { n } = whole;
  const sizeOfBoth = (of: typeof whole) => (options.oneSample ? of.n : (of.n * of.size) / (of.n + of.size));
  const weighted =
    window.squares !== undefined || contrasts.keptShares.some((c) => contrasts.contrasts[c]!.rowWeights !== undefined);
  let xSquare = 0;
  let gSquare = 0;
  let inverseShares = 0;
  let distance = 0;
  const add = (share: number, referenceShare: number, of: typeof whole): void => {
    const pooled = options.oneSample ? referenceShare : (of.n * share + of.size * referenceShare) / (of.n + of.size);
    const difference = share - referenceShare;
    distance += Math.abs(difference);
    if (!(pooled > 0)) return;
    xSquare += (difference ** 2 / pooled) * (weighted ? sizeOfBoth(of) : 1);
    gSquare += 2 * of.n * information(share, pooled);
    if (!options.oneSample) gSquare += 2 * of.size * information(referenceShare, pooled);
    inverseShares += 1 / pooled;
  };
  if (total > 0) {
    for (let i = 0; i < cells.kept; i += 1) {
      const index = contrasts.keptShares[i]!;
      const contrast = contrasts.contrasts[index]!;
      const own = weighted
        ? { n: meanOf(contrast, index, window).n * total, size: contrast.referenceSize * totalReference }
        : whole;
      add(window.sums[index]! / presentWeight / total, contrast.reference / totalReference, own);
    }
    if (cells.rest) {
      const own = weighted ? restSizes(contrasts, cells.kept, window) : whole;
      add(Math.max(0, 1 - covered), Math.max(0, 1 - coveredReference), own);
    }
  }
  const degreesOfFreedom = cells.kept + (cells.rest ? 1 : 0) - 1;
  xSquare *= weighted ? 1 : sizeOfBoth(whole);
  const rows = options.oneSample ? 1 / n : 1 / n + 1 / whole.size - 1 / (n + whole.size);
  const williams = 1 + (rows * (inverseShares - 1)) / (6 * degreesOfFreedom);
  return {
    xSquare,
    gSquare: weighted || !(n > 0) ? xSquare : Math.max(0, gSquare) / williams,
    degreesOfFreedom,
    totalVariation: distance / 2,
    n,
  };
}

/** s·ln(s/p). */
function information(share: number, pooled: number): number {
  return share > 0 ? share * Math.log(share / pooled) : 0;
}

/** n and N of the cell for everything else, of weighted rows. */
function restSizes(contrasts: SeriesContrasts, kept: number, window: WindowSums): { n: number; size: number } {
  const { presentWeight: weight, presentWeightSquares: weightSquares, squares } = window;
  const rest = restOf(contrasts, kept);
  const size = sizeFor({ ...rest }, contrasts.contrasts[contrasts.omnibus]!.referenceSize);
  const rows = effectiveSize(weight, weightSquares);
  if (squares === undefined) return { n: rows, size };
  const left = (of: readonly number[], all: number) =>
    Math.max(
      0,
      contrasts.keptShares.slice(0, kept).reduce((sum, index) => sum - of[index]!, all),
    );
  const sum = left(window.sums, weight);
  const now = shareRowWeights({ sum, weight, squares: left(squares, weightSquares), weightSquares }, rest.rowWeights);
  return { n: rows / designEffect(sum / weight, now, rest.rowWeights), size };
}

/**
 * Tail probability of G² averaged over φ. Clustered rows make a few cells move together, so the statistic has fewer
 * degrees of freedom than cells: d' = d/(2 − 1/φ').
 */
export function omnibusTail(
  statistic: Pick<OmnibusStatistic, "gSquare" | "degreesOfFreedom">,
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
    p += weight * chiSquareTail((statistic.gSquare * (fewer / d)) / inflation, fewer);
  }
  return Math.min(1, p);
}
