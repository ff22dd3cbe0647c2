import type { Window } from "../../core/window.ts";
import type { ValueObservation } from "../monitors/value-evidence.ts";
import { levelOf, type JudgedSeries, type JudgedWindow } from "./judged-window.ts";
import { judgedMonitor, type JudgedMonitor } from "./judged-monitor.ts";
import { gapEvidence, type GapEvidence, type GapObservation } from "./silence.ts";

/** All that one window says: its profiles, its silence, the user's values. Nothing is decided yet. */
export interface MeasuredWindow extends JudgedWindow {
  readonly window: Window;
  readonly windowMs: number;
  /** Windows in the long horizon. */
  readonly horizon: number;
  /** The most rows that a series of the whole model had. */
  readonly rows: number;
  /** S of this window; null if nothing of the whole model was measured. */
  readonly level: number | null;
  readonly silence: GapEvidence | null;
  readonly monitors: readonly JudgedMonitor[];
  readonly judgedByKey: ReadonlyMap<string, JudgedSeries>;
}

/** Adds to the judged profiles what is judged of the window without them. */
export function measuredWindow(
  judgedWindow: JudgedWindow,
  observed: { readonly gap: GapObservation | null; readonly values: readonly ValueObservation[] },
  at: { readonly window: Window; readonly windowMs: number; readonly horizon: number },
): MeasuredWindow {
  const { budget, judged } = judgedWindow;
  return {
    ...judgedWindow,
    ...at,
    rows: Math.max(0, ...judged.map(({ series, window: sums }) => (series.slice === "" ? (sums?.rows ?? 0) : 0))),
    level: levelOf(judged),
    silence: observed.gap === null ? null : gapEvidence(observed.gap, budget.silence),
    monitors: observed.values.map((observation) => judgedMonitor(observation, budget.monitor)),
    judgedByKey: new Map(judged.map((entry) => [entry.key, entry])),
  };
}
