/** What a backtest says: the JSON of `leeway backtest --json`. Windows are numbered from 0. */
export interface BacktestResult {
  readonly windows: readonly BacktestWindow[];
  readonly findings: readonly BacktestFinding[];
  readonly incidents: readonly BacktestIncident[];
  readonly performance: readonly WindowPerformance[];
}

export const backtestWindowStates = [
  "ok",
  "watching",
  "drift",
  "warming_up",
  "insufficient_data",
  /** The data end within it: it is not decided. */
  "partial",
] as const;
export type BacktestWindowState = (typeof backtestWindowStates)[number];

export interface BacktestWindow {
  readonly index: number;
  /** Times in RFC 3339; of windows of rows in a file's order, numbers of rows from 0, `to` exclusive. */
  readonly from: string | number;
  readonly to: string | number;
  readonly rows: number;
  readonly state: BacktestWindowState;
}

export interface BacktestFinding {
  readonly id: string;
  readonly signal: string;
  readonly feature: string;
  readonly opened_window: number;
  readonly closed_window: number | null;
  /** Share of rows moved (silence: multiples of the longest gap), at its largest. */
  readonly effect: number;
  readonly explanation: string;
}

export interface BacktestIncident {
  readonly id: string;
  readonly opened_window: number;
  readonly closed_window: number | null;
  readonly features: readonly string[];
  readonly severity: string;
  /** Its magnitude: 0.04 is one feature slightly off, 1 and more is many features broken. */
  readonly rank_score: number;
  readonly title: string;
}

export interface WindowPerformance {
  readonly window: number;
  readonly metric: string;
  readonly realised: number | null;
  readonly estimated: number | null;
  /** 95 %: where the realised number should lie if the estimate holds; without an estimate, of the realised number. */
  readonly low: number;
  readonly high: number;
}
