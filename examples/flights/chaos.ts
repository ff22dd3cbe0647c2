export const chaosKills = 5;

/**
 * Shares of the days to be sent at which the collector is killed: spread over the run, none at its very beginning or end,
 * each at a place that depends on the seed.
 */
export function killPoints(chance: (position: number) => number): readonly number[] {
  const stretch = 1 / (chaosKills + 1);
  return Array.from({ length: chaosKills }, (_, kill) => stretch * (kill + 0.5 + chance(kill) * 0.8));
}
