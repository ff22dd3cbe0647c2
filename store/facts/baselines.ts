import type { Baseline, PinnedBaselineSpec, Binning, SeriesRole } from "../../core/baseline.ts";
import type { Facts } from "./client.ts";
import { dateTimeText } from "./row-scope.ts";

/** Written last when a baseline is made: it exists once this row does. */
export async function insertBaseline(facts: Facts, environment: string, baseline: Baseline): Promise<void> {
  await facts.insertRows(
    "baselines",
    [
      {
        environment,
        model: baseline.model,
        baseline_id: baseline.baselineId,
        spec: JSON.stringify(baseline.spec),
        rows: baseline.rows,
        from_time: dateTimeText(baseline.fromMs),
        to_time: dateTimeText(baseline.toMs),
        window_ms: baseline.windowMs,
        created_at: dateTimeText(baseline.createdAtMs),
      },
    ],
    `baseline/${environment}/${baseline.baselineId}`,
  );
}

export async function readBaseline(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly baselineId: string },
): Promise<Baseline | null> {
  const [row] = await facts.query<{
    spec: string;
    row_count: number;
    from_ms: number;
    to_ms: number;
    created_ms: number;
    window_ms: number;
  }>(
    `SELECT spec, rows AS row_count, toUnixTimestamp64Milli(from_time) AS from_ms, toUnixTimestamp64Milli(to_time) AS to_ms,
       toUnixTimestamp64Milli(created_at) AS created_ms, window_ms
     FROM baselines
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
     ORDER BY created_at DESC LIMIT 1`,
    { ...key },
  );
  if (row === undefined) return null;
  return {
    baselineId: key.baselineId,
    model: key.model,
    spec: JSON.parse(row.spec) as PinnedBaselineSpec,
    rows: row.row_count,
    fromMs: row.from_ms,
    toMs: row.to_ms,
    createdAtMs: row.created_ms,
    windowMs: row.window_ms,
  };
}

export interface BaselineSeries {
  readonly role: SeriesRole;
  readonly feature: string;
  readonly version: string;
  readonly binning: Binning;
}

export async function insertBaselineSeries(
  facts: Facts,
  baselineId: string,
  series: readonly BaselineSeries[],
  createdAtMs: number,
): Promise<void> {
  const rows = series.map(({ role, feature, version, binning }) => ({
    baseline_id: baselineId,
    role,
    feature,
    version,
    slice: "",
    kind: binning.kind,
    edges: binning.kind === "numeric" ? binning.edges : [],
    decile_edges: binning.kind === "numeric" ? binning.decileEdges : [],
    categories: binning.kind === "categorical" ? binning.categories : [],
    distinct: binning.kind === "categorical" ? binning.distinct : 0,
    singletons: binning.kind === "categorical" ? binning.singletons : 0,
    created_at: dateTimeText(createdAtMs),
  }));
  await facts.insertRows("baseline_series", rows, `baseline-series/${baselineId}`);
}

export async function readBaselineSeries(facts: Facts, baselineId: string): Promise<BaselineSeries[]> {
  const rows = await facts.query<{
    role: SeriesRole;
    feature: string;
    version: string;
    kind: "numeric" | "categorical";
    edges: readonly number[];
    decile_edges: readonly number[];
    categories: readonly string[];
    distinct: number;
    singletons: number;
  }>(
    `SELECT role, feature, version, kind, edges, decile_edges, categories, distinct, singletons
     FROM baseline_series WHERE baseline_id = {baselineId:String} AND slice = ''
     ORDER BY role, feature, version, created_at DESC LIMIT 1 BY role, feature, version`,
    { baselineId },
  );
  return rows.map(({ role, feature, version, kind, edges, decile_edges, categories, distinct, singletons }) => ({
    role,
    feature,
    version,
    binning:
      kind === "numeric" ? { kind, edges, decileEdges: decile_edges } : { kind, categories, distinct, singletons },
  }));
}
