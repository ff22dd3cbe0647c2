import { chiSquareTail } from "../decisions/chi-square-tail.ts";
import { normalTail } from "../decisions/normal-tail.ts";

/**
 * The x at which a continuous tail that falls from 1 at `low` equals p, by halving on the logarithm of the tail.
 *
 * @param step First guess of the width to search; doubled until the tail is below p.
 */
export function inverseTail(tail: (x: number) => number, p: number, low = 0, step = 1): number {
  let below = low;
  let above = low + step;
  for (let width = step; tail(above) > p && width < 1e300; width *= 2) {
    below = above;
    above = low + 2 * width;
  }
  for (let round = 0; round < 200; round += 1) {
    const middle = below + (above - below) / 2;
    if (middle === below || middle === above || above - below <= 1e-13 * Math.abs(above)) break;
    if (tail(middle) > p) below = middle;
    else above = middle;
  }
  return above;
}

/** The x with P(χ²_d > x) = p; 0 without degrees of freedom. */
export function chiSquareQuantile(p: number, degreesOfFreedom: number): number {
  if (degreesOfFreedom <= 0) return 0;
  return inverseTail((x) => chiSquareTail(x, degreesOfFreedom), p, 0, degreesOfFreedom);
}

/** The z with P(Z > z) = p for 0 < p < 1, of either sign. */
export function normalQuantile(p: number): number {
  return p > 0.5 ? -normalQuantile(1 - p) : inverseTail(normalTail, p);
}
