import type { Series } from "../../core/baseline.ts";
import { minControlRows } from "./concurrent.ts";
import { minReferenceRows } from "./contrasts.ts";
import { againstOf, contrastEvidence, referenceRowsOf } from "./finding-evidence.ts";
import { measurementOf, warmUpWindows, type JudgedWindow } from "./judged-window.ts";
import { floorOf, type Judgement } from "./judgement.ts";
import { minWindowRows } from "./learning.ts";
import type { FindingEvidence } from "./lifecycle.ts";
import { referenceDays } from "./season.ts";

/** One window's gates. */
export interface Examination {
  readonly warming: { readonly judgedWindows: number; readonly needed: number } | null;
  /** How the budget is shared out: whole-model series of each kind, watched slices, windows a week, windows in the long horizon. */
  readonly budget: {
    readonly falseIncidentsPerModelWeek: number;
    readonly windowsPerWeek: number;
    readonly numeric: number;
    readonly categorical: number;
    readonly watchedSlices: number;
    readonly monitors: number;
    readonly performance: boolean;
    readonly horizon: number;
  };
  readonly series: readonly SignalExamination[];
}

/** The gates of one signal of one series. */
export interface SignalExamination {
  readonly series: Series;
  readonly signal: Judgement["signal"];
  readonly kind: "numeric" | "categorical";
  /** Rows of the window that the signal speaks of, and the fewest that are judged. */
  readonly rows: number;
  readonly neededRows: number;
  readonly referenceRows: number;
  readonly neededReferenceRows: number;
  /** It is held against a control version's rows of the same windows. */
  readonly concurrent: boolean;
  /** Where weekdays differ: the days of the reference that it is held against, such as `Saturday and Sunday`. */
  readonly weekdays: string | null;
  /** Windows in its long horizon. */
  readonly horizon: number;
  readonly judged: Judgement["judged"];
  readonly tooVariable: boolean;
  /** α of the series for all of its signals, contrasts and horizons together. */
  readonly seriesAlpha: number;
  readonly floor: number;
  /** The contrast that passed both gates, else the one nearest to its threshold; null if nothing was measured. */
  readonly nearest:
    | (Omit<FindingEvidence, "magnitude"> & {
        readonly contrast: string;
        readonly horizon: "short" | "long";
        /** E[φ]: how much more it varies between healthy windows than independent rows would. */
        readonly varianceInflation: number;
        readonly significant: boolean;
        readonly aboveFloor: boolean;
      })
    | null;
}

/** The gates of a judged window. @param at.judgedWindows Windows judged before it. */
export function examinationOf(
  judgedWindow: JudgedWindow,
  at: { readonly judgedWindows: number; readonly horizon: number },
): Examination {
  const { judged, floors, shape, warming } = judgedWindow;
  return {
    warming: warming ? { judgedWindows: at.judgedWindows, needed: warmUpWindows } : null,
    budget: { ...shape, monitors: shape.monitors ?? 0, performance: shape.performance ?? false, horizon: at.horizon },
    series: judged.flatMap((entry) =>
      entry.judgements.map((judgement): SignalExamination => {
        const { signal, rows, hit, nearest } = judgement;
        const best = hit ?? nearest;
        const against = againstOf(entry, signal);
        const common = {
          series: entry.series,
          signal,
          kind: entry.contrasts.kind,
          rows,
          neededRows: minWindowRows,
          referenceRows: referenceRowsOf(against, signal),
          neededReferenceRows: entry.contrasts.concurrent ? minControlRows : minReferenceRows,
          concurrent: entry.contrasts.concurrent,
          weekdays: referenceDays(entry.contrasts, signal, entry.window, "short")?.text ?? null,
          horizon: entry.horizon,
          judged: judgement.judged,
          tooVariable: judgement.tooVariable,
          seriesAlpha: entry.thresholds.seriesAlpha,
          floor: floors[signal],
        };
        if (best === null) return { ...common, nearest: null };
        const measurement = measurementOf(judgedWindow, entry, best.horizon)!;
        const contrast = measurement.against.contrasts[best.contrast]!;
        const floor = floorOf(contrast, { floor: floors[signal], omnibus: !warming });
        const d0 = measurement.y[best.contrast]! - contrast.reference;
        const of = { contrast: best.contrast, horizon: best.horizon, d0 };
        const { magnitude: _, ...evidence } = contrastEvidence(judgedWindow, entry, judgement, of);
        return {
          ...common,
          floor,
          nearest: {
            ...evidence,
            contrast: contrast.name,
            horizon: best.horizon,
            varianceInflation: entry.belief.mean[best.contrast]!,
            significant: evidence.pValue <= evidence.threshold,
            aboveFloor: evidence.effectLow > floor,
          },
        };
      }),
    ),
  };
}
