import { normalTailInverse } from "../decisions/normal-tail.ts";
import { chiSquareTail } from "../decisions/chi-square-tail.ts";

export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Two-sided chance that a number lies outside of its interval: what is shown, and what a bar is called broken by. */
const shownLevel = 0.05;
/** Many bars are judged at once: at 5 % one in forty would look broken by chance. */
export const brokenLevel = 0.001;

/**
 * Events per week with an interval, 95 % unless said, over models of `weeks` weeks each: from the spread over models (they may differ),
 * or exact for a Poisson count (Garwood 1936) where that is wider, as it is with few events.
 */
export function rateInterval(events: readonly number[], weeks: number, level = shownLevel): Interval {
  const models = events.length;
  const total = events.reduce((sum, count) => sum + count, 0);
  const mean = total / models;
  const squares = events.reduce((sum, count) => sum + (count - mean) ** 2, 0);
  const half = models < 2 ? Infinity : normalTailInverse(level / 2) * Math.sqrt(squares / (models - 1) / models);
  const low = total === 0 ? 0 : poissonBound(total, level / 2);
  return {
    value: mean / weeks,
    low: Math.max(0, Math.min(mean - half, low / models)) / weeks,
    high: Math.max(mean + half, poissonBound(total + 1, 1 - level / 2) / models) / weeks,
  };
}

/** The mean at which P(Poisson < count) is 1 − `probability`: half a χ² quantile of 2·count degrees. */
function poissonBound(count: number, probability: number): number {
  let low = 0;
  let high = 2 * count + 20;
  for (let round = 0; round < 80; round += 1) {
    const middle = (low + high) / 2;
    if (1 - chiSquareTail(2 * middle, 2 * count) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Interval of a share (Wilson 1927); 95 % unless said. */
export function shareInterval(found: number, of: number, level = shownLevel): Interval {
  const z = normalTailInverse(level / 2);
  const share = found / of;
  const centre = (share + z ** 2 / (2 * of)) / (1 + z ** 2 / of);
  const half = (z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2))) / (1 + z ** 2 / of);
  return { value: share, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
