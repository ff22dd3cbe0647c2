import type { SeriesContrasts, WindowSignal } from "./contrasts.ts";
import type { DecisionState, InflationMemory, SeriesMemory } from "./decision-state.ts";
import type { JudgedWindow } from "./judged-window.ts";
import { canLearn, degreesOf, learnFromWindow, type LearningSignal, type TypicalSize } from "./learning.ts";
import { omnibusCells } from "./omnibus.ts";
import { referenceOf, type ReferenceSeriesByKey } from "./reference-series.ts";
import { initialPrior, learnPrior, serialDependence } from "./variance-inflation.ts";

/** What a model has learnt at the end of a window. */
interface Learned {
  readonly series: Readonly<Record<string, SeriesMemory>>;
  readonly inflation: DecisionState["inflation"];
}

/** A series that teaches its model. */
export interface Teacher {
  readonly contrasts: SeriesContrasts;
  readonly memory: Pick<SeriesMemory, "learning">;
  readonly typical: TypicalSize | null;
}

/**
 * Whose contrasts learn together. Versions beside a control are of their own: a season of the features, which moves both
 * alike, says nothing about them.
 */
export type Pool = "whole" | "slices" | "concurrent";

export function poolOf({ concurrent, series }: SeriesContrasts): Pool {
  if (concurrent) return "concurrent";
  return series.slice === "" ? "whole" : "slices";
}

/** Prior and serial dependence of the whole model, of its watched slices, and of versions beside a control, apart. */
export function learnInflations(teachers: readonly Teacher[]): Readonly<Record<Pool, InflationMemory>> {
  const of = (pool: Pool) => learnInflation(teachers.filter(({ contrasts }) => poolOf(contrasts) === pool));
  return { whole: of("whole"), slices: of("slices"), concurrent: of("concurrent") };
}

/**
 * What a window teaches, by its healthy signals only; when a week or the warm-up ends, also what the model believes.
 *
 * @param now.isOpen Whether a finding of the series and signal is open, after this window's decisions.
 * @param now.retired Series that are forgotten.
 * @param now.believes Whether this window ends a week, or the warm-up.
 * @param now.sliced Whether slices are watched.
 */
export function learnFromJudged(
  state: DecisionState,
  { index, judged }: JudgedWindow,
  now: {
    readonly references: ReferenceSeriesByKey;
    readonly isOpen: (key: string, signal: WindowSignal) => boolean;
    readonly retired: ReadonlySet<string>;
    readonly believes: boolean;
    readonly sliced: boolean;
  },
): Learned {
  const series: Record<string, SeriesMemory> = {};
  const teachers: Teacher[] = [];
  for (const entry of judged) {
    if (now.retired.has(entry.key)) continue;
    const teaches = (signal: LearningSignal) =>
      entry.judgements.some((judgement) => judgement.signal === signal && judgement.judged === "short") &&
      !now.isOpen(entry.key, signal);
    // A difference between two versions that is still too small to be told is no healthy variation: learnt live, it would
    // hide itself. The control's groups have said what is.
    const learning = entry.contrasts.concurrent
      ? entry.memory.learning
      : learnFromWindow(entry.memory.learning, entry.contrasts, entry.cells, entry.window, {
          distribution: teaches("distribution"),
          missing: teaches("missing"),
        });
    const memory = {
      typical:
        (now.references.get(entry.key) ?? referenceOf(now.references, entry.series))?.typical === null
          ? entry.typical
          : null,
      lastSeen: entry.window === null ? entry.memory.lastSeen : index,
      recent: entry.recent,
      ...(entry.memory.season !== undefined && { season: entry.memory.season }),
      learning,
      learnt: now.believes ? { df: learning.df, q: learning.q } : entry.memory.learnt,
    };
    series[entry.key] = memory;
    teachers.push({ contrasts: entry.contrasts, typical: entry.typical, memory });
  }
  if (!now.believes) return { series, inflation: state.inflation };
  const { whole, slices } = learnInflations(teachers);
  return { series, inflation: { whole, slices: now.sliced ? slices : state.inflation.slices } };
}

/** Prior and serial dependence from every contrast that can learn. */
function learnInflation(teachers: readonly Teacher[]): InflationMemory {
  const histories: { q: number; df: number; s: number }[] = [];
  const dependent: { q: number; df: number; s: number }[] = [];
  for (const { contrasts, memory, typical } of teachers) {
    const cells = typical === null ? null : omnibusCells(contrasts, typical.present);
    for (let c = 0; c < contrasts.contrasts.length; c += 1) {
      const df = degreesOf(contrasts, c, memory.learning.df);
      if (df <= 0 || !canLearn(contrasts, c, typical, cells)) continue;
      const history = { q: memory.learning.q[c]!, df, s: memory.learning.s[c]! };
      histories.push(history);
      if (c !== contrasts.omnibus) dependent.push(history);
    }
  }
  return {
    prior: histories.length === 0 ? initialPrior() : learnPrior(histories),
    dependence: serialDependence(dependent),
  };
}
