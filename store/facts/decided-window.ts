import type { Series, SeriesRole } from "../../core/baseline.ts";
import type { SeriesState } from "../../core/finding.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "./client.ts";
import type { Evaluation } from "./evaluations.ts";

/** A window that was decided, as of its latest revision. */
export interface DecidedWindow {
  readonly window: Window;
  /** Empty if it was decided without a baseline. */
  readonly baselineId: string;
  readonly revision: number;
  readonly rows: number;
  readonly evaluatedAtMs: number;
}

interface Key {
  readonly environment: string;
  readonly model: string;
}

/** The decided window that holds an instant, or (null) the newest one; null if there is none. */
export async function findDecidedWindow(
  facts: Facts,
  key: Key & { readonly atMs: number | null },
): Promise<DecidedWindow | null> {
  const [row] = await facts.query<{
    start_ms: number;
    end_ms: number;
    baseline: string;
    revision: number;
    row_count: number;
    evaluated_ms: number;
  }>(
    `SELECT toUnixTimestamp64Milli(window_start) AS start_ms, toUnixTimestamp64Milli(window_end) AS end_ms,
       baseline_id AS baseline, revision, rows AS row_count, toUnixTimestamp64Milli(evaluated_at) AS evaluated_ms
     FROM decision_states
     WHERE environment = {environment:String} AND model = {model:String}
       AND ({newest:Bool} OR (window_start <= fromUnixTimestamp64Milli({atMs:Int64}, 'UTC')
         AND window_end > fromUnixTimestamp64Milli({atMs:Int64}, 'UTC')))
     ORDER BY window_start DESC, evaluated_at DESC, revision DESC LIMIT 1`,
    { ...key, newest: key.atMs === null, atMs: key.atMs ?? 0 },
  );
  if (row === undefined) return null;
  return {
    window: { startMs: row.start_ms, endMs: row.end_ms },
    baselineId: row.baseline,
    revision: row.revision,
    rows: row.row_count,
    evaluatedAtMs: row.evaluated_ms,
  };
}

/** First and last instant that was decided; null if nothing was. */
export async function decidedSpan(facts: Facts, key: Key): Promise<Window | null> {
  const [row] = await facts.query<{ start_ms: number; end_ms: number; windows: number }>(
    `SELECT toUnixTimestamp64Milli(min(window_start)) AS start_ms, toUnixTimestamp64Milli(max(window_end)) AS end_ms,
       count() AS windows
     FROM decision_states WHERE environment = {environment:String} AND model = {model:String}`,
    { ...key },
  );
  return row === undefined || row.windows === 0 ? null : { startMs: row.start_ms, endMs: row.end_ms };
}

const evaluationColumns = `role, feature, version, slice, signal, state, rows AS row_count, reference_rows, contrast, effect, effect_low,
       p_value, threshold, methods`;

interface EvaluationRow {
  readonly role: SeriesRole;
  readonly feature: string;
  readonly version: string;
  readonly slice: string;
  readonly signal: Evaluation["signal"];
  readonly state: SeriesState;
  readonly row_count: number;
  readonly reference_rows: number;
  readonly contrast: string;
  readonly effect: number | null;
  readonly effect_low: number | null;
  readonly p_value: number | null;
  readonly threshold: number | null;
  readonly methods: Readonly<Record<string, number>>;
}

function evaluationOf({ role, feature, version, slice, ...row }: EvaluationRow): Evaluation {
  return {
    series: { role, feature, version, slice } satisfies Series,
    signal: row.signal,
    state: row.state,
    rows: row.row_count,
    referenceRows: row.reference_rows,
    contrast: row.contrast,
    effect: row.effect,
    effectLow: row.effect_low,
    pValue: row.p_value,
    threshold: row.threshold,
    methods: row.methods,
  };
}

/** What was decided of a window's performance when its labels were due, as of the latest labels; none before that. */
export async function readPerformanceDecisions(
  facts: Facts,
  key: Key & { readonly window: Window; readonly baselineId: string },
): Promise<Evaluation[]> {
  const { environment, model, baselineId, window } = key;
  const rows = await facts.query<EvaluationRow>(
    `SELECT ${evaluationColumns} FROM (
       SELECT * FROM evaluations
       WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
         AND window_start = fromUnixTimestamp64Milli({startMs:Int64}, 'UTC') AND signal = 'performance'
       ORDER BY revision DESC, evaluated_at DESC LIMIT 1 BY role, version, slice
     ) WHERE contrast != '' ORDER BY role, version`,
    { environment, model, baselineId, startMs: window.startMs },
  );
  return rows.map(evaluationOf);
}

/** What one window said about every series, as of its latest revision; performance left out. */
export async function readEvaluations(facts: Facts, key: Key & DecidedWindow): Promise<Evaluation[]> {
  const rows = await facts.query<EvaluationRow>(
    `SELECT ${evaluationColumns}
     FROM evaluations
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND window_start = fromUnixTimestamp64Milli({startMs:Int64}, 'UTC') AND signal != 'performance'
       AND revision = {revision:UInt32}
     ORDER BY role, feature, version, slice, signal, evaluated_at DESC LIMIT 1 BY role, feature, version, slice, signal`,
    {
      environment: key.environment,
      model: key.model,
      baselineId: key.baselineId,
      startMs: key.window.startMs,
      revision: key.revision,
    },
  );
  return rows.map(evaluationOf);
}
