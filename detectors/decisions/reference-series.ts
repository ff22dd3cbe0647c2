import type { Series } from "../../core/baseline.ts";
import type { LiveProfile, ReferenceProfile } from "../../core/profile.ts";
import type { Window } from "../../core/window.ts";
import { contrastsOf, isMeasurable, type SeriesContrasts } from "./contrasts.ts";
import type { DecisionState, SeriesMemory } from "./decision-state.ts";
import {
  learnFromSplits,
  learnFromReference,
  minWindowRows,
  noLearning,
  typicalSizeOf,
  type Learning,
  type TypicalSize,
} from "./learning.ts";
import { omnibusCells } from "./omnibus.ts";
import { seasonsOf } from "./season.ts";
import { seriesKey, seriesOfKey } from "./series-key.ts";

/** One series of the reference, compiled, with what its sub-windows teach. */
export interface ReferenceSeries {
  readonly contrasts: SeriesContrasts;
  /** Null: blocks of rows without times are of no window's length, and the first live window says what an ordinary one holds. */
  readonly typical: TypicalSize | null;
  readonly memory: SeriesMemory;
}

/** By `seriesKey`. */
export type ReferenceSeriesByKey = ReadonlyMap<string, ReferenceSeries>;

/** A series as a window finds it. */
export interface SeriesNow {
  readonly key: string;
  readonly series: Series;
  readonly reference: ReferenceSeries;
  readonly memory: SeriesMemory;
}

/**
 * Compiles the reference.
 *
 * @param weekdayOf Of a window, Monday 0; null if windows are not of one day.
 */
export function compileReference(
  profiles: readonly ReferenceProfile[],
  options: {
    readonly subWindowsKnown: boolean;
    readonly weekdayOf: ((window: Window) => number) | null;
  },
): Map<string, ReferenceSeries> {
  const compiled = profiles.map((profile) => {
    const { series, splits, subWindows, subWindowTimes } = profile;
    // The omnibus' cells are fixed with the baseline, for windows of the control's size: a version of a twentieth of the
    // traffic would leave them all but empty.
    const contrasts = contrastsOf(profile, { omnibus: series.slice === "" && splits === undefined });
    const { weekdayOf, subWindowsKnown } = options;
    const weekdays =
      weekdayOf === null || !subWindowsKnown || splits !== undefined ? null : (subWindowTimes?.map(weekdayOf) ?? null);
    const windows = subWindows.flatMap((counts, i) =>
      weekdays === null || !isMeasurable(counts) || counts.presentRows < minWindowRows
        ? []
        : [{ weekday: weekdays[i]!, sums: contrasts.project(counts) }],
    );
    return { profile, contrasts, weekdays, windows };
  });
  const result = new Map<string, ReferenceSeries>();
  // As with φ, slices learn together and apart from the whole model.
  for (const sliced of [false, true]) {
    const together = compiled.filter(({ profile }) => (profile.series.slice !== "") === sliced);
    const seasons = seasonsOf(together);
    together.forEach(({ profile, contrasts, weekdays }, i) => {
      const season = seasons[i]!;
      const learned = referenceSeries(profile, { ...contrasts, season }, weekdays, options.subWindowsKnown);
      result.set(seriesKey(profile.series), learned);
    });
  }
  return result;
}

function referenceSeries(
  { splits, subWindows }: ReferenceProfile,
  contrasts: SeriesContrasts,
  weekdays: readonly number[] | null,
  subWindowsKnown: boolean,
): ReferenceSeries {
  const typical = subWindowsKnown ? typicalSizeOf(splits?.flat(2) ?? subWindows) : null;
  const cells = typical === null ? null : omnibusCells(contrasts, typical.present);
  const learning: Learning =
    splits !== undefined
      ? learnFromSplits(contrasts, splits)
      : subWindowsKnown
        ? learnFromReference(contrasts, cells, subWindows, weekdays)
        : noLearning(contrasts);
  const learnt = { df: learning.df, q: learning.q };
  const { season } = contrasts;
  const memory = {
    typical: null,
    lastSeen: 0,
    recent: [],
    ...(season !== null && { season: season.partition.name }),
    learning,
    learnt,
  };
  return { contrasts, typical, memory };
}

/** The reference of a series; of the version-less score or class for a version that the baseline does not know. */
export function referenceOf(references: ReferenceSeriesByKey, series: Series): ReferenceSeries | undefined {
  const exact = references.get(seriesKey(series));
  if (exact !== undefined || series.role === "feature") return exact;
  return references.get(seriesKey({ ...series, version: "" }));
}

/** Features always; scores and classes of the versions seen within the horizon, or now. */
export function seriesNow(
  references: ReferenceSeriesByKey,
  state: DecisionState,
  live: ReadonlyMap<string, LiveProfile>,
): SeriesNow[] {
  const result: SeriesNow[] = [];
  for (const [key, memory] of Object.entries(state.series)) {
    // Most keys are the reference's own, which need not be taken apart.
    const own = references.get(key);
    const series = own?.contrasts.series ?? seriesOfKey(key);
    const reference = own ?? referenceOf(references, series);
    if (reference === undefined) continue;
    result.push({ key, series, reference, memory: inSameSeason(memory, reference.memory) });
  }
  for (const [key, { series }] of live) {
    if (key in state.series || series.role === "feature") continue;
    const reference = referenceOf(references, series);
    if (reference !== undefined) result.push({ key, series, reference, memory: reference.memory });
  }
  return result;
}

/** What was learnt without a season, or with another, is of no use with this one: the reference has said it anew. */
function inSameSeason(memory: SeriesMemory, reference: SeriesMemory): SeriesMemory {
  if (memory.season === reference.season) return memory;
  return { ...reference, lastSeen: memory.lastSeen };
}
