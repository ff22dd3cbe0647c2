import { countText, durationText, numberText, shareText } from "../../alerting/text/quantities.ts";
import type { Series } from "../../core/baseline.ts";
import type { SeriesState } from "../../core/finding.ts";
import type { SignalExamination, WindowExamination } from "../../detectors/examination.ts";
import type { Evaluation } from "../../store/facts/evaluations.ts";

/** `not_measured` is never a pass: nothing is known. */
export type GateVerdict = "passed" | "failed" | "not_measured";

/** One condition on the way from rows to a finding. */
export interface Gate {
  readonly gate:
    | "baseline"
    | "rows"
    | "warming_up"
    | "variability"
    | "significance"
    | "effect"
    | "silence"
    | "persistence";
  readonly verdict: GateVerdict;
  /** One clause with the numbers. */
  readonly detail: string;
}

/** Why one signal of one series opened a finding in a window, or did not. */
export interface SeriesExplanation {
  readonly series: Series;
  readonly signal: Evaluation["signal"];
  readonly name: string;
  readonly state: SeriesState;
  /** One sentence. */
  readonly conclusion: string;
  readonly gates: readonly Gate[];
  readonly rows: number;
  readonly reference_rows: number;
  readonly contrast: string | null;
  readonly horizon: "short" | "long" | null;
  readonly effect: number | null;
  readonly effect_low: number | null;
  readonly effect_high: number | null;
  readonly floor: number | null;
  readonly p_value: number | null;
  readonly alpha: number | null;
  readonly variance_inflation: number | null;
  /** The smallest effect that this many rows could have shown. */
  readonly minimum_detectable_effect: number | null;
  readonly finding: { readonly id: string; readonly incident: string; readonly state: "open" | "closed" } | null;
  /** Reported numbers that decide nothing: psi, ks … */
  readonly methods: Readonly<Record<string, number>>;
}

export function seriesLabel({ role, feature, version, slice }: Series): string {
  const ofVersion = version === "" ? "" : ` of version ${version}`;
  const name = role === "score" ? `score${ofVersion}` : role === "class" ? `predicted class${ofVersion}` : feature;
  return slice === "" ? name : `${name} (${slice})`;
}

/**
 * Joins what a window stored with what measuring it again shows.
 *
 * @param examination Null if the window cannot be measured again: then the stored numbers alone speak.
 */
export function explainSeries(
  evaluations: readonly Evaluation[],
  examination: WindowExamination | null,
): readonly SeriesExplanation[] {
  return evaluations.map((evaluation) => {
    const { series, signal } = evaluation;
    const same = (other: { readonly series: Series; readonly signal: string }) =>
      other.signal === signal &&
      other.series.role === series.role &&
      other.series.feature === series.feature &&
      other.series.version === series.version &&
      other.series.slice === series.slice;
    const examined = examination?.series.find(same) ?? null;
    const memory = examination?.findings.filter(same).at(-1) ?? null;
    const nearest = examined?.nearest ?? null;
    const gates = gatesOf(evaluation, examined, examination, memory);
    return {
      series,
      signal,
      name: nameOf(evaluation),
      state: evaluation.state,
      conclusion: conclusionOf(evaluation, gates),
      gates,
      rows: examined?.rows ?? evaluation.rows,
      reference_rows: examined?.referenceRows ?? evaluation.referenceRows,
      contrast: nearest?.contrast ?? (evaluation.contrast || null),
      horizon: nearest?.horizon ?? null,
      effect: nearest?.effect ?? evaluation.effect,
      effect_low: nearest?.effectLow ?? evaluation.effectLow,
      effect_high: nearest?.effectHigh ?? null,
      floor: examined?.floor ?? null,
      p_value: nearest?.pValue ?? evaluation.pValue,
      alpha: nearest?.threshold ?? evaluation.threshold,
      variance_inflation: nearest?.varianceInflation ?? null,
      minimum_detectable_effect: nearest?.minimumDetectableEffect ?? null,
      finding:
        memory === null
          ? null
          : {
              id: memory.findingId,
              incident: memory.incidentId,
              state: memory.closedIndex === null ? "open" : "closed",
            },
      methods: evaluation.methods,
    };
  });
}

function nameOf({ series, signal, contrast }: Evaluation): string {
  if (signal === "performance") return `${contrast}${series.version === "" ? "" : ` of version ${series.version}`}`;
  return series.role === "feature" && series.feature === "" ? "flow of events" : seriesLabel(series);
}

type Memory = WindowExamination["findings"][number];

function gatesOf(
  evaluation: Evaluation,
  examined: SignalExamination | null,
  examination: WindowExamination | null,
  memory: Memory | null,
): readonly Gate[] {
  const { state, signal } = evaluation;
  const gates: Gate[] = [];
  if (signal === "custom" || signal === "joint") return monitorGates(evaluation, memory, examination);
  if (signal === "performance") return performanceGates(evaluation);
  if (state === "no_baseline") {
    const detail =
      evaluation.referenceRows === 0
        ? "there is no baseline to compare with"
        : `the baseline has ${countText(evaluation.referenceRows)} rows of it; 100 are needed`;
    return [{ gate: "baseline", verdict: "not_measured", detail }];
  }
  if (signal === "silence") return silenceGates(evaluation, memory, examination);
  if (examined === null) return storedGates(evaluation);

  const on = examined.weekdays === null ? "" : `, ${examined.weekdays}, whose days differ from the others`;
  const against = examined.concurrent ? "of the control version in this window" : `in the baseline${on}`;
  gates.push({
    gate: "baseline",
    verdict: examined.referenceRows >= examined.neededReferenceRows ? "passed" : "not_measured",
    detail: `${countText(examined.referenceRows)} rows ${against}; ${examined.neededReferenceRows} are needed`,
  });
  const pooled = examined.judged === "long" ? "; the windows before it, pooled with it, are judged all the same" : "";
  const enough = examined.rows >= examined.neededRows;
  gates.push({
    gate: "rows",
    verdict: enough ? "passed" : "not_measured",
    detail: `${countText(examined.rows)} rows in this window; ${examined.neededRows} are needed${pooled}`,
  });
  if (examination?.warming !== null && examination !== null) {
    const { judgedWindows, needed } = examination.warming;
    gates.push({
      gate: "warming_up",
      verdict: "failed",
      detail: `window ${judgedWindows + 1} of ${needed} from which ordinary variation is learnt: until then only a change of more than ${shareText(examined.floor)} of rows opens a finding, as a provisional one`,
    });
  }
  const { nearest } = examined;
  if (nearest === null) {
    gates.push({ gate: "significance", verdict: "not_measured", detail: "nothing was measured in this window" });
    return gates;
  }
  const varies =
    nearest.varianceInflation < 1.05
      ? "healthy windows vary as independent rows would"
      : `healthy windows vary ${numberText(nearest.varianceInflation)} times as much as independent rows would`;
  gates.push({
    gate: "variability",
    verdict: examined.tooVariable ? "failed" : "passed",
    detail: examined.tooVariable ? `${varies}: one window of this size can say nothing` : varies,
  });
  const over = nearest.horizon === "long" ? `the last ${examined.horizon} windows together` : "this window alone";
  gates.push({
    gate: "significance",
    verdict: nearest.significant ? "passed" : "failed",
    detail: `p = ${probability(nearest.pValue)} ${nearest.significant ? "≤" : ">"} α = ${probability(nearest.threshold)} (${contrastText(nearest.contrast)}, ${over}; α is this test's part of ${probability(examined.seriesAlpha)} for all tests of the series)`,
  });
  const bounds = `${shareText(nearest.effect)} of rows moved, at least ${shareText(Math.max(0, nearest.effectLow))} and at most ${shareText(nearest.effectHigh)} (90 % bounds)`;
  gates.push({
    gate: "effect",
    verdict: nearest.aboveFloor ? "passed" : "failed",
    detail: `${bounds}; the lower bound ${nearest.aboveFloor ? "exceeds" : "does not exceed"} the floor of ${shareText(examined.floor)}`,
  });
  const persistence = persistenceGate(memory, examination);
  return persistence === null ? gates : [...gates, persistence];
}

function silenceGates(
  evaluation: Evaluation,
  memory: Memory | null,
  examination: WindowExamination | null,
): readonly Gate[] {
  const { effect, pValue, threshold, referenceRows, state } = evaluation;
  if (effect === null || pValue === null || threshold === null) {
    const detail = "the baseline has no times, so nothing is known of its gaps";
    return [{ gate: "silence", verdict: "not_measured", detail }];
  }
  const passed = state === "drift" || pValue <= threshold;
  const detail = `the longest gap between events was ${numberText(effect)} times the longest of ${countText(referenceRows)} windows of the baseline: p = ${probability(pValue)}, α = ${probability(threshold)}`;
  const persistence = persistenceGate(memory, examination);
  return [
    { gate: "silence", verdict: passed ? "passed" : "failed", detail },
    ...(persistence === null ? [] : [persistence]),
  ];
}

/** A monitor's gates: what its statement gave is stored, and not asked again. */
function monitorGates(
  evaluation: Evaluation,
  memory: Memory | null,
  examination: WindowExamination | null,
): readonly Gate[] {
  const { state, effect, effectLow, pValue, threshold, referenceRows, methods } = evaluation;
  if (state === "no_baseline") {
    const detail = `${countText(referenceRows)} windows of the baseline gave a value; 5 are needed`;
    return [{ gate: "baseline", verdict: "not_measured", detail }];
  }
  if (effect === null || pValue === null || threshold === null) {
    const detail =
      evaluation.signal === "joint"
        ? "the window or the baseline has too few rows for a classifier: 200 a side are needed"
        : "its statement gave no value for this window; if it failed, the detector's log says why";
    return [{ gate: "rows", verdict: "not_measured", detail }];
  }
  const { value = 0, reference_mean: mean = 0 } = methods;
  const sizeOf = evaluation.signal === "joint" ? numberText : shareText;
  const persistence = persistenceGate(memory, examination);
  return [
    {
      gate: "significance",
      verdict: pValue <= threshold ? "passed" : "failed",
      detail: `p = ${probability(pValue)} ${pValue <= threshold ? "≤" : ">"} α = ${probability(threshold)}: ${numberText(value)} against a mean of ${numberText(mean)} over ${countText(referenceRows)} windows of the baseline`,
    },
    {
      gate: "effect",
      verdict: state === "drift" ? "passed" : "not_measured",
      detail: `${sizeOf(effect)} ${evaluation.signal === "joint" ? "above" : "away from"} that mean, at least ${sizeOf(Math.max(0, effectLow ?? 0))}; the latter must exceed min_change of the model's file`,
    },
    ...(persistence === null ? [] : [persistence]),
  ];
}

/** A metric's gates: what labels said when they were due, and since. */
function performanceGates(evaluation: Evaluation): readonly Gate[] {
  const { state, effect, effectLow, pValue, threshold, referenceRows, rows, contrast, methods } = evaluation;
  if (state === "no_baseline") {
    const detail = "fewer than 5 windows of the baseline have labels enough for it";
    return [{ gate: "baseline", verdict: "not_measured", detail }];
  }
  const { labelled_rows: labelled = 0, label_coverage: coverage = 0 } = methods;
  const labels = `${countText(labelled)} of ${countText(rows)} rows (${shareText(coverage)}) have a label so far`;
  if (effect === null || pValue === null || threshold === null) {
    const detail = `${labels}: fewer than 30, or less than performance.min_coverage of what the baseline has; early labels are a biased sample`;
    return [{ gate: "rows", verdict: "not_measured", detail }];
  }
  const { [contrast]: value = 0, [`reference_${contrast}`]: reference = 0 } = methods;
  const significant = pValue <= threshold;
  const worse = effect > 0 ? `${numberText(effect)} worse` : `${numberText(-effect)} better`;
  return [
    { gate: "rows", verdict: "passed", detail: labels },
    {
      gate: "significance",
      verdict: significant ? "passed" : "failed",
      detail: `p = ${probability(pValue)} ${significant ? "≤" : ">"} α = ${probability(threshold)}: ${contrast} ${numberText(value)} in this window, ${numberText(reference)} in ${countText(referenceRows)} labelled rows of the baseline`,
    },
    {
      gate: "effect",
      verdict: state === "drift" ? "passed" : effect > 0 ? "not_measured" : "failed",
      detail: `${worse}, at least ${numberText(Math.max(0, effectLow ?? 0))} worse (this window, or the last windows together); the latter must exceed min_change of the model's file`,
    },
  ];
}

/** Gates of a window that cannot be measured again, from its stored row. */
function storedGates(evaluation: Evaluation): readonly Gate[] {
  const { state, rows, effect, effectLow, pValue, threshold } = evaluation;
  if (pValue === null || threshold === null || effect === null) {
    const detail =
      state === "too_variable"
        ? "no category is frequent enough to be followed"
        : `${countText(rows)} rows in this window; 30 are needed`;
    return [{ gate: state === "too_variable" ? "variability" : "rows", verdict: "not_measured", detail }];
  }
  return [
    {
      gate: "significance",
      verdict: pValue <= threshold ? "passed" : "failed",
      detail: `p = ${probability(pValue)}, α = ${probability(threshold)} (${evaluation.contrast})`,
    },
    {
      gate: "effect",
      verdict: state === "drift" ? "passed" : "not_measured",
      detail: `${shareText(effect)} of rows moved, at least ${shareText(Math.max(0, effectLow ?? 0))}; the floor of that time is not stored`,
    },
  ];
}

function persistenceGate(memory: Memory | null, examination: WindowExamination | null): Gate | null {
  if (memory === null || examination === null) return null;
  const since = new Date(memory.openedWindowStartMs).toISOString().slice(0, 16).replace("T", " ");
  const again = memory.reopened ? ", opened again within the folding horizon" : "";
  if (memory.closedIndex !== null) {
    return {
      gate: "persistence",
      verdict: "failed",
      detail: `finding ${memory.findingId} since ${since}${again} has closed`,
    };
  }
  return {
    gate: "persistence",
    verdict: "passed",
    detail: `finding ${memory.findingId} is open since ${since}${again}; ${memory.calm} of ${examination.calmWindowsNeeded} calm windows in a row that end it`,
  };
}

function conclusionOf(evaluation: Evaluation, gates: readonly Gate[]): string {
  const verdict = (name: Gate["gate"]) => gates.find(({ gate }) => gate === name)?.verdict;
  switch (evaluation.state) {
    case "drift":
      return verdict("significance") === "failed" || verdict("effect") === "failed"
        ? "a finding is open: this window alone would not have opened it, and it has not been calm for long enough to end"
        : "a finding is open: it passed both gates";
    case "no_baseline":
      return "not measured: there is nothing to compare with, so it cannot fire";
    case "insufficient_data":
      if (evaluation.signal === "custom" || evaluation.signal === "joint")
        return "not measured: no value, which does not say that nothing changed";
      if (evaluation.signal === "performance")
        return "not measured: too few labels so far, which does not say that nothing changed";
      return "not measured: too few rows, which does not say that nothing changed";
    case "warming_up":
      return "no finding: ordinary variation is still being learnt";
    case "too_variable":
      return "it can never fire: it varies too much between healthy windows for windows of this size";
    case "watching":
      return verdict("significance") === "passed"
        ? "no finding: the change is real but too small to matter"
        : "no finding: close to the threshold, not past it";
    case "ok":
      if (evaluation.signal === "performance" && verdict("significance") === "passed")
        return "no finding: what changed did not become worse";
      return verdict("effect") === "passed"
        ? "no finding: such a difference is well within what chance makes of this many rows"
        : "no finding: neither significant nor large enough";
    case "reported":
      return "reported only: nobody judges it";
  }
}

function contrastText(contrast: string): string {
  return contrast === "omnibus" ? "all categories at once" : contrast;
}

/** Why α is what it is, in one paragraph. */
export function budgetText({ budget, windowMs }: WindowExamination): string {
  const {
    falseIncidentsPerModelWeek,
    windowsPerWeek,
    numeric,
    categorical,
    watchedSlices,
    monitors,
    performance,
    horizon,
  } = budget;
  const slices =
    watchedSlices === 0 ? "" : `; ${watchedSlices} watched slices share a fifth of it, the whole model keeps the rest`;
  const own = monitors === 0 ? "" : `; ${monitors} monitors of its own file share a tenth of it`;
  const labels = performance ? "; performance from labels has a twentieth of it" : "";
  return `α comes from the budget: ${numberText(falseIncidentsPerModelWeek)} false incidents a week for this model, over ${numberText(windowsPerWeek)} windows of ${durationText(windowMs)} a week, shared by ${numeric} numeric and ${categorical} categorical series (a categorical one gets four times the share of a numeric one)${slices}${own}${labels}. Each series shares its part over its tests, and over this window alone and the last ${horizon} windows together.`;
}

/** 0.0000012 → `1.2e-6`; 0.259 → `0.259`. */
function probability(value: number): string {
  if (value >= 0.001) return numberText(value);
  return value === 0 ? "0" : value.toExponential(1);
}
