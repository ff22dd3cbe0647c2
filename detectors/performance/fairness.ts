import type { Moments, SelectionCounts } from "../../store/facts/performance.ts";
import { normalQuantile } from "../methods/inverse-tail.ts";
import type { Measured } from "./measured.ts";
import { shareOf } from "./window-metrics.ts";

/** One value of a cohort attribute. */
export interface GroupRates {
  readonly value: string;
  readonly rows: number;
  readonly labelled: number;
  /** Share of rows for which the positive class was decided. */
  readonly selection_rate: Measured | null;
  /** Of rows whose label is the positive class, the share for which it was decided. */
  readonly true_positive_rate: Measured | null;
}

export interface AttributeFairness {
  readonly version: string;
  readonly attribute: string;
  readonly groups: readonly GroupRates[];
  /** Lowest rate over highest, 1 if all are equal; null with fewer than two groups, or where nobody is selected. */
  readonly selection_rate_ratio: Measured | null;
  readonly true_positive_rate_ratio: Measured | null;
}

/** A true-positive rate is known from so many positive labels. */
const fewestPositives = 30;

/**
 * How differently a binary model treats the groups of each cohort attribute. Groups with fewer than `minRows` rows are left
 * out, and the true-positive rate of those with fewer labelled rows. The ratios' 95 % intervals hold for all pairs of groups
 * at once (Bonferroni), since it is the most different pair that is told: by the logarithm of the ratio, with a half added to
 * each count (Walter 1975; Pettigrew, Gart & Thomas 1986).
 */
export function attributeFairness(
  counts: readonly SelectionCounts[],
  options: { readonly minRows: number },
): AttributeFairness[] {
  const large = counts.filter(({ rows }) => rows >= options.minRows);
  const keys = new Map(
    large.map(({ version, attribute }) => [JSON.stringify([version, attribute]), { version, attribute }]),
  );
  return [...keys.values()].map(({ version, attribute }) => {
    const groups = large.filter((group) => group.version === version && group.attribute === attribute);
    const known = groups.filter(
      ({ labelled, found }) => labelled >= options.minRows && effectiveCounts(found).of >= fewestPositives,
    );
    return {
      version,
      attribute,
      groups: groups.map((group) => ({
        value: group.value,
        rows: group.rows,
        labelled: group.labelled,
        selection_rate: shareOf(group.selection),
        true_positive_rate: known.includes(group) ? shareOf(group.found) : null,
      })),
      selection_rate_ratio: extremeRatio(groups.map(({ selection }) => selection)),
      true_positive_rate_ratio: extremeRatio(known.map(({ found }) => found)),
    };
  });
}

function effectiveCounts([weight, weightSquares, sum]: Moments): { readonly of: number; readonly hits: number } {
  const scale = weightSquares > 0 ? weight / weightSquares : 0;
  return { of: weight * scale, hits: sum * scale };
}

function extremeRatio(shares: readonly Moments[]): Measured | null {
  const groups = shares
    .map(effectiveCounts)
    .filter(({ of }) => of > 0)
    .toSorted((a, b) => a.hits / a.of - b.hits / b.of);
  const [lowest, highest] = [groups[0], groups.at(-1)];
  if (lowest === undefined || highest === undefined || groups.length < 2 || highest.hits === 0) return null;
  const value = lowest.hits / lowest.of / (highest.hits / highest.of);
  const pairs = (groups.length * (groups.length - 1)) / 2;
  const z = normalQuantile(0.025 / pairs);
  const half = ({ of, hits }: typeof lowest) => ({ of: of + 0.5, hits: hits + 0.5 });
  const [a, b] = [half(lowest), half(highest)];
  const centre = Math.log(a.hits / a.of) - Math.log(b.hits / b.of);
  const reach = z * Math.sqrt(1 / a.hits - 1 / a.of + 1 / b.hits - 1 / b.of);
  return { value, low: Math.min(value, Math.exp(centre - reach)), high: Math.max(value, Math.exp(centre + reach)) };
}
