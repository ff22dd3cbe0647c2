import type { SeriesRole } from "../../core/baseline.ts";
import type { SeriesState } from "../../core/finding.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import type { Evaluation } from "./evaluations.ts";

/** One decided window, as of its latest revision, with how many series were in which state. */
export interface WindowOverview {
  readonly environment: string;
  readonly model: string;
  readonly window: Window;
  /** Empty if it was decided without a baseline. */
  readonly baselineId: string;
  readonly rows: number;
  readonly evaluatedAtMs: number;
  /** Each series once, by the worst state of its signals. */
  readonly states: Readonly<Partial<Record<SeriesState, number>>>;
}

/** What overrides what, where the signals of one series differ. */
export const worstFirst: readonly SeriesState[] = [
  "drift",
  "watching",
  "no_baseline",
  "insufficient_data",
  "warming_up",
  "too_variable",
  "ok",
];

const latestWindows = `
  SELECT toString(environment) AS environment_name, toString(model) AS model_name, window_start,
    argMax((window_end, toString(baseline_id), revision, rows, evaluated_at), (revision, evaluated_at)) AS latest
  FROM decision_states
  WHERE ({anyModel:Bool} OR (model = {model:String} AND ({anyEnvironment:Bool} OR environment = {environment:String})))
    AND window_start < fromUnixTimestamp64Milli({beforeMs:Int64}, 'UTC')
  GROUP BY environment_name, model_name, window_start
  ORDER BY window_start DESC LIMIT {windows:UInt32} BY environment_name, model_name`;

/** Which windows: the last ones of one model in one environment, or (null) of all. */
interface WindowKey {
  readonly model: string | null;
  readonly environment: string | null;
  readonly windows: number;
  /** Only those that start before; all if it is left out. */
  readonly beforeMs?: number;
}

function windowParams({ model, environment, windows, beforeMs = Date.UTC(2200, 0, 1) }: WindowKey) {
  return {
    anyModel: model === null,
    model: model ?? "",
    anyEnvironment: environment === null,
    environment: environment ?? "",
    windows,
    beforeMs,
  };
}

/** The last windows of each model and environment, in order of time. */
export async function readWindowOverviews(facts: Facts, key: WindowKey): Promise<WindowOverview[]> {
  const worst = worstFirst.map((state) => `has(found, '${state}'), '${state}'`).join(", ");
  const rows = await facts.query<{
    environment: string;
    model: string;
    start_ms: number;
    end_ms: number;
    baseline: string;
    row_count: number;
    evaluated_ms: number;
    states: Readonly<Partial<Record<SeriesState, number>>>;
  }>(
    `WITH recent AS (${latestWindows}),
       series AS (
         SELECT toString(environment) AS environment_name, toString(model) AS model_name, window_start,
           toString(baseline_id) AS baseline, evaluations.revision AS of_revision,
           groupUniqArray(toString(state)) AS found
         FROM evaluations
         WHERE signal != 'performance' AND (environment, model, window_start, baseline_id, evaluations.revision) IN
           (SELECT environment_name, model_name, window_start, latest.2, latest.3 FROM recent)
         GROUP BY environment_name, model_name, window_start, baseline, of_revision, role, feature, version, slice
       ),
       counted AS (
         SELECT environment_name, model_name, window_start, sumMap(map(multiIf(${worst}, 'ok'), toUInt32(1))) AS states
         FROM series GROUP BY environment_name, model_name, window_start
       )
     SELECT recent.environment_name AS environment, recent.model_name AS model,
       toUnixTimestamp64Milli(recent.window_start) AS start_ms, toUnixTimestamp64Milli(latest.1) AS end_ms,
       latest.2 AS baseline, latest.4 AS row_count, toUnixTimestamp64Milli(latest.5) AS evaluated_ms, counted.states AS states
     FROM recent LEFT JOIN counted USING (environment_name, model_name, window_start)
     ORDER BY environment, model, start_ms`,
    windowParams(key),
  );
  return rows.map((row) => ({
    environment: row.environment,
    model: row.model,
    window: { startMs: row.start_ms, endMs: row.end_ms },
    baselineId: row.baseline,
    rows: row.row_count,
    evaluatedAtMs: row.evaluated_ms,
    states: row.states,
  }));
}

/** What the last windows said about one signal of one series. */
export interface SignalHistory {
  readonly role: SeriesRole;
  readonly feature: string;
  readonly version: string;
  readonly slice: string;
  readonly signal: Exclude<Evaluation["signal"], "performance">;
  /** In order of time; windows without a word about it are left out. */
  readonly points: readonly SignalPoint[];
}

export interface SignalPoint {
  readonly startMs: number;
  readonly state: SeriesState;
  readonly rows: number;
  /** Share of rows moved, with its lower bound; null if it was not measured. */
  readonly effect: number | null;
  readonly effectLow: number | null;
}

/** Every signal of every series over the last windows of a model, by role and name. */
export async function readSignalHistories(
  facts: Facts,
  key: WindowKey & { readonly model: string; readonly environment: string },
): Promise<SignalHistory[]> {
  const rows = await facts.query<{
    role: SeriesRole;
    feature: string;
    version: string;
    slice: string;
    signal: SignalHistory["signal"];
    points: readonly (readonly [number, SeriesState, number, number | null, number | null])[];
  }>(
    `WITH recent AS (${latestWindows})
     SELECT role, feature, version, slice, signal,
       arraySort(p -> p.1, groupArray((toUnixTimestamp64Milli(window_start), toString(state), rows, effect, effect_low))) AS points
     FROM (
       SELECT * FROM evaluations
       WHERE environment = {environment:String} AND model = {model:String} AND signal != 'performance'
         AND (window_start, baseline_id, revision) IN (SELECT window_start, latest.2, latest.3 FROM recent)
       ORDER BY evaluated_at DESC LIMIT 1 BY window_start, role, feature, version, slice, signal
     )
     GROUP BY role, feature, version, slice, signal
     ORDER BY role, feature, version, slice, signal`,
    windowParams(key),
  );
  return rows.map(({ points, ...row }) => ({
    ...row,
    points: points.map(([startMs, state, rowCount, effect, effectLow]) => ({
      startMs: Number(startMs),
      state,
      rows: Number(rowCount),
      effect,
      effectLow,
    })),
  }));
}

/** How well one version did in one window, as far as labels have come. */
export interface PerformancePoint {
  readonly version: string;
  /** A watched slice, or `arm=…`; empty for the version as a whole. */
  readonly slice: string;
  readonly window: Window;
  readonly state: SeriesState;
  readonly rows: number;
  readonly measures: Readonly<Record<string, number>>;
  /** What was held against the baseline; empty before labels were due, and for slices. */
  readonly judged: readonly {
    readonly metric: string;
    readonly state: SeriesState;
    /** How much worse, and its lower 90 % bound; null if it was not measured. */
    readonly effect: number | null;
    readonly effectLow: number | null;
  }[];
}

/** The last measured windows of a model, in order of time; the latest revision of each version and slice. */
export async function readPerformanceHistory(
  facts: Facts,
  { beforeMs = Date.UTC(2200, 0, 1), ...key }: WindowKey & { readonly model: string; readonly environment: string },
): Promise<PerformancePoint[]> {
  const rows = await facts.query<{
    version: string;
    slice: string;
    start_ms: number;
    end_ms: number;
    state: SeriesState;
    row_count: number;
    methods: Readonly<Record<string, number>>;
    contrast: string;
    effect: number | null;
    effect_low: number | null;
  }>(
    `SELECT version, slice, toUnixTimestamp64Milli(window_start) AS start_ms, toUnixTimestamp64Milli(window_end) AS end_ms, state,
       rows AS row_count, methods, contrast, effect, effect_low
     FROM (
       SELECT * FROM evaluations
       WHERE environment = {environment:String} AND model = {model:String} AND signal = 'performance' AND window_start IN (
         SELECT DISTINCT window_start FROM evaluations
         WHERE environment = {environment:String} AND model = {model:String} AND signal = 'performance'
           AND window_start < fromUnixTimestamp64Milli({beforeMs:Int64}, 'UTC')
         ORDER BY window_start DESC LIMIT {windows:UInt32})
       ORDER BY revision DESC, evaluated_at DESC LIMIT 1 BY window_start, version, slice, role
     )
     ORDER BY start_ms, version, slice, role`,
    { ...key, beforeMs },
  );
  // What was decided of a score stands in a row beside that of the class, which has all metrics.
  const points = Map.groupBy(rows, (row) => JSON.stringify([row.start_ms, row.version, row.slice]));
  return [...points.values()].map((own) => {
    const [row] = own as [(typeof own)[number], ...typeof own];
    return {
      version: row.version,
      slice: row.slice,
      window: { startMs: row.start_ms, endMs: row.end_ms },
      state: row.state,
      rows: row.row_count,
      measures: Object.assign({}, ...own.toReversed().map(({ methods }) => methods)) as Record<string, number>,
      judged: own
        .filter(({ contrast }) => contrast !== "")
        .map(({ contrast, state, effect, effect_low: effectLow }) => ({ metric: contrast, state, effect, effectLow })),
    };
  });
}
