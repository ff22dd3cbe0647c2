import { total } from "./method.ts";

const emptyCell = 0.5;

/** Shares (cells that sum to 1 and are not whole) do not tell their number of rows; an empty one counts as 1/10,000. */
const rowsOfShares = 5000;

/** Rounded shares sum to 1 only about. */
const shareSumTolerance = 0.0101;

/** Whether the cells are shares: they sum to 1, give or take 0.01, and not because one cell holds the only row. */
export function areShares(counts: ArrayLike<number>): boolean {
  if (!sumsToOne(counts)) return false;
  for (let cell = 0; cell < counts.length; cell += 1) if (!Number.isInteger(counts[cell]!)) return true;
  return false;
}

function sumsToOne(counts: ArrayLike<number>): boolean {
  return Math.abs(total(counts) - 1) <= shareSumTolerance;
}

/** Half a row of this sample, or of the rows that shares stand for; less than one row in all is no count either. */
function halfRow(counts: ArrayLike<number>, other: ArrayLike<number>): number {
  const rows = total(counts);
  // All of it in one cell is a share too if the other side is shares.
  const shares = areShares(counts) || (sumsToOne(counts) && areShares(other));
  return shares || rows < 1 ? (emptyCell * rows) / rowsOfShares : emptyCell;
}

/**
 * The shares of one cell with the default smoothing, not normalized again: a count below half
 * a row becomes half a row, but at most the mean of both sides. So a new category is half a row in the reference and
 * nothing is infinite; a cell that is empty on both sides stays empty; and nothing jumps, since both bounds move
 * continuously with the counts.
 *
 * @returns A function of the cell's number that gives `[p, q]`, the shares of the reference and of the current sample.
 */
export function smoothedShares(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  smoothing: "half_row" | "none",
): (cell: number) => readonly [number, number] {
  const referenceRows = total(reference);
  const rows = total(current);
  if (smoothing === "none") return (cell) => [reference[cell]! / referenceRows, current[cell]! / rows];
  const referenceEmpty = halfRow(reference, current);
  const empty = halfRow(current, reference);
  return (cell) => {
    const before = reference[cell]!;
    const now = current[cell]!;
    const mean = (before + now) / 2;
    return [
      Math.max(before, Math.min(referenceEmpty, mean)) / referenceRows,
      Math.max(now, Math.min(empty, mean)) / rows,
    ];
  };
}
