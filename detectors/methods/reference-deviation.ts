import { LeewayError } from "../../core/errors.ts";
import { occupiedCells, total } from "./method.ts";

/**
 * Population standard deviation of the reference (`numpy.std`): the unit of scale `reference_sd`.
 *
 * @throws LeewayError `insufficient_data` if the reference is constant: there is no such unit.
 */
export function referenceDeviation(
  method: string,
  reference: ArrayLike<number>,
  values: ArrayLike<number> | undefined,
): number {
  if (occupiedCells(reference) === 1) {
    throw new LeewayError(
      "insufficient_data",
      `${method}: the reference is constant, so its standard deviation is no unit; use scale "raw"`,
    );
  }
  const rows = total(reference);
  const of = (cell: number) => values?.[cell] ?? cell;
  let first = 0;
  while (reference[first] === 0) first += 1;
  let last = reference.length - 1;
  while (reference[last] === 0) last -= 1;
  // From the reference's own least value and in its own range: other values may be so far out that all digits are theirs.
  const origin = of(first);
  const range = of(last) - origin;
  let sum = 0;
  for (let cell = first; cell <= last; cell += 1) sum += reference[cell]! * ((of(cell) - origin) / range);
  let squares = 0;
  for (let cell = first; cell <= last; cell += 1) {
    squares += reference[cell]! * ((of(cell) - origin) / range - sum / rows) ** 2;
  }
  return range * Math.sqrt(squares / rows);
}
