import type { DecisionState } from "../decisions/decision-state.ts";
import { createCanaryModel } from "./canary.ts";
import { fastOutcome } from "./fast.ts";
import { performanceOutcome } from "./performance.ts";
import { createSourceModel } from "./model-source.ts";
import { outcomeOf, type SimulatedMonitoring } from "./outcome.ts";
import { identityFrom, identityShapes, identityWindows, type Scenario } from "./scenarios.ts";
import { calendarOf, createModel, type Change, type LiveWindow, type StreamSpec } from "./streams.ts";

/** What one simulated model of a scenario did; plain, so that it can come from another thread. */
export interface Run {
  /** Incidents that opened; of `false_incidents` every one is false. */
  readonly incidents: number;
  /** Further messages of incidents: something joined, or became twice as large. */
  readonly growths: number;
  readonly worsened: number;
  /** Findings of the feature that changed. */
  readonly findings: number;
  /** The window in which the change was found, 1 for the first; null if it never was. */
  readonly foundIn: number | null;
  /** Performance: windows in which the 95 % interval of some metric leaves out the baseline's value. */
  readonly ungated?: number;
}

/** Windows that a model without times in its reference warms up for. */
const warmUpWindows = 14;
/** Windows of the change that become the new reference. */
const rebaselineWindows = 7;

/** Runs model number `index` of a scenario: the same seed and index give the same result, on any machine. */
export function runScenario(
  scenario: Scenario,
  index: number,
  options: { readonly seed: number; readonly monitoring: SimulatedMonitoring },
): Run {
  const { stream } = scenario;
  const { monitoring, seed } = options;
  const shared = {
    monitoring,
    subWindowsKnown: scenario.subWindowsKnown ?? true,
    watchedSlices: stream.slices ?? 0,
    weekdays: scenario.weekdays ?? false,
    ...(scenario.beside !== undefined && { beside: scenario.beside }),
  };
  const modelWith = (change: Change | null) => {
    if (scenario.source !== undefined) return createSourceModel(scenario.source, stream, change, seed, index);
    return scenario.canary === undefined
      ? createModel(stream, change, seed, index)
      : createCanaryModel(scenario.canary, stream, seed, index);
  };
  switch (scenario.kind) {
    case "false_incidents": {
      if (scenario.rebaseline === true) return rebaselined(stream, scenario.windows, [seed, index], shared);
      if (scenario.trailing === true) return trailed(scenario, scenario.windows, [seed, index], shared);
      const outcome = outcomeOf(modelWith(null), scenario.windows, shared);
      const from = shared.subWindowsKnown ? 0 : warmUpWindows;
      return runOf(outcome, null, from);
    }
    case "fast_false_incidents": {
      const { incidents, findings } = fastOutcome(scenario.fast, scenario.weeks, monitoring, seed, index);
      return { incidents, growths: findings - incidents, worsened: 0, findings: 0, foundIn: null };
    }
    case "performance_false_incidents": {
      const windows = Math.round(scenario.weeks * calendarOf(stream).windowsPerWeek);
      const outcome = performanceOutcome(scenario.performance, { windows, changed: null, monitoring }, seed, index);
      const incidents = outcome.incidents.length;
      const { findings, ungated } = outcome;
      return { incidents, growths: findings - incidents, worsened: 0, findings: 0, foundIn: null, ungated };
    }
    case "performance_delay": {
      const { changed, performance } = scenario;
      const windows = scenario.marks.at(-1)!.within;
      const { incidents, findings } = performanceOutcome(
        performance,
        { windows, changed, monitoring, first: true },
        seed,
        index,
      );
      const [first] = incidents;
      return {
        incidents: incidents.length,
        growths: 0,
        worsened: 0,
        findings,
        foundIn: first === undefined ? null : first + 1,
      };
    }
    case "delay": {
      const last = scenario.marks.at(-1)!.within;
      const model = modelWith(scenario.change);
      const { from = 0 } = scenario;
      const until = ({ findings }: ReturnType<typeof outcomeOf>) =>
        findings.some(({ feature, window }) => feature === model.changed && window >= from);
      return runOf(outcomeOf(model, from + last, { ...shared, until }), model.changed, from);
    }
    case "floor": {
      const model = createModel(stream, scenario.change, seed, index);
      return runOf(outcomeOf(model, scenario.windows, shared), model.changed, 0);
    }
    case "identity": {
      const strength = identityShapes[scenario.shape];
      const model = createModel(stream, { kind: "mean", size: scenario.size, categories: 2, strength }, seed, index);
      return runOf(outcomeOf(model, identityWindows, shared), model.changed, 0, identityFrom);
    }
  }
}

/** A lasting change of 0.5σ is found; its first windows become the reference, and then it is healthy traffic. */
function rebaselined(
  stream: StreamSpec,
  windows: number,
  seeds: readonly number[],
  options: Parameters<typeof outcomeOf>[2],
): Run {
  const change = { kind: "mean", size: 0.5, categories: 2, strength: () => 1 } as const;
  const model = createModel(stream, change, ...seeds);
  const seen: LiveWindow[] = [];
  outcomeOf(model, rebaselineWindows, { ...options, seen: (window) => seen.push(window) });
  return runOf(outcomeOf(model.rebaselined(seen, 0), windows, options, rebaselineWindows), null, 0);
}

/** Each week the reference moves on, to the windows that ended a week ago. */
function trailed(
  { stream, ...trailing }: { readonly stream: StreamSpec; readonly gapWindows?: number },
  windows: number,
  seeds: readonly number[],
  options: Parameters<typeof outcomeOf>[2],
): Run {
  const model = createModel(stream, null, ...seeds);
  const windowsSeen: Pick<LiveWindow, "values">[] = model.referenceValues.map((values) => ({ values }));
  const length = windowsSeen.length;
  const { windowsPerWeek } = model;
  const { gapWindows = windowsPerWeek } = trailing;
  let through = 0;
  const moves = (window: number, state: DecisionState) => {
    const week = Math.ceil(Math.floor(window / windowsPerWeek) * windowsPerWeek);
    const end = week - gapWindows;
    if (end <= through || state.findings.length > 0) return null;
    through = end;
    return model.rebaselined(windowsSeen.slice(end, end + length), end - length);
  };
  const seen = (window: LiveWindow) => void windowsSeen.push(window);
  return runOf(outcomeOf(model, windows, { ...options, seen, moves }), null, 0);
}

function runOf(
  outcome: ReturnType<typeof outcomeOf>,
  changed: string | null,
  countedFrom: number,
  changedFrom = countedFrom,
): Run {
  const counted = (windows: readonly number[]) => windows.filter((window) => window >= countedFrom).length;
  const own = outcome.findings.filter(({ feature, window }) => feature === changed && window >= changedFrom);
  const first = own[0];
  return {
    incidents: counted(outcome.incidents),
    growths: counted(outcome.growths),
    worsened: counted(outcome.worsened),
    findings: own.length,
    foundIn: first === undefined ? null : first.window - changedFrom + 1,
  };
}
