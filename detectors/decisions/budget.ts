import type { Binning } from "../../core/baseline.ts";
import type { Contrast, ContrastSignal } from "./contrasts.ts";

/** Measured slack of Bonferroni here: discreteness, overlapping horizons, the effect gate. Slices get none. */
const wholeModelSlack = 1.4;
const sliceSlack = 1;
/** What the fast cadence owns of the budget, and silence of that: see fast.ts for the rest. */
export const fastShareOfBudget = 0.05;
export const silenceShare = 0.2;
const slicesShare = 0.2;
/** What the user's own monitors own of the windows' budget, shared equally; nothing where there are none. */
export const monitorsShare = 0.1;
/** What performance from labels owns of it, shared equally by its metrics and versions; nothing where it cannot be judged. */
const performanceShare = 0.05;
const qualityShare = 0.05;
const longShare = { numeric: 0.4, categorical: 0.1 } as const;
/** A rank test needs far less α for the same delay than the many shares of a category. */
export const seriesWeight = { numeric: 1, categorical: 4 } as const;

export interface BudgetShape {
  readonly falseIncidentsPerModelWeek: number;
  readonly windowsPerWeek: number;
  readonly watchedSlices: number;
  /** The user's own values; none by default. */
  readonly monitors?: number;
  /** Whether performance from labels is judged too; not by default. */
  readonly performance?: boolean;
  /** Number of whole-model series of each kind, score and class of each live version included. */
  readonly numeric: number;
  readonly categorical: number;
}

/** α of one whole-model series of either kind, of one series of a watched slice, of silence, and of one monitor, per window. */
export interface Budget {
  readonly series: Readonly<Record<Binning["kind"], number>>;
  readonly sliceSeries: number;
  readonly silence: number;
  /** Of one monitor. */
  readonly monitor: number;
}

/** Weighted Bonferroni: the α of all tests of a week adds up to the budget (times the measured slack). */
export function budgetOf(shape: BudgetShape): Budget {
  const perWindow = shape.falseIncidentsPerModelWeek / shape.windowsPerWeek;
  const { monitors = 0, performance = false } = shape;
  const judged = perWindow * (1 - fastShareOfBudget);
  const windows = judged * (1 - (monitors > 0 ? monitorsShare : 0) - (performance ? performanceShare : 0));
  const sliced = shape.watchedSlices > 0;
  const weights = shape.numeric * seriesWeight.numeric + shape.categorical * seriesWeight.categorical;
  const whole = (windows * wholeModelSlack * (sliced ? 1 - slicesShare : 1)) / Math.max(1, weights);
  const series = shape.numeric + shape.categorical;
  return {
    series: { numeric: whole * seriesWeight.numeric, categorical: whole * seriesWeight.categorical },
    sliceSeries: sliced ? (windows * sliceSlack * slicesShare) / (shape.watchedSlices * Math.max(1, series)) : 0,
    silence: silenceAlpha(shape),
    // One test of one value a window: there is no slack to measure.
    monitor: monitors > 0 ? (judged * monitorsShare) / monitors : 0,
  };
}

/** The α of the longest gap of one window. */
export function silenceAlpha(shape: Pick<BudgetShape, "falseIncidentsPerModelWeek" | "windowsPerWeek">): number {
  return (shape.falseIncidentsPerModelWeek / shape.windowsPerWeek) * fastShareOfBudget * silenceShare;
}

/** The α of a window's performance: of all versions and metrics together. */
export function performanceAlpha(shape: Pick<BudgetShape, "falseIncidentsPerModelWeek" | "windowsPerWeek">): number {
  return (shape.falseIncidentsPerModelWeek / shape.windowsPerWeek) * (1 - fastShareOfBudget) * performanceShare;
}

/** The α of one contrast on one horizon, of its series' α. @param only No other horizon is judged: it has all of it. */
export function thresholdOf(
  contrast: Contrast,
  kind: Binning["kind"],
  seriesAlpha: number,
  horizon: "short" | "long",
  only = false,
): number {
  const usual = contrast.longShare ?? longShare[kind];
  const long = only ? Number(horizon === "long") : contrast.oneSided ? 0 : usual;
  return seriesAlpha * signalShare(contrast.signal) * contrast.share * (horizon === "long" ? long : 1 - long);
}

function signalShare(signal: ContrastSignal): number {
  return signal === "distribution" ? 1 - qualityShare : qualityShare;
}
