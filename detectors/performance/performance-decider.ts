import type { Series } from "../../core/baseline.ts";
import { findingId, type SeriesState } from "../../core/finding.ts";
import type { JudgedMetric, PerformanceSpec } from "../../core/model.ts";
import type { Window } from "../../core/window.ts";
import { performanceAlpha } from "../decisions/budget.ts";
import { incidentId } from "../decisions/incidents.ts";
import type { Horizon } from "../decisions/judgement.ts";
import { closeAfter, continued, mayReopen, type Continuation, type FindingEvidence } from "../decisions/lifecycle.ts";
import { judgedMetricKinds, pooledSample, type MetricSample, type VersionSamples } from "./judged-metrics.ts";
import { metricEvidence, type MetricEvidence, type MetricReference } from "./metric-evidence.ts";

/** What is believed of a model's performance in healthy windows. */
export interface PerformanceReference {
  /** Share of the baseline's rows that have a label. */
  readonly coverage: number;
  /** Metrics that too few of the baseline's windows gave are left out. */
  readonly metrics: Readonly<Partial<Record<JudgedMetric, MetricReference>>>;
}

/** One window whose labels are due, as far as decisions need it. */
export interface PerformanceWindow {
  readonly window: Window;
  readonly versions: readonly VersionSamples[];
  /** The model's incident that a finding of this window joins, by what its other series showed; how many windows ago it began (below 0: after it). */
  readonly incident: { readonly incidentId: string; readonly windowsAgo: number } | null;
}

/** A fall of one metric of one version that is open, or closed so recently that it could reopen. */
export interface PerformanceFinding {
  readonly key: string;
  readonly series: Series;
  readonly metric: JudgedMetric;
  readonly findingId: string;
  readonly incidentId: string;
  readonly horizon: Horizon;
  /** How much worse it was when it opened. */
  readonly d0: number;
  readonly reopened: boolean;
  readonly openedWindowStartMs: number;
  readonly openedWindowEndMs: number;
  readonly calm: number;
  readonly closedIndex: number | null;
  readonly closedWindowEndMs: number | null;
  readonly evidence: FindingEvidence;
  /** Largest magnitude so far. */
  readonly peak: number;
  /** Rows of the window and those with a label, as of the window of the evidence. */
  readonly labels: { readonly rows: number; readonly labelled: number };
}

/** All that deciding on performance remembers between windows; plain JSON. */
export interface PerformanceMemory {
  /** Calendar windows since the start. */
  readonly index: number;
  readonly lastWindowStartMs: number | null;
  /** By key of a metric's series: what the last h windows gave. */
  readonly recent: Readonly<Record<string, readonly (MetricSample & { readonly index: number })[]>>;
  /** By version: index of the last window with rows. */
  readonly lastSeen: Readonly<Record<string, number>>;
  readonly findings: readonly PerformanceFinding[];
  readonly incidents: readonly { readonly incidentId: string; readonly openedIndex: number }[];
}

/** What one window said about one metric of one version. */
export interface PerformanceDecision {
  readonly series: Series;
  readonly metric: JudgedMetric;
  readonly state: SeriesState;
  readonly reference: MetricReference | null;
  /** Null if it was not measured; the horizon on which it is nearest to (or furthest past) its threshold. */
  readonly evidence: MetricEvidence | null;
  readonly horizon: Horizon;
}

export interface PerformanceDeciderOptions {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  readonly windowMs: number;
  readonly windowsPerWeek: number;
  /** Windows in the long horizon. */
  readonly horizon: number;
  readonly falseIncidentsPerModelWeek: number;
  readonly performance: PerformanceSpec;
}

export interface PerformanceDecider {
  initialMemory(): PerformanceMemory;
  /**
   * Decides one window whose labels are due. Pure: labels that come still later have it, and all after it, decided again
   * from the memory before it. Windows come in order of time.
   */
  step(
    memory: PerformanceMemory,
    window: PerformanceWindow,
    reference: PerformanceReference,
  ): {
    readonly memory: PerformanceMemory;
    readonly decisions: readonly PerformanceDecision[];
    /** Every open finding, and each one that closed in this window. */
    readonly findings: readonly PerformanceFinding[];
  };
}

/** Part of a metric's α for single windows; the rest is for the last h windows together. */
const shortShare = 0.6;

export function performanceSeries(metric: JudgedMetric, version: string): Series {
  const { of } = judgedMetricKinds[metric];
  return { role: of, feature: of, version, slice: "" };
}

const keyOf = (metric: JudgedMetric, version: string) => JSON.stringify([metric, version]);

/** One metric of one version in the window at hand. */
interface Judged {
  readonly key: string;
  readonly version: string;
  readonly metric: JudgedMetric;
  readonly reference: MetricReference | null;
  readonly rows: number;
  readonly labelled: number;
  readonly recent: readonly (MetricSample & { readonly index: number })[];
  readonly short: MetricEvidence | null;
  readonly long: MetricEvidence | null;
}

export function createPerformanceDecider(options: PerformanceDeciderOptions): PerformanceDecider {
  const { horizon, performance } = options;

  const step: PerformanceDecider["step"] = (memory, observed, reference) => {
    const { window } = observed;
    const index =
      memory.index +
      (memory.lastWindowStartMs === null
        ? 1
        : Math.max(1, Math.round((window.startMs - memory.lastWindowStartMs) / options.windowMs)));
    const lastSeen = { ...memory.lastSeen };
    for (const { version, rows } of observed.versions) if (rows > 0) lastSeen[version] = index;
    const live = Object.entries(lastSeen).filter(([, seen]) => index - seen <= horizon);
    const judgedMetrics = performance.metrics.filter(({ metric }) => reference.metrics[metric] !== undefined);
    const alpha = performanceAlpha(options) / Math.max(1, judgedMetrics.length * live.length);

    const judged = observed.versions.flatMap((version) =>
      performance.metrics.map(({ metric, minChange }): Judged => {
        const key = keyOf(metric, version.version);
        const { rows, labelled } = version;
        const known = reference.metrics[metric] ?? null;
        const common = { key, version: version.version, metric, rows, labelled, reference: known };
        const before = (memory.recent[key] ?? []).filter((sample) => sample.index > index - horizon);
        const sample = version.metrics[metric] ?? null;
        const covered = labelled >= performance.minCoverage * reference.coverage * rows;
        if (known === null || sample === null || !covered)
          return { ...common, recent: before, short: null, long: null };
        const recent = [...before, { ...sample, index }];
        const kind = judgedMetricKinds[metric];
        const pooled = pooledSample(recent);
        const gates = { minChange, windows: recent.length };
        return {
          ...common,
          recent,
          short: metricEvidence(sample, known, kind, { minChange, threshold: alpha * shortShare }),
          long:
            recent.length < 2 || pooled === null
              ? null
              : metricEvidence(pooled, known, kind, { ...gates, threshold: alpha * (1 - shortShare) }),
        };
      }),
    );
    const judgedByKey = new Map(judged.map((entry) => [entry.key, entry]));

    const continuationOf = (finding: PerformanceFinding): Continuation => {
      const version = finding.series.version;
      const others = live.some(([other, seen]) => other !== version && seen === index);
      const gone = index - (lastSeen[version] ?? 0) > horizon && others;
      if (gone || !judgedMetrics.some(({ metric }) => metric === finding.metric)) return { kind: "retired" };
      const entry = judgedByKey.get(finding.key);
      if (entry === undefined || entry.short === null) return { kind: "not_measured" };
      if (entry.short.passes || entry.long?.passes === true) return { kind: "lasting" };
      const windows = finding.horizon === "long" ? horizon : closeAfter;
      const pooled = pooledSample(entry.recent.filter((sample) => sample.index > index - windows));
      const effect = pooled === null ? 0 : worsening(entry, pooled.value);
      return { kind: effect < finding.d0 / 2 ? "calm" : "lasting" };
    };

    const findings = memory.findings.map((finding): PerformanceFinding => {
      if (finding.closedIndex !== null) return finding;
      const next = continued(finding, continuationOf(finding), { index, windowEndMs: window.endMs });
      const entry = judgedByKey.get(finding.key);
      const evidence = entry?.[finding.horizon] ?? entry?.short ?? null;
      return entry === undefined || evidence === null ? next : withEvidence(next, entry, evidence);
    });

    let incidents = memory.incidents;
    for (const entry of judged) {
      const hit: Horizon | null = entry.short?.passes === true ? "short" : entry.long?.passes === true ? "long" : null;
      const evidence = hit === null ? null : entry[hit];
      if (hit === null || evidence === null) continue;
      const own = findings.filter(({ key }) => key === entry.key);
      if (own.some(({ closedIndex }) => closedIndex === null || closedIndex === index)) continue;
      const opening = { horizon: hit, d0: evidence.effect, calm: 0, closedIndex: null, closedWindowEndMs: null };
      const at = findings.findIndex((finding) => finding.key === entry.key && mayReopen(finding, index, horizon));
      if (at >= 0) {
        findings[at] = withEvidence({ ...findings[at]!, ...opening, reopened: true }, entry, evidence);
        continue;
      }
      const incident = incidentOf(incidents, findings, observed, index);
      if (!incidents.some(({ incidentId: id }) => id === incident.incidentId)) incidents = [...incidents, incident];
      const series = performanceSeries(entry.metric, entry.version);
      const opened = {
        ...opening,
        key: entry.key,
        series,
        metric: entry.metric,
        findingId: findingId({ ...options, series, signal: "performance", openedWindowStartMs: window.startMs }),
        incidentId: incident.incidentId,
        reopened: false,
        openedWindowStartMs: window.startMs,
        openedWindowEndMs: window.endMs,
        peak: 0,
      };
      findings.push(withEvidence(opened, entry, evidence));
    }

    const kept = findings.filter(({ closedIndex }) => closedIndex === null || index - closedIndex < horizon);
    const isOpen = (key: string) => findings.some((finding) => finding.key === key && finding.closedIndex === null);
    const recent = { ...memory.recent, ...Object.fromEntries(judged.map((entry) => [entry.key, entry.recent])) };
    return {
      memory: {
        index,
        lastWindowStartMs: window.startMs,
        recent: Object.fromEntries(
          Object.entries(recent)
            .map(([key, samples]) => [key, samples.filter((sample) => sample.index > index - horizon)] as const)
            .filter(([, samples]) => samples.length > 0),
        ),
        lastSeen: Object.fromEntries(
          Object.entries(lastSeen).filter(
            ([version, seen]) =>
              index - seen <= horizon ||
              findings.some(({ series, closedIndex }) => series.version === version && closedIndex === null),
          ),
        ),
        findings: kept,
        incidents: incidents.filter(({ incidentId: id }) => kept.some((finding) => finding.incidentId === id)),
      },
      decisions: judged.map((entry) => decisionOf(entry, isOpen(entry.key))),
      findings: findings.filter(({ closedIndex }) => closedIndex === null || closedIndex === index),
    };
  };

  /** The newest incident that is open and began at most h windows ago, the model's own or one that performance began; else a new one. */
  function incidentOf(
    incidents: PerformanceMemory["incidents"],
    findings: readonly PerformanceFinding[],
    { window, incident }: PerformanceWindow,
    index: number,
  ): PerformanceMemory["incidents"][number] {
    const open = incidents.filter(
      ({ incidentId: id, openedIndex }) =>
        index - openedIndex <= horizon &&
        findings.some((finding) => finding.incidentId === id && finding.closedIndex === null),
    );
    const ofModel =
      incident === null ? [] : [{ incidentId: incident.incidentId, openedIndex: index - incident.windowsAgo }];
    const [newest] = [...ofModel, ...open].toSorted((a, b) => b.openedIndex - a.openedIndex);
    return (
      newest ?? {
        incidentId: incidentId({ ...options, openedWindowStartMs: window.startMs }),
        openedIndex: index,
      }
    );
  }

  return {
    initialMemory: () => ({
      index: 0,
      lastWindowStartMs: null,
      recent: {},
      lastSeen: {},
      findings: [],
      incidents: [],
    }),
    step,
  };
}

function worsening({ metric, reference }: Judged, value: number): number {
  if (reference === null) return 0;
  const { better, scale } = judgedMetricKinds[metric];
  const change = better === "high" ? reference.value - value : value - reference.value;
  return scale === "ratio" ? change / Math.max(reference.value, Number.MIN_VALUE) : change;
}

function withEvidence(
  finding: Omit<PerformanceFinding, "evidence" | "labels">,
  { reference, rows, labelled }: Judged,
  evidence: MetricEvidence,
): PerformanceFinding {
  // Other magnitudes are shares of rows: a loss that doubled must not outweigh them all.
  const magnitude = Math.min(1, Math.max(0, evidence.effectLow));
  return {
    ...finding,
    peak: Math.max(finding.peak, magnitude),
    labels: { rows, labelled },
    evidence: {
      reference: reference?.value ?? 0,
      current: evidence.value,
      effect: evidence.effect,
      effectLow: evidence.effectLow,
      effectHigh: evidence.effectHigh,
      pValue: evidence.pValue,
      threshold: evidence.threshold,
      rows: Math.round(evidence.rows),
      referenceRows: Math.round(reference?.rows ?? 0),
      minimumDetectableEffect: evidence.minimumDetectableEffect(),
      magnitude,
      varianceInflation: evidence.varianceInflation,
    },
  };
}

function decisionOf(entry: Judged, open: boolean): PerformanceDecision {
  const { metric, version, reference, short, long } = entry;
  const longNearer = short !== null && long !== null && ratio(long) < ratio(short);
  const evidence = longNearer ? long : short;
  const common = { series: performanceSeries(metric, version), metric, reference };
  const horizon = longNearer ? ("long" as const) : ("short" as const);
  if (evidence === null) {
    const state = reference === null ? "no_baseline" : "insufficient_data";
    return { ...common, state, evidence, horizon };
  }
  // What became better is told by its number alone.
  const watching = evidence.effect > 0 && ratio(evidence) <= 20;
  return { ...common, state: open ? "drift" : watching ? "watching" : "ok", evidence, horizon };
}

function ratio({ pValue, threshold, passes }: MetricEvidence): number {
  return passes ? 0 : pValue / threshold;
}
