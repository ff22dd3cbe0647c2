import { z95, type Measured } from "./measured.ts";

/**
 * A share with Wilson's score interval, 95 %: it stays within 0…1 and holds its level where a share is near either end.
 * Source: Wilson 1927; Brown, Cai & DasGupta, Statistical Science 16, 2001.
 *
 * @param trials May be 0: nothing was measured, which is null.
 */
export function wilsonInterval(successes: number, trials: number): Measured | null {
  if (!(trials > 0)) return null;
  const share = successes / trials;
  const z2 = z95 * z95;
  const centre = (share + z2 / (2 * trials)) / (1 + z2 / trials);
  const reach = (z95 / (1 + z2 / trials)) * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials * trials));
  // Rounding must not push the bound past the share itself.
  return {
    value: share,
    low: Math.min(share, Math.max(0, centre - reach)),
    high: Math.max(share, Math.min(1, centre + reach)),
  };
}
