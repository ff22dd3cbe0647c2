import type { Share } from "../../core/finding.ts";
import { formatSlice, parseSlice } from "../../core/slice.ts";
import type { SliceCount } from "../../store/facts/slice-counts.ts";
import { shareZ } from "../decisions/g-statistic.ts";
import { normalTail } from "../decisions/normal-tail.ts";

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

export interface ChangeBySlice {
  readonly slices: Share[];
  /** Attributes whose values changed, none of them more than its share of the rows says. */
  readonly alike: string[];
  readonly mix: { readonly attribute: string; readonly part: number }[];
}

/** Over all slices that were looked at: the chance that one is named which only chance put there. */
const searchAlpha = 0.05;
/** A pair is worth naming if it carries this share of what its larger value alone does … */
const pairKeeps = 0.8;
/** … in so much fewer rows. */
const pairNarrows = 1.5;
/** A slice stands out if the odds of its part of the change are so many times those of its share of the rows. */
const standsOutOdds = 1.5;
/** A part of the change below this is not told. */
const toldMix = 0.25;

/**
 * For whom a change happened. With F_v the share of *all* rows that lie in slice v and in the change's focus, a slice
 * carries (F_v now − F_v before) of the whole change; over the values of an attribute that adds up to 1. Slices are ordered
 * by that, largest first. Left out are those that carry nothing or the opposite, those with too few rows on both sides,
 * those whose F_v may have moved by chance, and those that carry no more of the change than their share of the rows: a
 * third of a change in a third of the rows is nobody's in particular. Chance is corrected for how many were looked at
 * (Bonferroni; rows count for as many as `inflation` says). Two attributes together are named where they keep nearly all
 * of the change in far fewer rows.
 *
 * @param show `within`: before and after as shares of the slice's own rows; `overall`: as shares of all rows.
 */
export function changeBySlice(
  before: readonly SliceCount[],
  now: readonly SliceCount[],
  focus: Focus,
  options: { readonly minRows: number; readonly inflation: number; readonly show: "within" | "overall" },
): ChangeBySlice {
  const totals = { before: total(before, focus), now: total(now, focus) };
  if (!(totals.before.weight > 0) || !(totals.now.weight > 0)) return { slices: [], alike: [], mix: [] };
  const change = totals.now.focus / totals.now.weight - totals.before.focus / totals.before.weight;
  if (change === 0) return { slices: [], alike: [], mix: [] };
  const beforeByName = byName(before);
  const nowByName = byName(now);
  // A slice that vanished has no rows now, one that is new had none: either side may speak for it.
  const looked = [...new Set([...beforeByName.keys(), ...nowByName.keys()])].filter(
    (name) =>
      name !== "" && Math.max(beforeByName.get(name)?.rows ?? 0, nowByName.get(name)?.rows ?? 0) >= options.minRows,
  );
  const found = new Map<
    string,
    Share & { readonly carried: number; readonly rows: number; readonly standsOut: boolean }
  >();
  for (const name of looked) {
    const old = beforeByName.get(name);
    const fresh = nowByName.get(name);
    const overall = {
      reference: focusWeight(old, focus) / totals.before.weight,
      current: focusWeight(fresh, focus) / totals.now.weight,
    };
    const carried = (overall.current - overall.reference) / change;
    if (!(carried > 0)) continue;
    const z = shareZ(overall.current, totals.now.rows, overall.reference, totals.before.rows, options.inflation);
    if (2 * normalTail(Math.abs(z) / Math.sqrt(options.inflation)) * looked.length > searchAlpha) continue;
    const share = ((old?.weight ?? 0) / totals.before.weight + (fresh?.weight ?? 0) / totals.now.weight) / 2;
    const excess = Math.abs(change) * (carried - share);
    const byChance = normalTail(excess / differenceError(overall, totals, options.inflation));
    const within = {
      reference: old === undefined || old.weight === 0 ? 0 : focusWeight(old, focus) / old.weight,
      current: fresh === undefined || fresh.weight === 0 ? 0 : focusWeight(fresh, focus) / fresh.weight,
    };
    const shown = options.show === "within" ? within : overall;
    found.set(name, {
      name,
      ...shown,
      carried: Math.min(1, carried),
      rows: Math.max(old?.rows ?? 0, fresh?.rows ?? 0),
      standsOut:
        carried * (1 - share) >= standsOutOdds * share * (1 - carried) && byChance * looked.length <= searchAlpha,
    });
  }
  const slices = [...found.values()]
    .filter((slice) => {
      if (!slice.standsOut) return false;
      const parents = Object.entries(parseSlice(slice.name)).map(([attribute, value]) =>
        found.get(formatSlice({ [attribute]: value })),
      );
      if (parents.length < 2) return true;
      const largest = Math.max(0, ...parents.map((parent) => parent?.carried ?? 0));
      const fewest = Math.min(Infinity, ...parents.map((parent) => parent?.rows ?? Infinity));
      return slice.carried >= pairKeeps * largest && slice.rows * pairNarrows <= fewest;
    })
    .toSorted((a, b) => b.carried - a.carried)
    .slice(0, maxSlices)
    .map(({ rows: _, standsOut: __, ...slice }) => slice);
  const named = new Set(slices.flatMap(({ name }) => Object.keys(parseSlice(name))));
  const changed = [...found.keys()].map((name) => Object.keys(parseSlice(name))).filter(({ length }) => length === 1);
  const alike = [...new Set(changed.flat())].filter((attribute) => !named.has(attribute)).toSorted();
  return { slices, alike, mix: mixParts(before, now, focus, totals, change) };
}

/** Standard error of the difference of two shares of all rows, of their pooled share. */
function differenceError(
  share: { readonly reference: number; readonly current: number },
  totals: { readonly before: Total; readonly now: Total },
  inflation: number,
): number {
  const [n, m] = [totals.now.rows, totals.before.rows];
  const pooled = (share.current * n + share.reference * m) / (n + m);
  return Math.sqrt(inflation * pooled * (1 - pooled) * (1 / n + 1 / m));
}

/** Kitagawa's decomposition, symmetric: Σ (p' − p)·(f + f')/2 of the change, over an attribute's values and the rows without one. */
function mixParts(
  before: readonly SliceCount[],
  now: readonly SliceCount[],
  focus: Focus,
  totals: { readonly before: Total; readonly now: Total },
  change: number,
): ChangeBySlice["mix"] {
  const attributes = new Set([...before, ...now].map(({ attribute }) => attribute));
  attributes.delete("");
  return [...attributes]
    .map((attribute) => {
      const old = valuesOf(before, attribute, focus, totals.before);
      const fresh = valuesOf(now, attribute, focus, totals.now);
      let mix = 0;
      for (const value of new Set([...old.keys(), ...fresh.keys()])) {
        const p = old.get(value) ?? { share: 0, inFocus: 0 };
        const q = fresh.get(value) ?? { share: 0, inFocus: 0 };
        // What is absent on one side has the other side's share in focus: only its coming or going is mix.
        const f = p.share === 0 ? q.inFocus : q.share === 0 ? p.inFocus : (p.inFocus + q.inFocus) / 2;
        mix += (q.share - p.share) * f;
      }
      return { attribute, part: mix / change };
    })
    .filter(({ part }) => Math.abs(part) >= toldMix)
    .toSorted((a, b) => Math.abs(b.part) - Math.abs(a.part));
}

/** Each value's share of all rows, and how much of it is in focus; the rest of the rows under the empty name. */
function valuesOf(counts: readonly SliceCount[], attribute: string, focus: Focus, all: Total) {
  const values = new Map<string, { readonly share: number; readonly inFocus: number }>();
  const rest = { weight: all.weight, focus: all.focus };
  for (const count of counts) {
    if (count.attribute !== attribute || count.attribute2 !== "" || !(count.weight > 0)) continue;
    const weight = focusWeight(count, focus);
    values.set(count.value, { share: count.weight / all.weight, inFocus: weight / count.weight });
    rest.weight -= count.weight;
    rest.focus -= weight;
  }
  // What rounding leaves is no row.
  if (rest.weight > 1e-9 * all.weight) {
    values.set("", { share: rest.weight / all.weight, inFocus: Math.max(0, rest.focus) / rest.weight });
  }
  return values;
}

function byName(counts: readonly SliceCount[]): Map<string, SliceCount> {
  return new Map(counts.map((count) => [sliceName(count), count]));
}

function sliceName({ attribute, value, attribute2, value2 }: SliceCount): string {
  if (attribute === "") return "";
  return formatSlice(attribute2 === "" ? { [attribute]: value } : { [attribute]: value, [attribute2]: value2 });
}

interface Total {
  readonly rows: number;
  readonly weight: number;
  readonly focus: number;
}

function total(counts: readonly SliceCount[], focus: Focus): Total {
  const all = counts.find((count) => count.attribute === "");
  return { rows: all?.rows ?? 0, weight: all?.weight ?? 0, focus: focusWeight(all, focus) };
}
