import type { PooledReference, ReferenceProfile } from "../../core/profile.ts";
import type { Window } from "../../core/window.ts";
import { isMeasurable, type SeriesContrasts } from "./contrasts.ts";
import type { InflationMemory } from "./decision-state.ts";
import {
  learnFromReference,
  learnFromSplits,
  minWindowRows,
  noLearning,
  typicalSizeOf,
  type Learning,
  type TypicalSize,
} from "./learning.ts";
import { learnInflations, type Pool, type Teacher } from "./model-learning.ts";
import { omnibusCells } from "./omnibus.ts";
import { contrastsOfReference } from "./reference-series.ts";
import { seasonsOf, type Season } from "./season.ts";

/** What one series of the reference is, and what its windows taught. */
export interface LearntSeries {
  readonly reference: PooledReference;
  /** Its windows are held against a control version's rows of the same windows. */
  readonly concurrent: boolean;
  readonly typical: TypicalSize | null;
  readonly season: {
    readonly name: string;
    readonly references: Season["references"];
    readonly signals: Season["signals"];
  } | null;
  readonly learning: Learning;
}

/** All that deciding needs of a reference: plain JSON, so that it can be stored in place of the reference's windows. */
export interface LearntReference {
  readonly series: readonly LearntSeries[];
  readonly inflation: Readonly<Record<Pool, InflationMemory>>;
}

/**
 * Learns from the reference's windows.
 *
 * @param options.subWindowsKnown False if the windows are not of the live length by time: then they teach nothing.
 * @param options.weekdayOf Of a window, Monday 0; null if windows are not of one day.
 */
export function learnReference(
  profiles: readonly ReferenceProfile[],
  options: {
    readonly subWindowsKnown: boolean;
    readonly weekdayOf: ((window: Window) => number) | null;
  },
): LearntReference {
  const { weekdayOf, subWindowsKnown } = options;
  const compiled = profiles.map((profile) => {
    const { splits, subWindows, subWindowTimes } = profile;
    const contrasts = contrastsOfReference(profile, splits !== undefined);
    const weekdays =
      weekdayOf === null || !subWindowsKnown || splits !== undefined ? null : (subWindowTimes?.map(weekdayOf) ?? null);
    const windows = subWindows.flatMap((counts, i) =>
      weekdays === null || !isMeasurable(counts) || counts.presentRows < minWindowRows
        ? []
        : [{ weekday: weekdays[i]!, sums: contrasts.project(counts) }],
    );
    return { profile, contrasts, weekdays, windows };
  });
  // As with φ, slices learn together and apart from the whole model.
  const seasons = new Map<SeriesContrasts, Season | null>();
  for (const sliced of [false, true]) {
    const together = compiled.filter(({ profile }) => (profile.series.slice !== "") === sliced);
    for (const [i, season] of seasonsOf(together).entries()) seasons.set(together[i]!.contrasts, season);
  }
  const teachers: Teacher[] = [];
  const series = compiled.map(({ profile, contrasts: plain, weekdays }): LearntSeries => {
    const season = seasons.get(plain) ?? null;
    const contrasts = { ...plain, season };
    const { binning, pooled, splits } = profile;
    const typical = subWindowsKnown ? typicalSizeOf(splits?.flat(2) ?? profile.subWindows) : null;
    const cells = typical === null ? null : omnibusCells(contrasts, typical.present);
    const learning =
      splits !== undefined
        ? learnFromSplits(contrasts, splits)
        : subWindowsKnown
          ? learnFromReference(contrasts, cells, profile.subWindows, weekdays)
          : noLearning(contrasts);
    teachers.push({ contrasts, typical, memory: { learning } });
    return {
      reference: { series: profile.series, binning, pooled },
      concurrent: splits !== undefined,
      typical,
      season:
        season === null
          ? null
          : { name: season.partition.name, references: season.references, signals: season.signals },
      learning,
    };
  });
  return { series, inflation: learnInflations(teachers) };
}
