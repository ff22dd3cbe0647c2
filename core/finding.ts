import { createHash } from "node:crypto";
import type { Series } from "./baseline.ts";

/** What is wrong for the user of the model; closed, in falling order of harm. */
export const harms = ["data_broken", "performance_fell", "predictions_moved", "inputs_moved"] as const;
export type Harm = (typeof harms)[number];

/** A routing label derived from harm and the model's tier. */
export const severities = ["page", "ticket", "none"] as const;
export type Severity = (typeof severities)[number];

export const signals = [
  "distribution",
  "missing",
  "unseen",
  "silence",
  "type_mismatch",
  "out_of_range",
  "constant",
  "error",
  "latency",
  "volume",
  // A statement of the user's own: one value per window.
  "custom",
  // What each feature alone does not show: a classifier tells the window's rows from the baseline's.
  "joint",
  // How well the model did, by labels: decided when they are due.
  "performance",
] as const;
export type Signal = (typeof signals)[number];

/** State of one series in one window. */
export const seriesStates = [
  "ok",
  "watching",
  "drift",
  "insufficient_data",
  "no_baseline",
  "warming_up",
  "too_variable",
  // A number beside the decisions, such as the performance of a slice: measured, and judged by nobody.
  "reported",
] as const;
export type SeriesState = (typeof seriesStates)[number];

export const findingStates = ["open", "closed", "withdrawn"] as const;
export type FindingState = (typeof findingStates)[number];

export interface Share {
  /** A category, a bin such as `350 to 412`, or a slice such as `origin_state=NY`. */
  readonly name: string;
  /** Share of rows in the reference and in the current window, 0…1. */
  readonly reference: number;
  readonly current: number;
  /** Slices: the share of the whole change's rows that this one carries, −1…1; negative if it moved the other way. */
  readonly carried?: number;
}

/** Everything a message, a page or `leeway explain` needs to say about a finding without asking again. */
export interface Evidence {
  /** The contrast that opened it, e.g. `location`, `share of ORD`, `omnibus`, `missing share`, `longest gap`. */
  readonly contrast: string;
  /** `fast`: a few minutes, by the fast cadence. */
  readonly horizon: "short" | "long" | "fast";
  /** Mean of the contrast's score in the reference and in the window: rank, share, or seconds for a gap. */
  readonly reference: number;
  readonly current: number;
  /** Share of rows moved, with its lower 90 % bound. For `silence`: the gap over the reference's longest, in multiples. */
  readonly effect: number;
  readonly effectLow: number;
  readonly pValue: number;
  /** The α that `pValue` was held against. */
  readonly threshold: number;
  readonly rows: number;
  readonly referenceRows: number;
  /** The days of the baseline that it was held against, where weekdays differ: `Saturday and Sunday`; absent: all of them. */
  readonly weekdays?: string;
  /** The model version whose rows of the same windows are the reference; absent where the baseline's rows are. */
  readonly control?: string;
  /** The smallest effect that this window could have shown, in share of rows moved. */
  readonly minimumDetectableEffect: number;
  /** Reported numbers, by method name: psi, ks, chi_square … */
  readonly methods: Readonly<Record<string, number>>;
  /** Numeric, if known: `reference_mean`, `current_mean`, `reference_median`, `current_median`, in the feature's unit. */
  readonly summary: Readonly<Record<string, number>>;
  /** Bins or categories that changed the most, largest first. */
  readonly contributors: readonly Share[];
  /**
   * Cohort values that carry more of the change than their share of the rows says, largest first. Before and after are the
   * share of the slice's rows that lie where the distribution grew, or are missing or new; for categories, the share of
   * *all* rows that are in the slice and in the categories that moved.
   */
  readonly slices: readonly Share[];
  /** Cohort attributes whose values carry the change as their shares of the rows say: none stands out. Absent: not looked at. */
  readonly alike?: readonly string[];
  /**
   * Part of the change, −∞ … 1 and beyond, that comes of another mix of the attribute's values; the rest happened within
   * them (Kitagawa 1955). Attributes with a part worth telling, largest first; absent where nothing was decomposed.
   */
  readonly mix?: readonly { readonly attribute: string; readonly part: number }[];
  /** `performance`: how far labels had come. */
  readonly labels?: {
    /** Rows of the window, those of them with a label, and the share of the baseline's rows that have one. */
    readonly rows: number;
    readonly labelled: number;
    readonly referenceCoverage: number;
    /** When the window's labels were due: its news is no older than that. */
    readonly dueMs: number;
  };
  /** Whether the model's predictions moved in the same window. */
  readonly predictions: {
    readonly verdict: "moved" | "did_not_move" | "not_known";
    readonly effect: number | null;
    readonly effectHigh: number | null;
  };
}

/** One lasting change of one series. Level-triggered: every evaluation writes its present state. */
export interface Finding {
  readonly findingId: string;
  readonly incidentId: string;
  readonly environment: string;
  readonly model: string;
  readonly series: Series;
  readonly signal: Signal;
  readonly baselineId: string;
  readonly harm: Harm;
  readonly state: FindingState;
  /** Counts the evaluations' rewrites of history (late rows), not the windows. */
  readonly revision: number;
  readonly openedWindowStartMs: number;
  readonly openedWindowEndMs: number;
  /** End of the window that this record speaks of. */
  readonly windowEndMs: number;
  readonly closedWindowEndMs: number | null;
  /** max over contrasts of (effect − its standard error)⁺: 0.04 is one feature slightly off. */
  readonly magnitude: number;
  /** Running maximum of the rise of the model's level since its incident opened; provisional for the first h windows. */
  readonly incidentMagnitude: number;
  /** The finding reopened within the folding horizon: same id, not announced. */
  readonly reopened: boolean;
  /** Learnt live without sub-windows: ticket at most. */
  readonly provisional: boolean;
  readonly evidence: Evidence;
  readonly evaluatedAtMs: number;
  /** W3C `traceparent` of the span that found it; in its first record alone, and only where the detector traces. */
  readonly traceparent?: string;
}

/** First 16 hex digits of sha256; fixed once published. */
export function findingId(identity: {
  readonly environment: string;
  readonly model: string;
  readonly series: Series;
  readonly signal: Signal;
  readonly baselineId: string;
  readonly openedWindowStartMs: number;
}): string {
  const { environment, model, series, signal, baselineId, openedWindowStartMs } = identity;
  // A feature may be called like the model's own results, and versions may be left out.
  const named = series.role === "feature" && (series.feature === "score" || series.feature === "class");
  const feature = named ? `feature ${series.feature}` : series.feature;
  const parts = [environment, model, series.version, series.slice, feature, signal, baselineId];
  return createHash("sha256")
    .update(JSON.stringify([...parts, new Date(openedWindowStartMs).toISOString()]))
    .digest("hex")
    .slice(0, 16);
}

/**
 * Whether a finding is to be told again: at least twice as large as the largest that was sent, and above the floor of its
 * signal, since twice nearly nothing is nothing.
 *
 * @param sentMagnitude Largest magnitude that a message has named.
 */
export function hasWorsened(
  { magnitude, signal }: Pick<Finding, "magnitude" | "signal">,
  sentMagnitude: number,
  floors: { readonly effectFloor: number; readonly qualityFloor: number },
): boolean {
  const floor = signal === "missing" || signal === "unseen" ? floors.qualityFloor : floors.effectFloor;
  return magnitude >= 2 * sentMagnitude && magnitude >= floor;
}
