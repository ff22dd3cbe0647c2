import { incidentMessage } from "../../alerting/message.ts";
import type { IncidentState } from "../../alerting/incidents/incident.ts";
import { incidentStartMs, standingFindings } from "../../alerting/incidents/incident.ts";
import { rankFindings } from "../../alerting/incidents/ranking.ts";
import { reconcile, type Rules } from "../../alerting/incidents/reconcile.ts";
import { incidentSeverity } from "../../alerting/incidents/severity.ts";
import { beforeAfter, headline, seriesName, sizeText } from "../../alerting/text/finding-text.ts";
import type { PinnedBaselineSpec } from "../../core/baseline.ts";
import { systemClock } from "../../core/clock.ts";
import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { Finding, SeriesState } from "../../core/finding.ts";
import type { Logger } from "../../core/logger.ts";
import type { ModelSpec } from "../../core/model.ts";
import { noTracing } from "../../core/tracing.ts";
import type { Window } from "../../core/window.ts";
import {
  binnedExpressions,
  ensureBaseline,
  fewestSubWindows,
  type LoadedBaseline,
} from "../../detectors/baselines/baseline.ts";
import { modelFeatures } from "../../detectors/baselines/model-features.ts";
import { createWindowDecider } from "../../detectors/window-decision.ts";
import { readOutcomes, readSeriesStates, readWindowSpans } from "../../store/facts/backtest-rows.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeProfiles } from "../../store/facts/profiles.ts";
import { neverExpires } from "../../store/facts/row-scope.ts";
import { summarizeRows } from "../../store/facts/windows.ts";
import { createPerformanceJudge } from "./performance-judge.ts";
import type {
  BacktestFinding,
  BacktestIncident,
  BacktestResult,
  BacktestWindow,
  BacktestWindowState,
  WindowPerformance,
} from "./result.ts";
import { calibrationOf, windowPerformance } from "./window-performance.ts";

/** Rows that lie as events in a store of the backtest's own. */
export interface BacktestRun {
  readonly facts: Facts;
  readonly model: ModelSpec;
  readonly environment: string;
  readonly baseline: PinnedBaselineSpec;
  readonly schemas: readonly FeatureSchema[];
  /** The windows to decide, once it is known how long they are; ascending, without holes. */
  readonly windows: (windowMs: number) => Promise<readonly PlannedWindow[]>;
  /** Of windows of rows: how many each holds. Their times are made up, so that gaps between them say nothing. */
  readonly rowsPerWindow: number | null;
  /** Where outcomes of the reference lie; null: nowhere, so that nothing can be estimated. */
  readonly referenceOutcomes: { readonly environment: string; readonly fromMs: number; readonly toMs: number } | null;
  /**
   * Where results lie with their labels, as the service has them, so that performance is judged; labels that are not due
   * by then are not. Null: nowhere.
   */
  readonly labelled: { readonly environment: string; readonly dueByMs: number | null } | null;
  /** False: no result was named, so that no performance is measured. */
  readonly hasOutcomes: boolean;
  /** False: scores are not probabilities. */
  readonly probabilities: boolean;
  readonly log: Logger;
  /** Ends it between two windows. */
  readonly abort?: AbortSignal;
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

export interface PlannedWindow {
  readonly window: Window;
  /** As they are shown: see `BacktestWindow`. */
  readonly from: string | number;
  readonly to: string | number;
}

/**
 * Lives the windows again, one after the other, with the service's own decisions (bins, budget, gates, learning) and its own
 * incidents. What is decided of a window knows nothing of those after it.
 *
 * @returns the result, and what is worth knowing about it.
 * @throws LeewayError `baseline_unreadable`, and those of the store; the reason of `abort`.
 */
export async function runBacktest(
  run: BacktestRun,
): Promise<{ readonly result: BacktestResult; readonly notes: readonly string[] }> {
  const { facts, model, environment, schemas } = run;
  // What is stored expires by this clock; nothing that is decided depends on it.
  const clock = systemClock;
  const request = { environment, model, features: modelFeatures(model, schemas), schemas, spec: run.baseline };
  const loaded = await ensureBaseline(facts, request, { clock, log: run.log });
  const { baselineId, windowMs } = loaded.baseline;
  const planned = await run.windows(windowMs);
  const spans = await readWindowSpans(
    facts,
    { environment, model: model.name },
    planned.map(({ window }) => window),
  );

  const withGaps = (gapsMs: LoadedBaseline["gapsMs"]) =>
    createWindowDecider({
      facts,
      model,
      environment,
      loaded: { ...loaded, gapsMs },
      clock,
      metrics: null,
      tracing: noTracing,
      log: run.log,
    });
  // Between the reference and the first window anything may lie: that is no silence.
  const first = withGaps([]);
  const later = run.rowsPerWindow === null ? withGaps(loaded.gapsMs) : first;
  const partial = partialWindow(planned, spans, run.rowsPerWindow);

  const countedAhead = await countAhead(run, loaded, planned);
  const judge = await createPerformanceJudge(run, loaded, { clock, firstMs: planned[0]?.window.startMs ?? 0 });
  const incidents = createIncidents(model);
  let state = first.initialState();
  for (const [index, { window }] of planned.entries()) {
    run.abort?.throwIfAborted();
    run.progress?.(index, planned.length);
    if (index === partial) break;
    const decider = index === 0 ? first : later;
    const decided = await decider.decide(state, window, { revision: 0, recount: !countedAhead, schemas });
    state = decided.state;
    incidents.take(decided.findings, window);
    if (judge !== null) incidents.take(await judge.windowPassed(window), window);
  }
  const last = planned.at(partial === -1 ? -1 : partial - 1)?.window;
  if (judge !== null && last !== undefined) incidents.take(await judge.end(), last);
  const states = await readSeriesStates(facts, { environment, model: model.name, baselineId });
  const windows = planned.map(({ window, from, to }, index): BacktestWindow => {
    const rows = spans.get(window.startMs)?.rows ?? 0;
    const own = [...(states.get(window.startMs) ?? []), ...(judge?.statesOf(window) ?? [])];
    const decided = stateOf(new Set(own));
    return { index, from, to, rows, state: index === partial ? "partial" : decided };
  });
  const indexOf = (ms: number, edge: "startMs" | "endMs") => planned.findIndex(({ window }) => window[edge] === ms);
  const { performance, notes } = await measure(run, planned);
  return {
    result: { windows, ...incidents.view(indexOf), performance },
    notes: [...warmingNotes(loaded, run, partial === 0), ...notes, ...(judge?.notes() ?? [])],
  };
}

/** So many windows are counted by one statement: bounds what the engine holds for them. */
const windowsPerStatement = 64;

/**
 * Counts all windows before they are decided, many at a time, which costs a fraction of one after the other. Watched slices
 * are left to the decider, which knows how.
 *
 * @returns false if nothing was counted.
 */
async function countAhead(
  { facts, model, environment, schemas }: BacktestRun,
  loaded: LoadedBaseline,
  planned: readonly PlannedWindow[],
): Promise<boolean> {
  const [first, last] = [planned[0]?.window, planned.at(-1)?.window];
  if (loaded.slices.length > 0 || first === undefined || last === undefined) return false;
  const summary = await summarizeRows(facts, {
    environment,
    model: model.name,
    fromMs: first.startMs,
    toMs: last.endMs,
  });
  if (summary === null) return false;
  const series = binnedExpressions(loaded, model, schemas, summary.schemaIds);
  for (let start = 0; start < planned.length; start += windowsPerStatement) {
    await writeProfiles(facts, {
      rows: { environment, model: model.name },
      environment,
      baselineId: loaded.baseline.baselineId,
      kind: "live",
      revision: 0,
      windows: planned.slice(start, start + windowsPerStatement).map(({ window }) => window),
      series,
      slices: [],
      resultsByVersion: true,
      versions: summary.versions,
      weighted: summary.weighted,
      reference: loaded.rowScope,
      computedAtMs: systemClock.now(),
      expiresOn: neverExpires,
    });
  }
  return true;
}

function warmingNotes(loaded: LoadedBaseline, run: BacktestRun, nothing: boolean): string[] {
  const notes: string[] = [];
  if (nothing) {
    const { rowsPerWindow } = run;
    notes.push(
      rowsPerWindow === null
        ? "no window was decided: the current data end within the first; give a shorter --window, or more data"
        : `no window was decided: the current data have fewer than ${rowsPerWindow.toLocaleString("en-US")} rows; give a smaller --window-rows`,
    );
  }
  if (!loaded.subWindowsKnown) {
    const remedy =
      run.rowsPerWindow === null ? "give a longer reference, or a shorter --window" : "give a longer reference";
    notes.push(
      `the reference holds fewer than ${fewestSubWindows} whole windows, too few to learn how much the data vary by themselves: the first 14 windows warm up, and only changes of more than 10 % of the rows are found in them; ${remedy}`,
    );
  }
  return notes;
}

/** A last window counts as whole if no more than this share of it is without events, */
const wholeShare = 0.05;
/** or no more than usual: so many times the median of the windows before (of dates without a time, a day). */
const usualTimes = 1.5;

/** The window in which the data end, if it is the last one and was not filled; else −1. */
function partialWindow(
  planned: readonly PlannedWindow[],
  spans: ReadonlyMap<number, { readonly rows: number; readonly lastMs: number }>,
  rowsPerWindow: number | null,
): number {
  const index = planned.length - 1;
  const last = planned[index];
  if (last === undefined) return -1;
  const rows = spans.get(last.window.startMs)?.rows ?? 0;
  if (rowsPerWindow !== null) return rows < rowsPerWindow ? index : -1;
  const tail = ({ window }: PlannedWindow) => window.endMs - (spans.get(window.startMs)?.lastMs ?? window.startMs);
  const tails = planned
    .slice(0, -1)
    .map(tail)
    .toSorted((a, b) => a - b);
  const usual = (tails[Math.floor(tails.length / 2)] ?? 0) * usualTimes;
  return tail(last) > Math.max(wholeShare * (last.window.endMs - last.window.startMs), usual) ? index : -1;
}

/** The state of a window is the worst of its series'. */
function stateOf(states: ReadonlySet<SeriesState>): BacktestWindowState {
  const order = ["drift", "watching", "warming_up", "ok"] as const;
  const found = order.find((state) => states.has(state));
  if (found !== undefined) return found;
  return states.has("too_variable") ? "ok" : "insufficient_data";
}

/** Follows findings to incidents, as alerting does, without telling anyone. */
function createIncidents(model: ModelSpec) {
  const rules: Rules = {
    severity: model.alerting.severity,
    effectFloor: model.monitoring.effectFloor,
    qualityFloor: model.monitoring.qualityFloor,
    groupWaitMs: 0,
    notifyMaxAgeMs: Number.MAX_SAFE_INTEGER,
  };
  const states = new Map<string, IncidentState>();
  const titles = new Map<string, string>();
  /** Of each finding, the record with the largest effect while it was open. */
  const largest = new Map<string, Finding>();
  const magnitudes = new Map<string, number>();

  return {
    take: (findings: readonly Finding[], window: Window): void => {
      for (const finding of findings) {
        const before = largest.get(finding.findingId);
        if (finding.state === "open" && (before === undefined || finding.evidence.effect > before.evidence.effect)) {
          largest.set(finding.findingId, finding);
        }
        const magnitude = Math.max(finding.incidentMagnitude, finding.magnitude);
        magnitudes.set(finding.incidentId, Math.max(magnitude, magnitudes.get(finding.incidentId) ?? 0));
      }
      for (const [id, records] of Map.groupBy(findings, (finding) => finding.incidentId)) {
        const [state, decisions] = reconcile(states.get(id) ?? null, records, window.endMs, rules);
        if (state !== null) states.set(id, state);
        for (const decision of decisions) {
          if (decision.kind !== "notify" || titles.has(id)) continue;
          titles.set(id, incidentMessage(decision, { model, externalUrl: "", sqlCommand: "" }).title);
        }
      }
    },
    view: (indexOf: (ms: number, edge: "startMs" | "endMs") => number) => {
      const incidents = [...states.values()].map((incident): BacktestIncident => {
        const standing = standingFindings(incident).map(({ finding }) => largest.get(finding.findingId) ?? finding);
        const ranked = rankFindings(standing);
        return {
          id: incident.incidentId,
          opened_window: indexOf(incidentStartMs(incident), "startMs"),
          closed_window: incident.endedWindowEndMs === null ? null : indexOf(incident.endedWindowEndMs, "endMs"),
          features: [...new Set(ranked.map((finding) => featureOf(finding)))],
          severity: incident.told?.severity ?? incidentSeverity(incident, rules.severity),
          rank_score: magnitudes.get(incident.incidentId) ?? 0,
          title: titles.get(incident.incidentId) ?? (ranked[0] === undefined ? "" : headline(ranked[0])),
        };
      });
      const findings = [...states.values()].flatMap((incident) =>
        Object.values(incident.findings).map(({ finding }): BacktestFinding => {
          const shown = largest.get(finding.findingId) ?? finding;
          return {
            id: finding.findingId,
            signal: finding.signal,
            feature: featureOf(finding),
            opened_window: indexOf(finding.openedWindowStartMs, "startMs"),
            closed_window: finding.closedWindowEndMs === null ? null : indexOf(finding.closedWindowEndMs, "endMs"),
            effect: shown.evidence.effect,
            explanation: explanationOf(shown, model),
          };
        }),
      );
      const inOrder = <Item extends { readonly opened_window: number }>(items: readonly Item[]) =>
        items.toSorted((a, b) => a.opened_window - b.opened_window);
      return { findings: inOrder(findings), incidents: inOrder(incidents) };
    },
  };
}

/** `feature`, or `score` and `class` of a version; of performance the metric. The flow of events has no feature. */
function featureOf(finding: Finding): string {
  if (finding.signal === "performance") return finding.evidence.contrast;
  return finding.series.feature === "" ? seriesName(finding) : finding.series.feature;
}

function explanationOf(finding: Finding, model: ModelSpec): string {
  // What is said of performance has both numbers.
  const change = finding.signal === "performance" ? null : beforeAfter(finding, model);
  return `${headline(finding)}${change === null ? "" : `: ${change}`}; ${sizeText(finding)}`;
}

async function measure(
  run: BacktestRun,
  planned: readonly PlannedWindow[],
): Promise<{ readonly performance: readonly WindowPerformance[]; readonly notes: readonly string[] }> {
  const { facts, environment, model, referenceOutcomes, probabilities } = run;
  const { task } = model;
  if (!run.hasOutcomes) return { performance: [], notes: [] };
  const curve = referenceOutcomes === null ? null : calibrationOf(await readOutcomes(facts, referenceOutcomes), task);
  const performance: WindowPerformance[] = [];
  let scored = false;
  for (const [index, { window }] of planned.entries()) {
    const outcomes = await readOutcomes(facts, { environment, fromMs: window.startMs, toMs: window.endMs });
    scored ||= outcomes.score.length > 0;
    performance.push(...windowPerformance(index, outcomes, { task, curve, probabilities }));
  }
  const notes =
    curve === null && scored && task.kind === "binary"
      ? ["performance is not estimated: the reference has too few rows with a score and a label to calibrate scores on"]
      : [];
  return { performance, notes };
}
