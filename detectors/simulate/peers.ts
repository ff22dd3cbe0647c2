import { compareCounts, compareSamples } from "../methods/compare.ts";
import type { MethodName } from "../methods/registry.ts";
import type { Run } from "./run.ts";
import type { Scenario } from "./scenarios.ts";
import { createModel, type SimulatedModel } from "./streams.ts";

/** One column of the reference and of a window, without missing values. */
interface ColumnPair {
  readonly numeric: boolean;
  readonly reference: Float64Array;
  readonly current: Float64Array;
  /** The same column in each window of the reference. */
  readonly windows: readonly Float64Array[];
  readonly columns: number;
}

/** A default of another tool, as its documentation gives it: whether a column of a window is an alert. */
export interface PeerRule {
  readonly name: string;
  readonly prepare?: (column: Omit<ColumnPair, "current">) => unknown;
  readonly alerts: (column: ColumnPair, prepared: unknown) => boolean;
  /** No tool's, but what any rule lies between. */
  readonly bound?: true;
}

const distance = (method: MethodName, column: ColumnPair): number =>
  score(method, column.reference, column.current, column);

function score(
  method: MethodName,
  reference: Float64Array,
  current: Float64Array,
  { numeric }: { readonly numeric: boolean },
): number {
  if (numeric) return compareSamples(method, reference, current).score;
  const [before, now] = categoryCounts(reference, current);
  return compareCounts(method, before, now).score;
}

function pValue(method: MethodName, column: ColumnPair): number {
  if (column.numeric) return compareSamples(method, column.reference, column.current).pValue ?? 1;
  const [before, now] = categoryCounts(column.reference, column.current);
  return compareCounts(method, before, now).pValue ?? 1;
}

function categoryCounts(reference: Float64Array, current: Float64Array): [number[], number[]] {
  const cells = Math.max(...reference, ...current) + 1;
  const count = (values: Float64Array) => {
    const counts = new Array<number>(cells).fill(0);
    for (const value of values) counts[value]! += 1;
    return counts;
  };
  const before = count(reference);
  const now = count(current);
  const occupied = before.map((rows, cell) => rows + now[cell]! > 0);
  return [before.filter((_, cell) => occupied[cell]), now.filter((_, cell) => occupied[cell])];
}

/** More reference rows than this, and Evidently measures distances instead of significance. */
const evidentlySmall = 1000;
const testOf = ({ numeric }: ColumnPair): MethodName => (numeric ? "ks" : "chi_square");

/** Defaults of July 2026, as their documentation states them; what pages somebody is any column's alert. */
export const peerRules: readonly PeerRule[] = [
  {
    name: "Evidently: Wasserstein, JS ≥ 0.1; tests p < 0.05 up to 1,000 rows",
    alerts: (column) => {
      if (column.reference.length <= evidentlySmall) return pValue(testOf(column), column) < 0.05;
      if (!column.numeric) return distance("jensen_shannon", column) >= 0.1;
      return compareSamples("wasserstein", column.reference, column.current, { scale: "reference_sd" }).score >= 0.1;
    },
  },
  { name: "Evidently: PSI ≥ 0.1", alerts: (column) => distance("psi", column) >= 0.1 },
  {
    name: "NannyML: JS beyond mean ± 3 SD of the reference's chunks",
    prepare: (column) => {
      const scores = column.windows.map((window) => score("jensen_shannon", column.reference, window, column));
      const mean = scores.reduce((sum, each) => sum + each, 0) / scores.length;
      return mean + 3 * Math.sqrt(scores.reduce((sum, each) => sum + (each - mean) ** 2, 0) / scores.length);
    },
    alerts: (column, threshold) => distance("jensen_shannon", column) > (threshold as number),
  },
  { name: "TrustyAI: KS p < 0.05, numbers only", alerts: (column) => column.numeric && pValue("ks", column) < 0.05 },
  {
    name: "alibi-detect: KS, χ², p < 0.05 with Bonferroni over columns",
    alerts: (column) => pValue(testOf(column), column) < 0.05 / column.columns,
  },
  {
    name: "Deepchecks: KS, Cramér's V ≥ 0.2",
    alerts: (column) => distance(column.numeric ? "ks" : "cramers_v", column) >= 0.2,
  },
  { name: "WhyLabs: Hellinger ≥ 0.7", alerts: (column) => distance("hellinger", column) >= 0.7 },
  { name: "always fire", alerts: () => true, bound: true },
  { name: "never fire", alerts: () => false, bound: true },
];

/** @throws RangeError for a name that no rule has. */
function peerNamed(name: string): PeerRule {
  const found = peerRules.find((rule) => rule.name === name);
  if (found === undefined) throw new RangeError(`unknown rule ${name}`);
  return found;
}

/**
 * What another tool's rule does on the same models as Leeway's decisions: `incidents` are windows with at least one alert,
 * `growths` further columns in them, `foundIn` the first window that names the column which changed.
 */
export function runPeer(peer: string, scenario: Scenario, index: number, seed: number): Run {
  const rule = peerNamed(peer);
  const { stream, ...kind } = scenario as Extract<Scenario, { kind: "false_incidents" | "delay" }>;
  const change = kind.kind === "delay" ? kind.change : null;
  const windows = kind.kind === "delay" ? kind.marks.at(-1)!.within : kind.windows;
  const model = createModel(stream, change, seed, index);
  const columns = referenceColumns(model);
  const prepared = columns.map((column) => rule.prepare?.(column));
  let incidents = 0;
  let growths = 0;
  let foundIn: number | null = null;
  const from = kind.kind === "delay" ? (kind.from ?? 0) : 0;
  for (let w = from; w < from + windows && foundIn === null; w += 1) {
    const { values } = model.live(w);
    const alerts = columns.map((column, at) => rule.alerts({ ...column, current: present(values[at]!) }, prepared[at]));
    const count = alerts.filter(Boolean).length;
    if (count > 0) incidents += 1;
    growths += Math.max(0, count - 1);
    if (model.changed !== null && alerts[Number(model.changed.slice(1))] === true) foundIn = w - from + 1;
  }
  return { incidents, growths, worsened: 0, findings: 0, foundIn };
}

function referenceColumns(model: SimulatedModel): Omit<ColumnPair, "current">[] {
  return model.numeric.map((numeric, at) => {
    const windows = model.referenceValues.map((window) => present(window[at]!));
    const reference = Float64Array.from(windows.flatMap((window) => [...window]));
    return { numeric, reference, windows, columns: model.numeric.length };
  });
}

function present(values: Float64Array): Float64Array {
  return values.filter((value) => !Number.isNaN(value));
}
