import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import type { ColumnCounts } from "../../store/facts/file-comparison.ts";
import type { Picture } from "./comparison.ts";

const shownCategories = 12;
const shownNew = 5;
/** Numbers with at most so many bins are drawn value by value. */
const discreteBins = 24;

/** What a column looks like in both files, in shares of the values; null if neither file has one. */
export function pictureOf(binning: Binning, reference: SeriesCounts, current: ColumnCounts): Picture | null {
  const now = current.counts;
  if (reference.presentRows === 0 && now.presentRows === 0) return null;
  const share = (rows: number, of: SeriesCounts) => (of.presentRows === 0 ? 0 : rows / of.presentRows);
  if (binning.kind === "numeric") {
    if (binning.edges.length === 0) return null;
    const ends = [reference, now].filter(({ min }) => min !== null);
    return {
      kind: "numeric",
      edges: binning.edges,
      reference: Array.from(reference.bins, (rows) => share(rows, reference)),
      current: Array.from(now.bins, (rows) => share(rows, now)),
      min: Math.min(...ends.map(({ min }) => min!)),
      max: Math.max(...ends.map(({ max }) => max!)),
      discrete: binning.edges.length < discreteBins,
    };
  }
  const listed = binning.categories.slice(0, shownCategories).map((name, index) => ({
    name,
    kind: "category" as const,
    reference: share(reference.bins[index] ?? 0, reference),
    current: share(now.bins[index] ?? 0, now),
  }));
  const sum = (key: "reference" | "current") => listed.reduce((total, bar) => total + bar[key], 0);
  const fresh = current.newCategories.slice(0, shownNew).map(([name, rows]) => ({
    name,
    kind: "new" as const,
    reference: 0,
    current: share(rows, now),
  }));
  const freshShare = fresh.reduce((total, bar) => total + bar.current, 0);
  const others = binning.distinct - listed.length;
  const rest = {
    name: `${others.toLocaleString("en-US")} others`,
    kind: "rest" as const,
    reference: Math.max(0, 1 - sum("reference")),
    current: now.presentRows === 0 ? 0 : Math.max(0, 1 - sum("current") - share(now.unseen, now)),
  };
  const otherNew = now.unseenDistinct - fresh.length;
  const freshRest = {
    name: `${otherNew.toLocaleString("en-US")} other new ones`,
    kind: "new" as const,
    reference: 0,
    current: Math.max(0, share(now.unseen, now) - freshShare),
  };
  return {
    kind: "categorical",
    bars: [...listed, ...(others > 0 ? [rest] : []), ...fresh, ...(otherNew > 0 ? [freshRest] : [])],
  };
}
