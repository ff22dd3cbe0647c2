import type { SeriesCounts } from "../../core/profile.ts";
import {
  effectiveSize,
  isMeasurable,
  meanOf,
  type Contrast,
  type ControlSums,
  type SeriesContrasts,
  type WindowSums,
} from "./contrasts.ts";
import { inSeason } from "./season.ts";

/** A canary is compared for weeks, and its small windows say most together: so many times the usual long horizon. */
const horizonTimes = 4;

/** Windows in the long horizon of a comparison with a control version: 28 days, 96 hours. */
export function concurrentHorizon(horizon: number): number {
  return horizonTimes * horizon;
}

/** Rows of the control version below which a window is held against nothing: as few as a window needs of its own. */
export const minControlRows = 30;
/** The relative change of a share that is worth finding, halved: a floor at the change itself would hide it half of the time. */
const relativeFloor = 0.05;
/** The usual floor, for which `relativeFloor` is meant. */
const usualFloor = 0.02;

/**
 * A version's rows of one window beside the control version's rows of the same window. Whatever else moves in the window,
 * a season, an upstream change, a storm, moves both; what is left is a difference between the versions.
 *
 * Both sides are scaled to one weight, w = nN/(n + N) of their effective sizes. Added over windows they are then the
 * stratified comparison of Cochran (1954) and Mantel & Haenszel (1959): every window contributes its own difference by its
 * precision, so that neither a rate that changes nor a rollout that changes the versions' shares makes one (Simpson's
 * paradox). Effective sizes add up: 1/n + 1/N of the sum is 1/Σw.
 *
 * A category that is new to the baseline is new only as far as the control does not have it.
 *
 * @returns null if either side measures nothing, or the control has fewer than 30 rows.
 */
export function concurrentSums(
  contrasts: SeriesContrasts,
  candidate: SeriesCounts,
  control: SeriesCounts | null,
): WindowSums | null {
  if (control === null || control.rows < minControlRows || candidate.rows === 0) return null;
  if (!isMeasurable(candidate) || !isMeasurable(control)) return null;
  const own = contrasts.project(candidate);
  const theirs = contrasts.project(control);
  const all = harmonicSize(
    effectiveSize(own.weight, own.weightSquares),
    effectiveSize(theirs.weight, theirs.weightSquares),
  );
  // Without values on both sides only the missing share is compared.
  const comparable = theirs.presentRows >= minControlRows && own.presentRows > 0;
  const present = comparable
    ? harmonicSize(
        effectiveSize(own.presentWeight, own.presentWeightSquares),
        effectiveSize(theirs.presentWeight, theirs.presentWeightSquares),
      )
    : 0;
  const scatter = contrasts.scatter(control);
  return {
    ...scaled(contrasts, comparable ? withoutShared(contrasts, own, theirs) : own, all, present),
    control: {
      ...scaled(contrasts, theirs, all, present),
      scatter: scatter.map((sum) => (present > 0 ? (sum * present) / theirs.presentWeight : 0)),
    },
  };
}

/**
 * The contrasts with the control's means in place of the baseline's, for one window or for windows added up; for
 * windows that stand alone, the baseline's means on their weekdays. The floor of a share beside a control is at most a
 * twentieth of it (of its complement, if that is smaller): the usual two rows in a hundred would hide a tenth more of a
 * rate of 10 %.
 */
export function heldAgainst(contrasts: SeriesContrasts, window: WindowSums): SeriesContrasts {
  const { control } = window;
  if (control === undefined) return inSeason(contrasts, window);
  return {
    ...contrasts,
    referenceRows: control.rows,
    referencePresentRows: control.presentRows,
    contrasts: contrasts.contrasts.map((contrast, c) => against(contrast, c, window, control)),
  };
}

function against(contrast: Contrast, c: number, window: WindowSums, control: ControlSums): Contrast {
  // What the control has is already taken from the new categories: the rest is held against the baseline.
  if (contrast.signal === "unseen") return contrast;
  const { y: reference, n: referenceSize } = meanOf(contrast, c, control);
  if (!(referenceSize > 0) || !Number.isFinite(reference)) return { ...contrast, referenceSize: 0, variance: 0 };
  if (contrast.form === "score") {
    return { ...contrast, reference, referenceSize, variance: control.scatter[c]! / control.presentWeight };
  }
  const { y, n } = meanOf(contrast, c, window);
  const pooled = (y * n + reference * referenceSize) / (n + referenceSize);
  return {
    ...contrast,
    reference,
    referenceSize,
    variance: pooled * (1 - pooled),
    floorShare:
      contrast.signal === "distribution"
        ? Math.min(1, (relativeFloor / usualFloor) * Math.min(reference, 1 - reference))
        : 1,
  };
}

/** 1/(1/n + 1/N): the rows that a comparison with an exactly known mean would need for the same precision. */
function harmonicSize(n: number, size: number): number {
  return (n * size) / (n + size);
}

/** Sums scaled to weight `all` over all rows and `present` over those with a value; row numbers and effective sizes stay. */
function scaled(contrasts: SeriesContrasts, sums: WindowSums, all: number, present: number): WindowSums {
  const allFactor = all / sums.weight;
  const presentFactor = sums.presentWeight > 0 ? present / sums.presentWeight : 0;
  const factors = { all: allFactor, present: presentFactor, present_rows: 1 } as const;
  return {
    rows: sums.rows,
    weight: all,
    weightSquares: sums.weightSquares * allFactor ** 2,
    presentRows: present > 0 ? sums.presentRows : 0,
    presentWeight: present,
    presentWeightSquares: sums.presentWeightSquares * presentFactor ** 2,
    sums: contrasts.contrasts.map(({ over }, c) => sums.sums[c]! * factors[over]),
    ...(sums.squares !== undefined && {
      squares: contrasts.contrasts.map(({ over }, c) => sums.squares![c]! * factors[over] ** 2),
    }),
  };
}

/**
 * Which of the control's new categories are the candidate's is not known from counts: the share of the most frequent one is
 * taken off, and their number. That is exact for one new category, and errs towards silence.
 */
function withoutShared(contrasts: SeriesContrasts, own: WindowSums, theirs: WindowSums): WindowSums {
  const sums = own.sums.map((sum, c) => {
    const contrast = contrasts.contrasts[c]!;
    if (contrast.signal !== "unseen") return sum;
    const shared =
      contrast.over === "present_rows" ? theirs.sums[c]! : meanOf(contrast, c, theirs).y * own.presentWeight;
    return Math.max(0, sum - shared);
  });
  if (own.squares === undefined) return { ...own, sums };
  // As heavy a row as before: the squares shrink with the sum.
  const squares = own.squares.map((square, c) => (own.sums[c]! > 0 ? (square * sums[c]!) / own.sums[c]! : square));
  return { ...own, sums, squares };
}
