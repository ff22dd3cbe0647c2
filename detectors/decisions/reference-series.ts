import type { Series } from "../../core/baseline.ts";
import type { LiveProfile, PooledReference } from "../../core/profile.ts";
import { contrastsOf, type SeriesContrasts } from "./contrasts.ts";
import type { DecisionState, SeriesMemory } from "./decision-state.ts";
import type { TypicalSize } from "./learning.ts";
import type { LearntReference, LearntSeries } from "./learnt-reference.ts";
import { partitionOf, type Season } from "./season.ts";
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

/** Compiles what was learnt, the whole model first. */
export function compileReference({ series }: LearntReference): Map<string, ReferenceSeries> {
  const result = new Map<string, ReferenceSeries>();
  for (const sliced of [false, true]) {
    for (const { reference, concurrent, typical, season, learning } of series) {
      if ((reference.series.slice !== "") !== sliced) continue;
      const contrasts = { ...contrastsOfReference(reference, concurrent), season: seasonOf(season) };
      const memory = {
        typical: null,
        lastSeen: 0,
        recent: [],
        ...(season !== null && { season: season.name }),
        learning,
        learnt: { df: learning.df, q: learning.q },
      };
      result.set(seriesKey(reference.series), { contrasts, typical, memory });
    }
  }
  return result;
}

function seasonOf(learnt: LearntSeries["season"]): Season | null {
  if (learnt === null) return null;
  const { name, references, signals } = learnt;
  return { partition: partitionOf(name), references, signals };
}

/**
 * The omnibus' cells are fixed with the baseline, for windows of the control's size: a version of a twentieth of the traffic
 * would leave them all but empty.
 */
export function contrastsOfReference(reference: PooledReference, concurrent: boolean): SeriesContrasts {
  return contrastsOf(reference, { omnibus: reference.series.slice === "" && !concurrent, concurrent });
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
    if (series.role === "feature" || key in state.series) continue;
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
