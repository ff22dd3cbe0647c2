import { controlVersion } from "../../core/baseline.ts";
import type { Baseline, Binning, PinnedBaselineSpec, Series } from "../../core/baseline.ts";
import type { LiveProfile, PooledReference, ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import type { RowScope } from "../../store/facts/row-scope.ts";
import type { BinnedExpression } from "../../store/facts/slots.ts";
import { writeUserGroups } from "../../store/facts/user-groups.ts";
import type { UserGroupCounts } from "../../store/facts/user-groups.ts";
import { emptyCounts } from "./counts.ts";

/** Pairs of groups that a control's users are cut into: each shows once by how much two samples of them differ for good. */
const mostPairs = 8;
/** A group of fewer rows a window says little; */
const fewestGroupRows = 200;
/** and so many pairs of windows are stored at most. */
const mostPairWindows = 2048;
/** Bounds what the engine holds at once. */
const windowsPerStatement = 64;

/** The approved version, where other versions are held against its rows of the same windows; else null. */
export function controlOf(spec: PinnedBaselineSpec): string | null {
  return spec.kind === "range" && spec.concurrent === true ? (spec.version ?? null) : null;
}

/** How many groups a control's users are cut into: an even number, fewer where there are few rows or many windows. */
export function userGroups(rows: number, windows: number): number {
  const byRows = Math.floor(rows / Math.max(1, windows) / (2 * fewestGroupRows));
  const byWindows = Math.floor(mostPairWindows / Math.max(1, windows));
  return 2 * Math.max(1, Math.min(mostPairs, byRows, byWindows));
}

/** Counts a control's scores and classes by groups of users. @param of.rows Of all windows. */
export async function writeSplits(
  facts: Facts,
  of: {
    readonly environment: string;
    readonly baselineId: string;
    readonly scope: RowScope;
    readonly rows: number;
    readonly windows: readonly Window[];
    readonly series: readonly BinnedExpression[];
    readonly computedAtMs: number;
  },
): Promise<void> {
  const { rows, windows, series, ...request } = of;
  const groups = userGroups(rows, windows.length);
  for (let start = 0; start < windows.length; start += windowsPerStatement) {
    const chunk = windows.slice(start, start + windowsPerStatement);
    for (const one of series) await writeUserGroups(facts, { ...request, series: one, windows: chunk, groups });
  }
}

/**
 * The two samples of every window and pair of groups: groups 0 and 1, 2 and 3 … A window in which one of them has no rows is
 * left out of its pair.
 *
 * @param stored Of one series, in order of time.
 */
export function splitsOf(
  stored: readonly UserGroupCounts[],
  binning: Binning,
): (readonly [SeriesCounts, SeriesCounts])[][] {
  const windows = Map.groupBy(stored, ({ startMs }) => startMs);
  const groups = Math.max(0, ...stored.map(({ group }) => group + 1));
  return Array.from({ length: Math.ceil(groups / 2) }, (_, pair) =>
    [...windows.values()].flatMap((window) => {
      const [one, other] = [2 * pair, 2 * pair + 1].map((group) => window.find((of) => of.group === group));
      return one === undefined || other === undefined
        ? []
        : [[groupCounts(one, binning), groupCounts(other, binning)] as const];
    }),
  );
}

function groupCounts({ binIndex, binWeight, ...sizes }: UserGroupCounts, binning: Binning): SeriesCounts {
  const empty = emptyCounts(binning);
  const bins = new Float64Array(empty.bins.length);
  for (const [position, index] of binIndex.entries()) bins[index] = binWeight[position] ?? 0;
  const { rows, weight, weightSquares, presentRows, presentWeight, presentWeightSquares, missing, nonFinite } = sizes;
  const present = { presentRows, presentWeight, presentWeightSquares };
  return { ...empty, rows, weight, weightSquares, ...present, missing, nonFinite, bins };
}

/**
 * The references of a score or class beside a control: the control's own rows for itself, and for every other version
 * (version "") its groups, which say how much two samples of one version differ.
 */
export function concurrentReferences(
  control: string,
  reference: ReferenceProfile,
  splits: NonNullable<ReferenceProfile["splits"]>,
): ReferenceProfile[] {
  return [
    { ...reference, splits },
    { ...reference, series: { ...reference.series, version: control } },
  ];
}

/** A window's profiles, those of versions beside a control with the control's of the same window. */
export function besideControl(baseline: Baseline, live: readonly LiveProfile[]): LiveProfile[] {
  return live.map((profile) => {
    const version = controlVersion(baseline.spec, profile.series);
    return version === null ? profile : { ...profile, control: countsOf(live, { ...profile.series, version }) };
  });
}

function countsOf(live: readonly LiveProfile[], wanted: Series): SeriesCounts | null {
  const found = live.find(
    ({ series: { role, feature, version, slice } }) =>
      role === wanted.role && feature === wanted.feature && version === wanted.version && slice === wanted.slice,
  );
  return found?.counts ?? null;
}

/**
 * What the series of a window were held against, for those who put it into words: the baseline's own counts, and for
 * versions beside a control the control's of that window.
 */
export function referenceInWindow(
  reference: readonly PooledReference[],
  live: readonly LiveProfile[],
): readonly PooledReference[] {
  const beside = live.flatMap(({ series, control }): PooledReference[] => {
    const known = reference.find(({ series: { role, version } }) => role === series.role && version === "");
    if (control === undefined || known === undefined) return [];
    return [{ series, binning: known.binning, pooled: control ?? emptyCounts(known.binning) }];
  });
  return beside.length === 0 ? reference : [...reference, ...beside];
}
