import type { Series } from "../../core/baseline.ts";
import {
  valueEvidence,
  type ValueEvidence,
  type ValueObservation,
  type ValueReference,
} from "../monitors/value-evidence.ts";
import { seriesKey } from "./series-key.ts";

const monitorSeries = (name: string): Series => ({ role: "feature", feature: name, version: "", slice: "" });

/** One monitor in the window at hand. */
export interface JudgedMonitor extends ValueObservation {
  readonly key: string;
  readonly series: Series;
  /** Null: the window gave no value, or the baseline too few. */
  readonly evidence: ValueEvidence | null;
}

/** A monitor's value held against its α. */
export function judgedMonitor(observation: ValueObservation, threshold: number): JudgedMonitor {
  const { name, value, reference } = observation;
  const series = monitorSeries(name);
  const evidence =
    value === null || reference === null ? null : valueEvidence(value, reference, { threshold, ...observation });
  return { ...observation, key: seriesKey(series), series, evidence };
}

/** What the baseline's windows said, by the monitors' names. */
export function valueReferences(monitors: readonly JudgedMonitor[]): Record<string, ValueReference> {
  return Object.fromEntries(
    monitors.flatMap(({ name, reference }) => (reference === null ? [] : [[name, reference] as const])),
  );
}
