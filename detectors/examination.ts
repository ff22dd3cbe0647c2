import type { ModelSpec } from "../core/model.ts";
import type { Facts } from "../store/facts/client.ts";
import type { DecidedWindow } from "../store/facts/decided-window.ts";
import { readLatestState } from "../store/facts/decision-states.ts";
import { readFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { loadStoredBaseline } from "./baselines/baseline.ts";
import { modelFeatures } from "./baselines/model-features.ts";
import type { DecisionState } from "./decisions/decision-state.ts";
import type { Examination } from "./decisions/examination.ts";
import { closeAfter, type FindingMemory } from "./decisions/lifecycle.ts";
import { deciderOf, storedProfiles } from "./window-decision.ts";

export type { Examination, SignalExamination } from "./decisions/examination.ts";

/** A decided window, measured again from what is stored. */
export interface WindowExamination extends Examination {
  /** Findings as they stood after the window, those that closed lately as well. */
  readonly findings: readonly FindingMemory[];
  /** Calm windows in a row that end a finding. */
  readonly calmWindowsNeeded: number;
  readonly windowMs: number;
}

/**
 * Measures a window again with the code that decided it: from its stored profiles, its baseline and the decision state
 * before it. Nothing is written. The numbers are those of the decision if the model's configuration is the same.
 *
 * @returns null if it was decided without a baseline, or its baseline or state is not stored any more.
 */
export async function examineWindow(
  facts: Facts,
  of: { readonly environment: string; readonly model: ModelSpec; readonly decided: DecidedWindow },
): Promise<WindowExamination | null> {
  const { environment, model, decided } = of;
  const { baselineId, window } = decided;
  if (baselineId === "") return null;
  const schemas = (await readFeatureSchemas(facts)).filter((schema) => schema.model === model.name);
  const request = { environment, model, features: modelFeatures(model, schemas), schemas };
  const loaded = await loadStoredBaseline(facts, request, baselineId);
  if (loaded === null) return null;
  const key = { environment, model: model.name, baselineId };
  const [before, after] = await Promise.all([
    readLatestState(facts, { ...key, startBeforeMs: window.startMs }),
    readLatestState(facts, { ...key, startBeforeMs: window.startMs + 1 }),
  ]);
  if (after === null || after.state === "" || after.window.startMs !== window.startMs) return null;
  const decider = deciderOf(loaded, model, environment);
  const live = await storedProfiles(facts, { environment, model: model.name, loaded }, window, decided.revision);
  const state = before === null || before.state === "" ? decider.initialState() : parsedState(before.state);
  return {
    ...decider.examine(state, window, live),
    findings: parsedState(after.state).findings,
    calmWindowsNeeded: closeAfter,
    windowMs: loaded.baseline.windowMs,
  };
}

function parsedState(json: string): DecisionState {
  return JSON.parse(json) as DecisionState;
}
