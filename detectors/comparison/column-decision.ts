import type { Binning } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import { seriesWeight } from "../decisions/budget.ts";
import {
  contrastsOf,
  minReferenceRows,
  type Contrast,
  type ContrastSignal,
  type SeriesContrasts,
} from "../decisions/contrasts.ts";
import { inflations, measure, pValueOf, type Belief, type Measurement } from "../decisions/evidence.ts";
import { judge, lowerBound, signalsOf, thresholdsOf, upperBound } from "../decisions/judgement.ts";
import { minWindowRows } from "../decisions/learning.ts";
import { omnibusCells } from "../decisions/omnibus.ts";
import { phiGrid } from "../decisions/variance-inflation.ts";

/**
 * Two samples without a history: no windows, so nothing to pool and no φ to learn. Rows are taken as independent, and the
 * budget is a share of comparisons instead of incidents a week.
 */
export const falseDriftShare = 0.01;
/** Share of rows that must have moved, as in monitoring: of values; missing or new ones. */
export const comparisonFloors = { distribution: 0.02, missing: 0.003, unseen: 0.003 } as const;

export const columnDecisions = ["ok", "drift", "insufficient_data", "too_variable"] as const;
export type ColumnDecision = (typeof columnDecisions)[number];
export type Verdict = Exclude<ColumnDecision, "too_variable">;

/** What is compared of a column. */
export interface ComparedCounts {
  readonly binning: Binning;
  readonly reference: SeriesCounts;
  readonly current: SeriesCounts;
  /** Why its values move on by themselves, so that only missing ones are judged; null if they do not. */
  readonly valuesMove: "time" | "row_order" | null;
}

/** One signal of a column against its two gates. */
export interface SignalEvidence {
  readonly signal: ContrastSignal;
  /** The contrast that passed both gates, else the one nearest to its threshold. */
  readonly contrast: string;
  readonly form: Contrast["form"];
  /** Mean of the contrast's score in either file: a share, or a mean rank. */
  readonly reference: number;
  readonly current: number;
  /** Share of rows moved with its one-sided 90 % bounds; `high` is the largest over all contrasts of the signal. */
  readonly effect: number;
  readonly effectLow: number;
  readonly effectHigh: number;
  readonly pValue: number;
  readonly threshold: number;
  readonly floor: number;
  readonly drifted: boolean;
}

export interface DecidedColumn {
  readonly decision: ColumnDecision;
  /** The signal that the decision rests on: the one with the largest sure effect if any drifted. Null if nothing was measured. */
  readonly leading: SignalEvidence | null;
  readonly signals: readonly SignalEvidence[];
  /** The α of everything judged of the column's values. */
  readonly distributionAlpha: number;
  /** Why its values were not judged; null if they were. */
  readonly notJudged: "few_reference_values" | "few_current_values" | "no_frequent_category" | "values_move" | null;
}

/** φ = 1 for sure. */
function independentRows(contrasts: SeriesContrasts): Belief {
  const count = contrasts.contrasts.length;
  const posterior = new Float64Array(count * phiGrid.length);
  for (let c = 0; c < count; c += 1) posterior[c * phiGrid.length] = 1;
  return { posterior, mean: new Float64Array(count).fill(1) };
}

const oneWindow = { factor: 1, inflations: inflations(1) };

/**
 * Decides every column of a comparison: both gates of the decision layer, adapted to two samples. Significance: all tests of
 * all columns share an α of 0.01, by weight (4 a categorical column, 1 a numeric one). Effect: the lower 90 % bound of the
 * share of rows moved is above the floor.
 *
 * @param alpha Share of comparisons of like with like that may say drift.
 */
export function decideColumns(columns: readonly ComparedCounts[], alpha = falseDriftShare): DecidedColumn[] {
  const weights = columns.reduce((sum, { binning }) => sum + seriesWeight[binning.kind], 0);
  return columns.map((column) => decideColumn(column, (alpha * seriesWeight[column.binning.kind]) / weights));
}

/** `insufficient_data` if no column could be decided: never "no drift" for want of rows. */
export function verdictOf(decisions: readonly ColumnDecision[]): Verdict {
  if (decisions.includes("drift")) return "drift";
  return decisions.includes("ok") ? "ok" : "insufficient_data";
}

function decideColumn({ binning, reference, current, valuesMove }: ComparedCounts, seriesAlpha: number): DecidedColumn {
  const series = { role: "feature", feature: "", version: "", slice: "" } as const;
  const all = contrastsOf({ series, binning, pooled: reference }, { omnibus: true });
  const belief = independentRows(all);
  const thresholds = thresholdsOf(all, seriesAlpha, "short");
  const sums = current.rows > 0 ? all.project(current) : null;
  const cells = sums === null ? null : omnibusCells(all, sums.presentWeight);
  const measurement = sums === null ? null : measure(all, cells, sums, belief, oneWindow);
  const wanted = signalsOf(all).filter(({ signal }) => valuesMove === null || signal === "missing");
  const signals: SignalEvidence[] = [];
  const judged = new Set<ContrastSignal>();
  for (const of of wanted) {
    const { signal } = of;
    const gate = { floor: comparisonFloors[signal], omnibus: true };
    const judgement = judge(all, of, belief, thresholds, gate, measurement, null);
    if (judgement.judged !== "short" || measurement === null || judgement.nearest === null) continue;
    judged.add(signal);
    const c = judgement.hit?.contrast ?? judgement.nearest.contrast;
    signals.push({
      ...evidenceOf(all, c, measurement, belief),
      signal,
      effectHigh: Math.min(1, Math.max(upperBound(all, measurement, c), judgement.effectHigh)),
      threshold: thresholds.alpha.short[c]!,
      floor: gate.floor,
      drifted: judgement.hit !== null,
    });
  }
  const notJudged = whyNotJudged(all, current, valuesMove);
  const drifted = signals.filter((signal) => signal.drifted);
  const leading =
    drifted.toSorted((a, b) => b.effectLow - a.effectLow)[0] ??
    signals.find(({ signal }) => signal === "distribution") ??
    signals.find(({ signal }) => signal === "unseen") ??
    signals[0] ??
    null;
  return {
    decision: drifted.length > 0 ? "drift" : decisionWithoutDrift(notJudged, judged),
    leading,
    signals,
    distributionAlpha: thresholds.alpha.short.reduce(
      (sum, share, c) => (all.contrasts[c]!.signal === "distribution" ? sum + share : sum),
      0,
    ),
    notJudged,
  };
}

function whyNotJudged(
  contrasts: SeriesContrasts,
  current: SeriesCounts,
  valuesMove: ComparedCounts["valuesMove"],
): DecidedColumn["notJudged"] {
  if (contrasts.referencePresentRows < minReferenceRows) return "few_reference_values";
  if (current.presentRows < minWindowRows) return "few_current_values";
  if (valuesMove !== null) return "values_move";
  return contrasts.nothingKept ? "no_frequent_category" : null;
}

function decisionWithoutDrift(
  notJudged: DecidedColumn["notJudged"],
  judged: ReadonlySet<ContrastSignal>,
): ColumnDecision {
  switch (notJudged) {
    case "few_reference_values":
    case "few_current_values":
      return "insufficient_data";
    case "values_move":
    case "no_frequent_category":
      return "too_variable";
    case null:
      // A constant reference has no distribution to move; that no other value came is then what was judged.
      return judged.has("distribution") || judged.has("unseen") ? "ok" : "insufficient_data";
  }
}

/** What rounding leaves of shares that are alike. */
const roundingShare = 1e-12;

function evidenceOf(contrasts: SeriesContrasts, c: number, measurement: Measurement, belief: Belief) {
  const contrast = contrasts.contrasts[c]!;
  // The omnibus' effect is a bound already; what it is a bound of is the distance of the shares themselves.
  const moved = contrast.form === "omnibus" ? measurement.y[c]! : measurement.effect[c]!;
  return {
    contrast: contrast.name,
    form: contrast.form,
    reference: contrast.reference,
    current: measurement.y[c]!,
    effect: moved < roundingShare ? 0 : moved,
    effectLow: Math.max(0, lowerBound(measurement, c)),
    pValue: pValueOf(contrasts, c, measurement, belief),
  };
}
