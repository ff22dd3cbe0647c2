import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Finding } from "../core/finding.ts";
import { usualPerformance } from "../core/model.ts";
import type { ModelSpec, Task } from "../core/model.ts";
import { nextWindow, weekMs, windowContaining, windowsBetween } from "../core/window.ts";
import type { Window, WindowAlignment } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import type { CohortExpression } from "../store/facts/cohort-expressions.ts";
import { insertEvaluations } from "../store/facts/evaluations.ts";
import type { Evaluation } from "../store/facts/evaluations.ts";
import { insertFindings } from "../store/facts/finding-history.ts";
import {
  countLabels,
  countPerformance,
  countSelections,
  labelsDue,
  lastPerformanceWindows,
} from "../store/facts/performance.ts";
import type { Moments, PerformanceCounts } from "../store/facts/performance.ts";
import { countOutcomes } from "../store/facts/outcomes.ts";
import type { OutcomeCounts } from "../store/facts/outcomes.ts";
import { insertPerformanceState, readPerformanceState } from "../store/facts/performance-states.ts";
import { firstEventMs } from "../store/facts/windows.ts";
import type { LoadedBaseline } from "./baselines/baseline.ts";
import type { DetectorMetrics } from "./metrics.ts";
import { attributeFairness } from "./performance/fairness.ts";
import { versionSamples } from "./performance/judged-metrics.ts";
import { modelIncident } from "./performance/model-incident.ts";
import { createPerformanceDecider } from "./performance/performance-decider.ts";
import type {
  PerformanceDecision,
  PerformanceFinding,
  PerformanceMemory,
  PerformanceReference,
  PerformanceWindow,
} from "./performance/performance-decider.ts";
import { outcomeMean, withOutcomes } from "./performance/outcomes.ts";
import type { OutcomeMean } from "./performance/outcomes.ts";
import { performanceFindingRecord } from "./performance/performance-findings.ts";
import { estimatePrefix, performanceRow, withDecisions, withFairness } from "./performance/performance-rows.ts";
import { createReferenceCalibration } from "./performance/reference-calibration.ts";
import { isPerformanceJudged, performanceReference } from "./performance/reference-windows.ts";
import { horizonOf } from "./window-decision.ts";

/** Due windows that are looked at again for labels that came still later. */
export const recheckedWindows = 14;
/** So often is a baseline without labels asked for them again. */
const mostReferenceLooks = 20;

/**
 * Stores how well a model did in each window: as soon as the window is decided, as far as labels have come; again once its
 * labels are due, and then it is decided whether performance fell; and again when still more labels came, which decides the
 * window, and those after it, again. All that it remembers is stored with each due window.
 */
export interface PerformanceRecorder {
  /**
   * @param closedThroughMs Windows that end at or before are closed.
   * @param dueThroughMs Those that end at or before have had the time that labels take.
   * @param recheck Look at the last due windows again.
   * @param cohorts Where the present rows hold the model's cohort attributes.
   * @returns How many measurements were stored.
   */
  record(options: {
    readonly closedThroughMs: number;
    readonly dueThroughMs: number;
    readonly recheck: boolean;
    readonly cohorts: readonly CohortExpression[];
  }): Promise<number>;
}

type KnownTask = Exclude<Task, { readonly kind: "unknown" }>;

/** A window whose labels are due, and which is looked at again. */
interface DueWindow {
  readonly window: Window;
  /** Its rows, and a fingerprint of what they are labelled with; absent in states that were stored before these were kept. */
  readonly rows?: number;
  readonly labels?: string;
  readonly revision: number;
  /** What decisions need of it; null: it is not judged. */
  readonly observed: Omit<PerformanceWindow, "incident"> | null;
  /** As `modelIncident` gave it; absent as long as nobody asked. */
  readonly incident?: PerformanceWindow["incident"];
}

/** What is stored after each due window; plain JSON. */
interface PerformanceState {
  readonly format: 1;
  /** What the reference was asked with, and of what. */
  readonly statement: string;
  readonly reference: PerformanceReference | null;
  /** Start of the next window whose labels will be due. */
  readonly nextDueMs: number;
  /** What outcomes came to in the baseline, by name; absent until some had come. */
  readonly outcomes?: Readonly<Record<string, OutcomeMean>>;
  /** Before the first of `recent`, and after the last. */
  readonly base: PerformanceMemory;
  readonly memory: PerformanceMemory;
  readonly recent: readonly DueWindow[];
  /** How often late labels changed history. */
  readonly rewrites: number;
}

export function createPerformanceRecorder(options: {
  readonly facts: Facts;
  readonly environment: string;
  readonly model: Pick<ModelSpec, "name" | "performance" | "outcomes" | "monitoring">;
  readonly task: KnownTask;
  readonly alignment: WindowAlignment;
  /** Null: there is nothing to hold performance against. */
  readonly loaded: Pick<LoadedBaseline, "baseline" | "rowScope" | "slices"> | null;
  /** No further windows are held against this baseline: what is open after the last of them ends with it. */
  readonly isOver?: boolean;
  readonly clock: Clock;
  readonly metrics: DetectorMetrics | null;
}): PerformanceRecorder {
  const { facts, environment, task, alignment, clock, loaded } = options;
  const { name: model, monitoring, outcomes = [] } = options.model;
  const { minSliceRows } = monitoring;
  const baselineId = loaded?.baseline.baselineId ?? "";
  const key = { environment, model };
  const reference = loaded === null ? null : { scope: loaded.rowScope, rows: loaded.baseline.rows };
  const calibration = createReferenceCalibration(facts, task, reference);
  const performance = options.model.performance ?? usualPerformance(task);
  const judges = loaded !== null && performance.metrics.length > 0 && isPerformanceJudged(task, loaded);
  const windowMs = loaded?.baseline.windowMs ?? alignment.lengthMs;
  const horizon = horizonOf(windowMs);
  const decider = createPerformanceDecider({
    environment,
    model,
    baselineId,
    windowMs,
    windowsPerWeek: weekMs / windowMs,
    horizon,
    falseIncidentsPerModelWeek: monitoring.falseIncidentsPerModelWeek,
    performance,
  });
  const statement = digest([performance, task, outcomes]);
  let known: { state: PerformanceState; closedMs: number } | null = null;
  let [referenceLooks, referenceLabels] = [0, -1];

  /** What is stored, or the beginning; null as long as there are no events. */
  const start = async (): Promise<typeof known> => {
    const stored = await readPerformanceState(facts, { ...key, baselineId });
    const last = await lastPerformanceWindows(facts, key);
    const after = (startMs: number) => nextWindow(windowContaining(startMs, alignment), alignment).startMs;
    const complete = last.closedMs !== null && (last.dueMs !== null || stored !== null);
    const first = complete ? null : await firstEventMs(facts, { ...key, fromMs: 0 });
    const firstMs = first === null ? null : windowContaining(first, alignment).startMs;
    const closedMs = last.closedMs === null ? firstMs : after(last.closedMs);
    const dueMs = last.dueMs === null ? firstMs : after(last.dueMs);
    if (stored !== null) {
      const state = JSON.parse(stored.state) as PerformanceState;
      return { state: state.statement === statement ? state : asked(state), closedMs: closedMs ?? state.nextDueMs };
    }
    if (closedMs === null || dueMs === null) return null;
    const initial = decider.initialMemory();
    const begun: PerformanceState = {
      format: 1,
      statement,
      reference: null,
      nextDueMs: dueMs,
      base: initial,
      memory: initial,
      recent: [],
      rewrites: 0,
    };
    // Before anything is decided, so that whoever is cut off in the first window begins with it again.
    await store(begun, { startMs: dueMs - 1, endMs: dueMs });
    return { state: begun, closedMs };
  };

  /** Other metrics are judged from now on: what was decided stands. */
  const asked = ({ outcomes: _, ...state }: PerformanceState): PerformanceState => ({
    ...state,
    statement,
    reference: null,
    base: state.memory,
    recent: state.recent.map((one) => ({ ...one, observed: null })),
  });

  const store = (state: PerformanceState, window: Window) =>
    insertPerformanceState(
      facts,
      { ...key, baselineId },
      { window, revision: state.rewrites, state: JSON.stringify(state) },
      clock.now(),
    );

  /** Estimates are those of the newest window, all else of the newest whose labels are due. */
  const shown = { estimated: { atMs: 0, rows: [] as Evaluation[] }, due: { atMs: 0, rows: [] as Evaluation[] } };
  const showGauges = (window: Window, due: boolean, evaluations: readonly Evaluation[]): void => {
    const rows = evaluations.filter(({ series }) => series.slice === "").toSorted((a, b) => b.rows - a.rows);
    if (window.startMs >= shown.estimated.atMs) shown.estimated = { atMs: window.startMs, rows };
    if (due && window.startMs >= shown.due.atMs) shown.due = { atMs: window.startMs, rows };
    const values = new Map<string, Record<string, number>>();
    for (const [of, estimates] of [
      [shown.estimated, true],
      [shown.due, false],
    ] as const) {
      for (const { series, methods } of of.rows) {
        const own = Object.entries(methods).filter(
          ([name]) => name !== labelsDue && name.startsWith(estimatePrefix) === estimates,
        );
        values.set(series.version, { ...values.get(series.version), ...Object.fromEntries(own) });
      }
    }
    const measures = [...values].map(([version, measured]) => ({ version, values: measured }));
    options.metrics?.performanceMeasured({ model, environment, measures });
  };

  type Measured = {
    readonly parts: readonly PerformanceCounts[];
    readonly outcomes: readonly OutcomeCounts[];
    readonly rows: number;
    /** Fingerprint of the rows and of the labels that have come, those of outcomes included. */
    readonly labels: string;
    readonly scope: {
      readonly environment: string;
      readonly model: string;
      readonly fromMs: number;
      readonly toMs: number;
    };
  };

  const measure = async (window: Window, cohorts: readonly CohortExpression[]): Promise<Measured> => {
    const attributes = (loaded?.slices ?? []).flatMap(({ attribute, values }) => {
      const cohort = cohorts.find((one) => one.attribute === attribute);
      return cohort === undefined ? [] : [{ ...cohort, values }];
    });
    const scope = { environment, model, fromMs: window.startMs, toMs: window.endMs };
    const parts = await countPerformance(facts, scope, task, attributes);
    const counted = outcomes.length === 0 ? [] : await countOutcomes(facts, scope, task, outcomes, attributes);
    const whole = parts.filter(({ slice }) => slice === "");
    const seen = [
      ...whole.map(({ version, rows, labelled, fingerprint }) => [version, rows, labelled, fingerprint]),
      ...counted
        .filter(({ slice }) => slice === "")
        .map((one) => [one.version, ...Object.values(one.outcomes).map(({ fingerprint }) => fingerprint)]),
    ];
    return {
      parts,
      outcomes: counted,
      rows: whole.reduce((sum, { rows }) => sum + rows, 0),
      labels: digest(seen),
      scope,
    };
  };

  const write = async (
    window: Window,
    { parts, outcomes: counted, scope }: Measured,
    how: {
      readonly revision: number;
      readonly due: boolean;
      readonly cohorts: readonly CohortExpression[];
      readonly decisions: readonly PerformanceDecision[] | null;
      readonly state: Pick<PerformanceState, "outcomes">;
    },
  ): Promise<void> => {
    const { revision, due, cohorts } = how;
    const curve = await calibration();
    const selections =
      task.kind === "binary" ? await countSelections(facts, scope, task, { cohorts, minRows: minSliceRows }) : [];
    const fairness = attributeFairness(selections, { minRows: minSliceRows });
    const measured = parts
      .filter((part) => part.slice === "" || part.rows >= minSliceRows)
      .map((part) => performanceRow(task, part, { due, minSliceRows, curve }));
    const told = withOutcomes(withFairness(measured, fairness), counted, how.state.outcomes ?? {});
    const rows = withDecisions(told, how.decisions ?? []);
    await insertEvaluations(facts, { ...key, baselineId, window, revision }, rows, clock.now());
    showGauges(window, due, rows);
  };

  /** What the baseline says; asked again while its labels are still to come. */
  const referenceOf = async (state: PerformanceState, window: Window): Promise<PerformanceReference | null> => {
    if (state.reference !== null || loaded === null || referenceLooks >= mostReferenceLooks) return state.reference;
    const labels = await countLabels(facts, loaded.rowScope);
    if (labels === 0 || labels === referenceLabels) return null;
    referenceLabels = labels;
    referenceLooks += 1;
    return performanceReference(facts, loaded, task, performance, { alignment, beforeMs: window.startMs });
  };

  /** What outcomes came to in the baseline, remembered from when the first window after it was due. */
  const outcomesOf = async (state: PerformanceState): Promise<PerformanceState["outcomes"]> => {
    if (state.outcomes !== undefined || loaded === null || outcomes.length === 0) return state.outcomes;
    const counted = (await countOutcomes(facts, loaded.rowScope, task, outcomes)).filter(({ slice }) => slice === "");
    const means = outcomes.flatMap(({ name }) => {
      const moments = [0, 1, 2, 3].map((at) =>
        counted.reduce((sum, one) => sum + (one.outcomes[name]?.moments[at] ?? 0), 0),
      );
      const mean = outcomeMean(moments as unknown as Moments);
      return mean === null ? [] : [[name, mean] as const];
    });
    return means.length === 0 ? undefined : Object.fromEntries(means);
  };

  /** Windows of the range that they would be held against are not judged. */
  const isJudged = (window: Window): boolean => {
    if (!judges) return false;
    const { spec } = loaded.baseline;
    return spec.kind === "file" || spec.trailing !== undefined || window.startMs >= spec.toMs;
  };

  const observedOf = (window: Window, parts: readonly PerformanceCounts[]): Omit<PerformanceWindow, "incident"> => ({
    window,
    versions: versionSamples(parts, performance.metrics),
  });

  /** Decides one due window; the model's incidents are asked for only when something opens. */
  const decide = async (memory: PerformanceMemory, due: DueWindow, held: PerformanceReference | null) => {
    const { observed, window } = due;
    if (observed === null || held === null) return { memory, decisions: null, findings: [], due };
    const step = decider.step(memory, { ...observed, incident: due.incident ?? null }, held);
    const opens = step.findings.some(({ findingId }) => memory.findings.every((one) => one.findingId !== findingId));
    if (!opens || due.incident !== undefined) return { ...step, due };
    const { labelDelayMs } = task;
    const incident = await modelIncident(facts, key, window, { horizon, windowMs, labelDelayMs });
    return { ...decider.step(memory, { ...observed, incident }, held), due: { ...due, incident } };
  };

  const fold = async (state: PerformanceState) => {
    const steps = [];
    let memory = state.base;
    for (const due of state.recent) {
      const step = await decide(memory, due, state.reference);
      steps.push(step);
      memory = step.memory;
    }
    return { steps, memory };
  };

  const record = (finding: PerformanceFinding, state: PerformanceState, of: Pick<Finding, "state">): Finding => {
    const { window } = state.recent.at(-1)!;
    const made = performanceFindingRecord(finding, {
      ...key,
      baselineId,
      window,
      revision: state.rewrites,
      state: of.state,
      referenceCoverage: state.reference?.coverage ?? 0,
      labelDelayMs: task.labelDelayMs,
      evaluatedAtMs: clock.now(),
    });
    return options.isOver === true && made.state === "open"
      ? { ...made, state: "closed", closedWindowEndMs: window.endMs }
      : made;
  };

  const standing = ({ closedIndex }: PerformanceFinding) => ({
    state: closedIndex === null ? ("open" as const) : ("closed" as const),
  });

  const decideDue = async (
    { state, closedMs }: NonNullable<typeof known>,
    window: Window,
    { cohorts, last }: { readonly cohorts: readonly CohortExpression[]; readonly last: boolean },
  ): Promise<PerformanceState> => {
    const measured = await measure(window, cohorts);
    const judged = isJudged(window);
    const held = judged ? await referenceOf(state, window) : state.reference;
    const means = judged ? await outcomesOf(state) : state.outcomes;
    // Revision 0 was measured when the window closed.
    const revision = window.startMs < closedMs ? 1 : 0;
    const observed = judged && held !== null ? observedOf(window, measured.parts) : null;
    const step = await decide(state.memory, { ...seenIn(measured), window, revision, observed }, held);
    const recent = [...state.recent, step.due];
    const left = recent.slice(0, -recheckedWindows);
    let { base } = state;
    for (const due of left) base = (await decide(base, due, held)).memory;
    const next: PerformanceState = {
      ...state,
      reference: held,
      ...(means !== undefined && { outcomes: means }),
      nextDueMs: window.endMs,
      base,
      memory: step.memory,
      recent: recent.slice(-recheckedWindows),
    };
    const withoutReference = judged && held === null ? noBaseline(measured.parts) : null;
    await write(window, measured, {
      revision,
      due: true,
      cohorts,
      decisions: step.decisions ?? withoutReference,
      state: next,
    });
    const records = step.findings.map((finding) => record(finding, next, standing(finding)));
    await insertFindings(facts, records, clock.now());
    // Where nothing was decided, a state once for all of them is enough: measuring again changes nothing.
    if (last || step.decisions !== null) await store(next, window);
    return next;
  };

  const noBaseline = (parts: readonly PerformanceCounts[]): PerformanceDecision[] => {
    const unknown = { coverage: 0, metrics: {} };
    const observed = { ...observedOf({ startMs: 0, endMs: 0 }, parts), incident: null };
    return [...decider.step(decider.initialMemory(), observed, unknown).decisions];
  };

  /** Measures the last due windows again; where labels came, decides from there on. */
  const recheckLate = async (
    state: PerformanceState,
    cohorts: readonly CohortExpression[],
  ): Promise<{ readonly state: PerformanceState; readonly measured: number }> => {
    const again = new Map<number, Measured>();
    for (const { window, rows, labels } of state.recent) {
      const measured = await measure(window, cohorts);
      // Rows that expired make a window smaller: what was decided while they were there stands.
      if (measured.labels !== labels && measured.rows >= (rows ?? 0)) again.set(window.startMs, measured);
    }
    if (again.size === 0) return { state, measured: 0 };
    const before = await fold(state);
    const changed: PerformanceState = {
      ...state,
      rewrites: state.rewrites + 1,
      recent: state.recent.map((due) => {
        const measured = again.get(due.window.startMs);
        if (measured === undefined) return due;
        const observed = due.observed === null ? null : observedOf(due.window, measured.parts);
        return { ...due, ...seenIn(measured), revision: due.revision + 1, observed };
      }),
    };
    const after = await fold(changed);
    const recent: DueWindow[] = [];
    for (const [index, { due, decisions }] of after.steps.entries()) {
      const { window } = due;
      const own = again.get(window.startMs);
      const same = JSON.stringify(decisions) === JSON.stringify(before.steps[index]?.decisions);
      const revision = own === undefined && !same ? due.revision + 1 : due.revision;
      recent.push({ ...due, revision });
      if (own === undefined && same) continue;
      const measured = own ?? (await measure(window, cohorts));
      await write(window, measured, { revision, due: true, cohorts, decisions, state });
    }
    const next = { ...changed, recent, memory: after.memory };
    // As each stood last: what closed long before the newest window is in no memory any more.
    const found = new Map(
      after.steps.flatMap(({ findings }) => findings).map((finding) => [finding.findingId, finding] as const),
    );
    for (const finding of after.memory.findings) found.set(finding.findingId, finding);
    const records = [...found.values()].map((finding) => record(finding, next, standing(finding)));
    const withdrawn = state.memory.findings.filter(({ findingId }) => !found.has(findingId));
    records.push(...withdrawn.map((finding) => record(finding, next, { state: "withdrawn" })));
    await insertFindings(facts, records, clock.now());
    await store(next, recent.at(-1)!.window);
    return { state: next, measured: again.size };
  };

  return {
    record: async ({ closedThroughMs, dueThroughMs, recheck, cohorts }) => {
      known ??= await start();
      if (known === null) return 0;
      let stored = 0;
      if (recheck) {
        const { state, measured } = await recheckLate(known.state, cohorts);
        known.state = state;
        stored += measured;
      }
      const due = [...windowsBetween(known.state.nextDueMs, dueThroughMs, alignment)];
      for (const [index, window] of due.entries()) {
        known.state = await decideDue(known, window, { cohorts, last: index === due.length - 1 });
        known.closedMs = Math.max(known.closedMs, window.endMs);
        stored += 1;
      }
      for (const window of [...windowsBetween(known.closedMs, closedThroughMs, alignment)]) {
        const measured = await measure(window, cohorts);
        await write(window, measured, { revision: 0, due: false, cohorts, decisions: null, state: known.state });
        known.closedMs = window.endMs;
        stored += 1;
      }
      return stored;
    },
  };
}

function seenIn({
  rows,
  labels,
}: {
  readonly rows: number;
  readonly labels: string;
}): Pick<DueWindow, "rows" | "labels"> {
  return { rows, labels };
}

/** First 16 hex digits of sha256. */
function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
