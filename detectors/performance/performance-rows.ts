import type { Task } from "../../core/model.ts";
import { formatSlice } from "../../core/slice.ts";
import type { Evaluation } from "../../store/facts/evaluations.ts";
import { labelsDue } from "../../store/facts/performance.ts";
import type { PerformanceCounts } from "../../store/facts/performance.ts";
import type { AttributeFairness } from "./fairness.ts";
import type { IsotonicCurve } from "./isotonic.ts";
import { fewestLabelled } from "./judged-metrics.ts";
import type { PerformanceDecision } from "./performance-decider.ts";
import { estimatedMetrics, windowMetrics } from "./window-metrics.ts";
import type { Metrics } from "./window-metrics.ts";

/** Begins the names of metrics that were estimated before labels came. */
export const estimatePrefix = "estimated_";

/** Of rows that are reported: nothing was held against anything. */
const undecided = {
  referenceRows: 0,
  contrast: "",
  effect: null,
  effectLow: null,
  pValue: null,
  threshold: null,
} as const;

/** One version, slice or arm in a window, as it is stored. */
export function performanceRow(
  task: Task,
  part: PerformanceCounts,
  {
    due,
    minSliceRows,
    curve,
  }: { readonly due: boolean; readonly minSliceRows: number; readonly curve: IsotonicCurve | null },
): Evaluation {
  const { version, slice, rows, labelled } = part;
  const result = task.kind === "regression" ? ("score" as const) : ("class" as const);
  const fewest = slice === "" ? fewestLabelled : Math.max(fewestLabelled, minSliceRows);
  const known = labelled > 0 && (slice === "" || labelled >= fewest);
  return {
    series: { role: result, feature: result, version, slice },
    signal: "performance" as const,
    state: labelled >= fewest ? ("reported" as const) : ("insufficient_data" as const),
    rows,
    ...undecided,
    methods: {
      ...(known ? flattened(windowMetrics(part)) : {}),
      ...flattened(estimatedMetrics(part, curve), estimatePrefix),
      label_coverage: rows === 0 ? 0 : labelled / rows,
      labelled_rows: labelled,
      ...(due && { [labelsDue]: 1 }),
    },
  };
}

/**
 * Adds what was measured of the groups of cohort attributes: their rates to the row of their slice, which they have if it is
 * not watched too; the ratio of an attribute's rates to the row of the version, as `selection_rate_ratio:ATTRIBUTE`.
 */
export function withFairness(rows: readonly Evaluation[], fairness: readonly AttributeFairness[]): Evaluation[] {
  const found = new Map(rows.map((row) => [JSON.stringify([row.series.version, row.series.slice]), row]));
  const add = (version: string, slice: string, known: Pick<Evaluation, "rows">, methods: Evaluation["methods"]) => {
    const key = JSON.stringify([version, slice]);
    const row = found.get(key) ?? {
      series: { role: "class" as const, feature: "class", version, slice },
      signal: "performance" as const,
      state: "reported" as const,
      ...undecided,
      methods: {},
      ...known,
    };
    found.set(key, { ...row, methods: { ...methods, ...row.methods } });
  };
  for (const { version, attribute, groups, ...ratios } of fairness) {
    for (const { value, rows: groupRows, labelled, ...rates } of groups) {
      add(
        version,
        formatSlice({ [attribute]: value }),
        { rows: groupRows },
        {
          ...flattened(rates),
          label_coverage: labelled / groupRows,
          labelled_rows: labelled,
        },
      );
    }
    const named = Object.entries(flattened(ratios)).map(([name, value]) => [`${name}:${attribute}`, value]);
    add(version, "", { rows: 0 }, Object.fromEntries(named));
  }
  return [...found.values()];
}

/** `accuracy`, `accuracy_low`, `accuracy_high`: a number with its 95 % interval; what was not measured is left out. */
function flattened(metrics: Metrics, prefix = ""): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, measured]) =>
      measured === null
        ? []
        : [
            [`${prefix}${name}`, measured.value],
            [`${prefix}${name}_low`, measured.low],
            [`${prefix}${name}_high`, measured.high],
          ],
    ),
  );
}

/**
 * Adds what was decided of the versions: to the row of the version what was decided of its class (of a regression: its
 * estimate), and a row of its own for what was decided of its score.
 */
export function withDecisions(
  rows: readonly Evaluation[],
  decisions: readonly PerformanceDecision[],
): readonly Evaluation[] {
  const own = (of: Evaluation) =>
    decisions.find(
      ({ series }) => of.series.slice === "" && series.version === of.series.version && series.role === of.series.role,
    );
  const beside = decisions.flatMap((decision): Evaluation[] => {
    const { series, metric } = decision;
    const row = rows.find((one) => one.series.slice === "" && one.series.version === series.version);
    if (row === undefined || own(row) === decision) return [];
    const names = [metric, `${metric}_low`, `${metric}_high`, "label_coverage", "labelled_rows", labelsDue];
    const kept = names.flatMap((name) => (row.methods[name] === undefined ? [] : [[name, row.methods[name]] as const]));
    return [decided({ ...row, series, methods: Object.fromEntries(kept) }, decision)];
  });
  const merged = rows.map((row) => {
    const decision = own(row);
    return decision === undefined ? row : decided(row, decision);
  });
  return [...merged, ...beside];
}

function decided(row: Evaluation, { state, metric, reference, evidence }: PerformanceDecision): Evaluation {
  const methods = { ...row.methods, ...(reference !== null && { [`reference_${metric}`]: reference.value }) };
  const referenceRows = Math.round(reference?.rows ?? 0);
  if (evidence === null) return { ...row, state, referenceRows, contrast: metric, methods };
  const { effect, effectLow, pValue, threshold } = evidence;
  return { ...row, state, referenceRows, contrast: metric, effect, effectLow, pValue, threshold, methods };
}
