import type { IncidentMemory } from "./incidents.ts";
import type { Learning, Learnt, TypicalSize } from "./learning.ts";
import type { FindingMemory } from "./lifecycle.ts";
import type { RecentWindow } from "./pooling.ts";
import type { ValueReference } from "../monitors/value-evidence.ts";

/** What is known of one series. */
export interface SeriesMemory {
  /** n of an ordinary window where the reference could not say: that of the first window judged. */
  readonly typical: TypicalSize | null;
  /** Index of the last window with rows; 0 if there was none. */
  readonly lastSeen: number;
  /** At most h windows, those with rows only. */
  readonly recent: readonly RecentWindow[];
  /** Name of the season that it was learnt with; absent without one. */
  readonly season?: string;
  readonly learning: Learning;
  readonly learnt: Learnt;
}

/** What all contrasts of the model (or of its slices) have taught together. */
export interface InflationMemory {
  /** π over `phiGrid`. */
  readonly prior: readonly number[];
  /** ρ: share of the excess variance that consecutive windows have in common. */
  readonly dependence: number;
}

/**
 * All that a decision remembers between windows: plain JSON, so that it can be stored with each window and a revised
 * window can be decided again from the state before it.
 */
export interface DecisionState {
  readonly format: 1;
  /** Calendar windows since the start, empty ones included. */
  readonly index: number;
  readonly lastWindowStartMs: number | null;
  /** Windows in which some series of the whole model had enough rows: what the warm-up counts. */
  readonly judgedWindows: number;
  readonly inflation: { readonly whole: InflationMemory; readonly slices: InflationMemory };
  /** Levels of the last h windows that had one. */
  readonly levels: readonly { readonly index: number; readonly level: number }[];
  /** By `seriesKey`. */
  readonly series: Readonly<Record<string, SeriesMemory>>;
  readonly findings: readonly FindingMemory[];
  readonly incidents: readonly IncidentMemory[];
  /** By a monitor's name: what the baseline's windows said, as long as its statement is the same. */
  readonly monitors?: Readonly<Record<string, ValueReference>>;
}
