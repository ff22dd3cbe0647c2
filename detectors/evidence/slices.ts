import type { Share } from "../../core/finding.ts";
import { formatSlice } from "../../core/slice.ts";
import type { SliceCount } from "../../store/facts/slice-counts.ts";

export const maxSlices = 8;

/** The values that a change is about: the bins (or listed categories) that moved, missing or new values. */
export type Focus =
  | { readonly kind: "bins"; readonly bins: ReadonlySet<number> }
  | { readonly kind: "missing" }
  | { readonly kind: "unseen" };

function focusWeight(count: SliceCount | undefined, focus: Focus): number {
  if (count === undefined) return 0;
  if (focus.kind === "missing") return count.missing;
  if (focus.kind === "unseen") return count.unseen;
  let weight = 0;
  for (const [position, bin] of count.binIndex.entries()) {
    if (focus.bins.has(bin)) weight += count.binWeight[position] ?? 0;
  }
  return weight;
}

/**
 * For whom a change happened. With F_v the share of *all* rows that lie in slice v and in the change's focus, a slice
 * carries (F_v now − F_v before) of the whole change; over the values of an attribute that adds up to 1. Slices are ordered
 * by that, largest first; those that carry nothing or the opposite are left out, and so are those with too few rows on
 * both sides.
 *
 * @param show `within`: before and after as shares of the slice's own rows; `overall`: as shares of all rows.
 */
export function sliceShares(
  before: readonly SliceCount[],
  now: readonly SliceCount[],
  focus: Focus,
  options: { readonly minRows: number; readonly show: "within" | "overall" },
): Share[] {
  const totals = { before: total(before, focus), now: total(now, focus) };
  if (!(totals.before.weight > 0) || !(totals.now.weight > 0)) return [];
  const change = totals.now.focus / totals.now.weight - totals.before.focus / totals.before.weight;
  if (change === 0) return [];
  const beforeByName = new Map(before.map((count) => [JSON.stringify([count.attribute, count.value]), count]));
  const nowByName = new Map(now.map((count) => [JSON.stringify([count.attribute, count.value]), count]));
  const names = new Set([...beforeByName.keys(), ...nowByName.keys()]);
  const shares: Share[] = [];
  for (const name of names) {
    const [attribute, value] = JSON.parse(name) as [string, string];
    if (attribute === "") continue;
    const old = beforeByName.get(name);
    const fresh = nowByName.get(name);
    // A slice that vanished has no rows now, one that is new had none: either side may speak for it.
    if (Math.max(old?.rows ?? 0, fresh?.rows ?? 0) < options.minRows) continue;
    const overall = {
      reference: focusWeight(old, focus) / totals.before.weight,
      current: focusWeight(fresh, focus) / totals.now.weight,
    };
    const carried = (overall.current - overall.reference) / change;
    if (!(carried > 0)) continue;
    const within = {
      reference: old === undefined || old.weight === 0 ? 0 : focusWeight(old, focus) / old.weight,
      current: fresh === undefined || fresh.weight === 0 ? 0 : focusWeight(fresh, focus) / fresh.weight,
    };
    const shown = options.show === "within" ? within : overall;
    shares.push({ name: formatSlice({ [attribute]: value }), ...shown, carried: Math.min(1, carried) });
  }
  return shares.toSorted((a, b) => (b.carried ?? 0) - (a.carried ?? 0)).slice(0, maxSlices);
}

function total(counts: readonly SliceCount[], focus: Focus): { weight: number; focus: number } {
  const all = counts.find((count) => count.attribute === "");
  return { weight: all?.weight ?? 0, focus: focusWeight(all, focus) };
}
