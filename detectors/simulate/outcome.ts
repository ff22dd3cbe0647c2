import { hasWorsened } from "../../core/finding.ts";
import { createDecider, type Decider, type DeciderOptions } from "../decisions/decider.ts";
import type { DecisionState } from "../decisions/decision-state.ts";
import type { LiveWindow, SimulatedModel } from "./streams.ts";

export type SimulatedMonitoring = DeciderOptions["monitoring"];

/** What the decision layer did on one simulated model. Windows count from the first live one, which is 0. */
export interface Outcome {
  /** The window in which each incident opened. */
  readonly incidents: readonly number[];
  readonly findings: readonly {
    readonly feature: string;
    readonly signal: string;
    readonly slice: string;
    readonly window: number;
  }[];
  /** Windows in which something joined an incident after its first window: the second message of an incident. */
  readonly growths: readonly number[];
  /** Windows in which a finding became at least twice as large as what was last said of it: announced as worsened. */
  readonly worsened: readonly number[];
  /** Windows in which a finding closed, with its feature. */
  readonly closings: readonly { readonly feature: string; readonly window: number }[];
  readonly states: ReadonlySet<string>;
}

/** Monitors, and performance from labels: see `DeciderOptions`. */
export interface BudgetBeside {
  readonly monitors: number;
  readonly performance: boolean;
}

interface OutcomeOptions {
  readonly monitoring: SimulatedMonitoring;
  readonly subWindowsKnown: boolean;
  readonly watchedSlices: number;
  /** Weekdays may differ: `monitoring.season: weekdays`. */
  readonly weekdays?: boolean;
  /** What else has a part of the budget, though nothing comes of it here; nothing by default. */
  readonly beside?: BudgetBeside;
  /** Ends the run early, e.g. once the changed feature was found. */
  readonly until?: (outcome: Outcome) => boolean;
  readonly seen?: (window: LiveWindow) => void;
  /** The same stream with another reference, if it moves before this window; null: it stays. */
  readonly moves?: (window: number, state: DecisionState) => SimulatedModel | null;
}

function deciderOf(model: SimulatedModel, options: OutcomeOptions): Decider {
  return createDecider({
    reference: model.reference,
    monitoring: options.monitoring,
    windowsPerWeek: model.windowsPerWeek,
    horizon: model.horizon,
    watchedSlices: options.watchedSlices,
    ...options.beside,
    ...(model.monitors !== undefined && { monitors: model.monitors }),
    subWindowsKnown: options.subWindowsKnown,
    environment: "production",
    model: "simulated",
    baselineId: "simulated",
    windowMs: model.windowMs,
    weekdayZone: options.weekdays === true ? "UTC" : null,
  });
}

/** Decides `windows` live windows of the model, from window `from` on. */
export function outcomeOf(first: SimulatedModel, windows: number, options: OutcomeOptions, from = 0): Outcome {
  let model = first;
  let decider = deciderOf(model, options);
  let state = decider.initialState();
  const incidents = new Map<string, number>();
  const sent = new Map<string, number>();
  const outcome = {
    incidents: [] as number[],
    findings: [] as Outcome["findings"][number][],
    growths: [] as number[],
    worsened: [] as number[],
    closings: [] as Outcome["closings"][number][],
    states: new Set<string>(),
  };
  for (let w = from; w < from + windows; w += 1) {
    const moved = options.moves?.(w, state) ?? null;
    if (moved !== null) {
      model = moved;
      decider = deciderOf(model, options);
      state = decider.initialState();
    }
    const live = model.live(w);
    options.seen?.(live);
    const step = decider.step(state, live.window, live.profiles, live.gap ?? null, live.observations);
    state = step.state;
    for (const evaluation of step.evaluations) outcome.states.add(evaluation.state);
    let grew = false;
    let worse = false;
    for (const finding of step.findings) {
      const { feature, slice } = finding.series;
      if (finding.state === "closed") outcome.closings.push({ feature, window: w });
      const told = sent.get(finding.findingId);
      if (told !== undefined) {
        if (!hasWorsened(finding, told, options.monitoring)) continue;
        worse = true;
        sent.set(finding.findingId, finding.magnitude);
        continue;
      }
      sent.set(finding.findingId, finding.magnitude);
      outcome.findings.push({ feature, signal: finding.signal, slice, window: w });
      const since = incidents.get(finding.incidentId);
      if (since === undefined) {
        incidents.set(finding.incidentId, w);
        outcome.incidents.push(w);
      } else if (since < w) grew = true;
    }
    if (grew) outcome.growths.push(w);
    if (worse) outcome.worsened.push(w);
    if (options.until?.(outcome) === true) break;
  }
  return outcome;
}
