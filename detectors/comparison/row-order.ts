import { minReferenceRows } from "../decisions/contrasts.ts";
import { minWindowRows } from "../decisions/learning.ts";
import { ksStatistic } from "../methods/ks.ts";
import type { ComparedCounts } from "./column-decision.ts";

/** Rank correlation with the place in the file, of either sign, from which on values follow the order of the rows. */
export const rowOrderCorrelation = 0.99;

/** Distinct values are estimated within about a percent. */
const allDifferent = 0.97;
const nearlyApart = 0.95;
/** A clock or a counter goes on at about its pace; a price in another currency does not. */
const paceRatio = 10;
const densePace = 10;

/**
 * Whether a numeric column may be a running number or a time, by its counts alone: whole numbers, all different, without
 * large gaps in both files; or values of the current file (nearly) all beyond those of the reference that grow at about the same pace.
 * Sorted measurements look like that too, so whether the values follow the order of the rows is for the files to say.
 */
export function mayFollowRows(
  { binning, reference, current }: ComparedCounts,
  distinct: { readonly reference: number; readonly current: number },
): boolean {
  if (binning.kind !== "numeric" || binning.edges.length === 0) return false;
  if (reference.presentRows < minReferenceRows || current.presentRows < minWindowRows) return false;
  const [before, now] = [paceOf(reference), paceOf(current)];
  if (!(before > 0 && now > 0) || Math.max(before / now, now / before) > paceRatio) return false;
  const ends = [reference.min, reference.max, current.min, current.max];
  const counter =
    ends.every(Number.isInteger) &&
    Math.max(before, now) <= densePace &&
    distinct.reference >= allDifferent * reference.presentRows &&
    distinct.current >= allDifferent * current.presentRows;
  return counter || ksStatistic(reference.bins, current.bins) >= nearlyApart;
}

function paceOf({ min, max, presentRows }: ComparedCounts["reference"]): number {
  return min === null || max === null ? 0 : (max - min) / presentRows;
}
