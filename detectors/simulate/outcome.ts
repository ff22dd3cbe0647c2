import { createDecider, type Decider } from "../decisions/decider.ts";
import type { SimulatedModel } from "./streams.ts";

/** What the decision layer did on one simulated model. */
export interface Outcome {
  /** Incidents and findings that opened, by window (0 is the first live one). */
  readonly incidents: readonly number[];
  readonly findings: readonly { readonly feature: string; readonly signal: string; readonly window: number }[];
  /** Windows in which something joined an incident after its first window: the second message of an incident. */
  readonly growths: readonly number[];
  /** Windows in which a finding closed, with its feature. */
  readonly closings: readonly { readonly feature: string; readonly window: number }[];
}

const defaultMonitoring = { falseIncidentsPerModelWeek: 0.05, effectFloor: 0.02, qualityFloor: 0.003 };

function deciderOf(model: SimulatedModel, subWindowsKnown: boolean): Decider {
  return createDecider({
    reference: model.reference,
    monitoring: defaultMonitoring,
    windowsPerWeek: model.windowsPerWeek,
    horizon: model.horizon,
    watchedSlices: 0,
    subWindowsKnown,
    environment: "production",
    model: "simulated",
    baselineId: "simulated",
    windowMs: model.windowMs,
  });
}

/** @param until Ends the run early, e.g. once the changed feature was found. */
export function outcomeOf(
  model: SimulatedModel,
  windows: number,
  options: { readonly subWindowsKnown: boolean; readonly until?: (outcome: Outcome) => boolean },
): Outcome {
  const decider = deciderOf(model, options.subWindowsKnown);
  let state = decider.initialState();
  const incidents = new Map<string, number>();
  const known = new Set<string>();
  const outcome = {
    incidents: [] as number[],
    findings: [] as { feature: string; signal: string; window: number }[],
    growths: [] as number[],
    closings: [] as { feature: string; window: number }[],
  };
  for (let w = 0; w < windows; w += 1) {
    const { window, profiles } = model.live(w);
    const step = decider.step(state, window, profiles, null);
    state = step.state;
    let grew = false;
    for (const finding of step.findings) {
      const { feature } = finding.series;
      if (finding.state === "closed") outcome.closings.push({ feature, window: w });
      if (known.has(finding.findingId)) continue;
      known.add(finding.findingId);
      outcome.findings.push({ feature, signal: finding.signal, window: w });
      const since = incidents.get(finding.incidentId);
      if (since === undefined) {
        incidents.set(finding.incidentId, w);
        outcome.incidents.push(w);
      } else if (since < w) grew = true;
    }
    if (grew) outcome.growths.push(w);
    if (options.until?.(outcome) === true) break;
  }
  return outcome;
}
