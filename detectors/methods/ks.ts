import { defineMethod, total } from "./method.ts";

/**
 * Two-sample Kolmogorov–Smirnov statistic max |F(x) − G(x)|, from counts: the maximum over the upper edges of the bins.
 * Between edges F and G can differ by at most the larger bin more, so with bins at the reference's 1/128 quantiles it
 * falls short of the statistic of the raw values by at most 1/128 (bins that hold one value lose nothing).
 *
 * Source: Kolmogorov 1933, Smirnov 1939.
 */
export function ksStatistic(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const referenceRows = total(reference);
  const rows = total(current);
  let before = 0;
  let now = 0;
  let largest = 0;
  for (let bin = 0; bin < reference.length; bin += 1) {
    before += reference[bin]!;
    now += current[bin]!;
    largest = Math.max(largest, Math.abs(now / rows - before / referenceRows));
  }
  return largest;
}

export const ks = defineMethod({
  name: "ks",
  title: "Kolmogorov–Smirnov statistic",
  convention:
    "max |F − G| over the bins cut at the reference's 1/128 quantiles: at most 1/128 below that of the raw values.",
  source: "Kolmogorov 1933; Smirnov 1939",
  over: "ordered",
  value: ksStatistic,
});
