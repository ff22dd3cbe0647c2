import type { Series } from "../../core/baseline.ts";
import type { LiveProfile, ReferenceProfile } from "../../core/profile.ts";
import { contrastsOf, type SeriesContrasts } from "./contrasts.ts";
import type { DecisionState, SeriesMemory } from "./decision-state.ts";
import {
  learnFromSplits,
  learnFromReference,
  noLearning,
  typicalSizeOf,
  type Learning,
  type TypicalSize,
} from "./learning.ts";
import { omnibusCells } from "./omnibus.ts";
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

/** Compiles one series of the reference. */
export function referenceSeries(profile: ReferenceProfile, subWindowsKnown: boolean): ReferenceSeries {
  const { splits } = profile;
  // The omnibus' cells are fixed with the baseline, for windows of the control's size: a version of a twentieth of the
  // traffic would leave them all but empty.
  const contrasts = contrastsOf(profile, { omnibus: profile.series.slice === "" && splits === undefined });
  const typical = subWindowsKnown ? typicalSizeOf(splits?.flat(2) ?? profile.subWindows) : null;
  const cells = typical === null ? null : omnibusCells(contrasts, typical.present);
  const learning: Learning =
    splits !== undefined
      ? learnFromSplits(contrasts, splits)
      : subWindowsKnown
        ? learnFromReference(contrasts, cells, profile.subWindows)
        : noLearning(contrasts);
  const learnt = { df: learning.df, q: learning.q };
  return { contrasts, typical, memory: { typical: null, lastSeen: 0, recent: [], learning, learnt } };
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
    if (reference !== undefined) result.push({ key, series, reference, memory });
  }
  for (const [key, { series }] of live) {
    if (key in state.series || series.role === "feature") continue;
    const reference = referenceOf(references, series);
    if (reference !== undefined) result.push({ key, series, reference, memory: reference.memory });
  }
  return result;
}
