import { fastShareOfBudget, performanceAlpha } from "../decisions/budget.ts";
import { brokenLevel, rateInterval, shareInterval, type Interval } from "./interval.ts";
import type { SimulatedMonitoring } from "./outcome.ts";
import type { Run } from "./run.ts";
import type { Scenario } from "./scenarios.ts";
import { calendarOf } from "./streams.ts";

/** `open`: the interval does not decide, so more models are needed; `reported`: there is no bar. */
export type BarVerdict = "held" | "broken" | "open" | "reported";

/** One number of the table with its 95 % interval. */
export interface Measured {
  readonly what: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly bar: { readonly kind: "at_most" | "at_least"; readonly value: number } | null;
  readonly verdict: BarVerdict;
}

export interface ScenarioResult {
  readonly scenario: string;
  /** Another tool's rule in place of Leeway's decisions; null: Leeway's. */
  readonly peer: string | null;
  readonly title: string;
  readonly kind: Scenario["kind"];
  readonly features: number;
  readonly referenceRows: number;
  readonly rows: number;
  readonly models: number;
  /** Weeks that count, over all models; null where weeks are not the measure. */
  readonly modelWeeks: number | null;
  readonly measured: readonly Measured[];
}

/** What is said of a simulated model of a configuration beside the numbers. */
export interface ConfiguredReport {
  readonly model: string;
  /** What the simulation took for given, a sentence each: from the configuration, or assumed. */
  readonly configuration: readonly string[];
  readonly assumed: readonly string[];
  /** What can never be judged as it is configured, with what would mend it. */
  readonly cannotHold: readonly string[];
}

/** What `leeway simulate --json` prints. */
export interface SimulationReport {
  readonly seed: number;
  /** A fraction of the models. */
  readonly quick: boolean;
  readonly monitoring: SimulatedMonitoring;
  readonly seconds: number;
  /** The model of a configuration whose own scenarios these are; absent: the general ones. */
  readonly configured?: ConfiguredReport & { readonly healthy: Measured | null };
  readonly results: readonly ScenarioResult[];
}

/** Names of what is measured, where a reader of results looks for one. */
export const measures = {
  falseIncidents: "false incidents a week",
  messages: "messages a week",
  ungated: "windows a week whose 95 % interval leaves out the baseline",
} as const;

/** A budget is kept if the upper 95 % bound is at most 1.2 times it: what the interval must be able to show. */
const budgetTolerance = 1.2;
/** A lasting change is one finding in at least this share of runs. */
const oneFinding = 0.98;

/** N and n: of a canary the control's rows of a window and the new version's. */
export function comparedRows({ canary, stream }: Scenario): { readonly referenceRows: number; readonly rows: number } {
  if (canary === undefined) return { referenceRows: stream.referenceRows, rows: stream.rows };
  const rows = Math.round(canary.rows * canary.share);
  return { referenceRows: canary.rows - rows, rows };
}

/**
 * Turns the runs of a scenario into its line of the table. The bar on false incidents follows the budget of
 * `monitoring`; those on what is found are the ones of `defaults`, and hold for no other budget or floors.
 */
export function measuredOf(
  scenario: Scenario,
  runs: readonly Run[],
  monitoring: SimulatedMonitoring,
  defaults: SimulatedMonitoring,
): ScenarioResult {
  const { stream } = scenario;
  const asDefault =
    monitoring.falseIncidentsPerModelWeek === defaults.falseIncidentsPerModelWeek &&
    monitoring.effectFloor === defaults.effectFloor &&
    monitoring.qualityFloor === defaults.qualityFloor;
  const head = {
    scenario: scenario.name,
    peer: null,
    title: scenario.title,
    kind: scenario.kind,
    features: stream.features,
    ...comparedRows(scenario),
    models: runs.length,
    modelWeeks: null,
  };
  switch (scenario.kind) {
    case "false_incidents": {
      const weeks = countedWeeks(scenario);
      const bar = scenario.bar
        ? ({
            kind: "at_most",
            value: budgetTolerance * (scenario.share ?? 1) * monitoring.falseIncidentsPerModelWeek,
          } as const)
        : null;
      const messages = rateInterval(
        runs.map(({ incidents, growths, worsened }) => incidents + growths + worsened),
        weeks,
      );
      return {
        ...head,
        modelWeeks: runs.length * weeks,
        measured: [
          falseIncidentsOf(runs, weeks, bar?.value ?? null),
          { what: measures.messages, ...messages, bar: null, verdict: "reported" },
        ],
      };
    }
    case "fast_false_incidents": {
      const atMost = budgetTolerance * monitoring.falseIncidentsPerModelWeek * fastShareOfBudget;
      return {
        ...head,
        modelWeeks: runs.length * scenario.weeks,
        measured: [falseIncidentsOf(runs, scenario.weeks, atMost)],
      };
    }
    case "performance_false_incidents": {
      const { falseIncidentsPerModelWeek } = monitoring;
      const share = 7 * performanceAlpha({ falseIncidentsPerModelWeek, windowsPerWeek: 7 });
      return {
        ...head,
        modelWeeks: runs.length * scenario.weeks,
        measured: [
          falseIncidentsOf(runs, scenario.weeks, scenario.bar ? budgetTolerance * share : null),
          {
            what: measures.ungated,
            ...rateInterval(
              runs.map(({ ungated = 0 }) => ungated),
              scenario.weeks,
            ),
            bar: null,
            verdict: "reported",
          },
        ],
      };
    }
    case "performance_delay":
    case "delay":
      return {
        ...head,
        measured: scenario.marks.map(({ within, atLeast }) => {
          const found = runs.filter(({ foundIn }) => foundIn !== null && foundIn <= within).length;
          return {
            what: within === 1 ? "found in window 1" : `found within ${within} windows`,
            ...atLeastOf(found, runs.length, asDefault ? atLeast : null),
          };
        }),
      };
    case "identity": {
      const incidents = rateInterval(
        runs.map((run) => run.incidents),
        1,
      );
      const one = runs.filter(({ findings }) => findings === 1).length;
      return {
        ...head,
        measured: [
          { what: "exactly one finding", ...atLeastOf(one, runs.length, asDefault ? oneFinding : null) },
          { what: "incidents a run", ...incidents, bar: null, verdict: "reported" },
        ],
      };
    }
    case "floor": {
      const found = runs.filter(({ findings }) => findings > 0).length;
      const atMost = asDefault ? scenario.atMost : null;
      return {
        ...head,
        measured: [
          {
            what: "ever found",
            ...atMostOf(shareInterval(found, runs.length), shareInterval(found, runs.length, brokenLevel), atMost),
          },
        ],
      };
    }
  }
}

/** False incidents over several kinds of healthy traffic, each model as one; null if there are none, or their weeks differ. */
export function measuredTogether(
  of: readonly { readonly scenario: Scenario; readonly runs: readonly Run[] }[],
  { falseIncidentsPerModelWeek }: SimulatedMonitoring,
): Measured | null {
  const healthy = of.flatMap(({ scenario, runs }) =>
    scenario.kind === "false_incidents" && scenario.bar ? [{ weeks: countedWeeks(scenario), runs }] : [],
  );
  const weeks = healthy[0]?.weeks;
  if (weeks === undefined || healthy.some((one) => one.weeks !== weeks)) return null;
  const runs = healthy.flatMap((one) => one.runs);
  return falseIncidentsOf(runs, weeks, budgetTolerance * falseIncidentsPerModelWeek);
}

/** Weeks of a model whose incidents count. */
function countedWeeks({ windows, subWindowsKnown, stream }: Extract<Scenario, { kind: "false_incidents" }>): number {
  return (windows - (subWindowsKnown === false ? 14 : 0)) / calendarOf(stream).windowsPerWeek;
}

/** What another tool's rule did with the same models: windows and columns that alert, and how soon it saw the change. */
export function measuredPeer(peer: string, scenario: Scenario, runs: readonly Run[]): ScenarioResult {
  const { stream } = scenario;
  const windows = scenario.kind === "false_incidents" ? scenario.windows : 0;
  const weeks = windows / calendarOf(stream).windowsPerWeek;
  const rate = (what: string, of: (run: Run) => number): Measured => ({
    what,
    ...rateInterval(runs.map(of), weeks),
    bar: null,
    verdict: "reported",
  });
  const found = (within: number): Measured => ({
    what: within === 1 ? "found in window 1" : `found within ${within} windows`,
    ...atLeastOf(runs.filter(({ foundIn }) => foundIn !== null && foundIn <= within).length, runs.length, null),
  });
  return {
    scenario: scenario.name,
    peer,
    title: `${peer}: ${scenario.title}`,
    kind: scenario.kind,
    features: stream.features,
    referenceRows: stream.referenceRows,
    rows: stream.rows,
    models: runs.length,
    modelWeeks: weeks > 0 ? runs.length * weeks : null,
    measured:
      scenario.kind === "delay"
        ? scenario.marks.map(({ within }) => found(within))
        : [
            rate("windows with an alert a week", ({ incidents }) => incidents),
            rate("column alerts a week", ({ incidents, growths }) => incidents + growths),
          ],
  };
}

function falseIncidentsOf(runs: readonly Run[], weeks: number, atMost: number | null): Measured {
  const incidents = runs.map((run) => run.incidents);
  const surely = rateInterval(incidents, weeks, brokenLevel);
  return { what: measures.falseIncidents, ...atMostOf(rateInterval(incidents, weeks), surely, atMost) };
}

/** @param surely The interval at the level by which a bar is called broken. */
function atMostOf(shown: Interval, surely: Interval, atMost: number | null): Omit<Measured, "what"> {
  if (atMost === null) return { ...shown, bar: null, verdict: "reported" };
  const verdict = shown.high <= atMost ? "held" : surely.low > atMost ? "broken" : "open";
  return { ...shown, bar: { kind: "at_most", value: atMost }, verdict };
}

/**
 * Bars on delays and identity are on the point estimate: of so many runs that it is within a point or so of the truth.
 * With fewer runs it is broken only if even a wide interval lies below.
 */
function atLeastOf(found: number, runs: number, atLeast: number | null): Omit<Measured, "what"> {
  const share = shareInterval(found, runs);
  if (atLeast === null) return { ...share, bar: null, verdict: "reported" };
  const surely = shareInterval(found, runs, brokenLevel);
  const verdict = share.value >= atLeast ? "held" : surely.high < atLeast ? "broken" : "open";
  return { ...share, bar: { kind: "at_least", value: atLeast }, verdict };
}
