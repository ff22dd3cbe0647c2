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
  const origin = values?.[0] ?? 0;
  let sum = 0;
  for (let cell = 0; cell < reference.length; cell += 1) sum += reference[cell]! * ((values?.[cell] ?? cell) - origin);
  let squares = 0;
  for (let cell = 0; cell < reference.length; cell += 1) {
    squares += reference[cell]! * ((values?.[cell] ?? cell) - origin - sum / rows) ** 2;
  }
  return Math.sqrt(squares / rows);
}
