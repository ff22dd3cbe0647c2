import { controlVersion } from "../../core/baseline.ts";
import type { Binning, Series } from "../../core/baseline.ts";
import type { Window } from "../../core/window.ts";
import { readBaseline, readBaselineSeries } from "./baselines.ts";
import type { Facts } from "./client.ts";

/** One side of a drawn comparison, as weights per bin of the binning. */
export interface ProfileSide {
  readonly rows: number;
  /** Σw of all rows, of those with a value, and of missing or non-finite ones. */
  readonly weight: number;
  readonly present: number;
  readonly missing: number;
  readonly bins: readonly number[];
  /** Σw of values that are new, and the most frequent of them; those of known categories that are not listed. */
  readonly unseen: number;
  readonly unseenTop: { readonly name: string; readonly weight: number } | null;
  readonly unlisted: number;
  readonly min: number | null;
  readonly max: number | null;
}

export interface ProfilePair {
  readonly binning: Binning;
  /** Pooled over the baseline; of a control version, its rows of the same window. */
  readonly reference: ProfileSide;
  /** The version whose rows of the window the reference is; null: it is the baseline. */
  readonly control: string | null;
  /** Null if the window has no counts of this series. */
  readonly current: ProfileSide | null;
}

interface SideRow {
  readonly kind: "reference" | "live";
  readonly row_count: number;
  readonly all_weight: number;
  readonly present: number;
  readonly absent: number;
  readonly bins: readonly [readonly number[], readonly number[]];
  readonly new_weight: number;
  readonly new_top: number;
  readonly new_top_value: string | null;
  readonly other_weight: number;
  readonly smallest: number | null;
  readonly largest: number | null;
}

/**
 * The counts of one series in its baseline and in one window. A version without a reference of its own has that of all
 * versions, or is held against the control version's rows of the window. Null if there is nothing to compare with.
 */
export async function readProfilePair(
  facts: Facts,
  key: {
    readonly environment: string;
    readonly model: string;
    readonly baselineId: string;
    readonly series: Series;
    readonly window: Window;
  },
): Promise<ProfilePair | null> {
  const { series, baselineId } = key;
  const known = await readBaselineSeries(facts, baselineId);
  const named = known.filter(({ role, feature }) => role === series.role && feature === series.feature);
  const binning = (named.find(({ version }) => version === series.version) ?? named[0])?.binning;
  if (binning === undefined) return null;
  const baseline = await readBaseline(facts, key);
  const control = baseline === null ? null : controlVersion(baseline.spec, series);
  const atWindow = "kind = 'live' AND window_start = fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')";
  const sides =
    control === null
      ? `(kind = 'reference' AND version IN ('', {version:String})) OR (${atWindow} AND version = {version:String})`
      : `${atWindow} AND version IN ({control:String}, {version:String})`;
  const kindText = control === null ? "toString(kind)" : "if(version = {control:String}, 'reference', 'live')";
  const rows = await facts.query<SideRow>(
    `SELECT kind_text AS kind, sum(rows) AS row_count, sum(weight) AS all_weight, sum(present_weight) AS present,
       sum(missing) + sum(non_finite) AS absent, sumMap(bin_index, bin_weight) AS bins, sum(unseen) AS new_weight,
       max(unseen_top) AS new_top, argMax(unseen_top_value, unseen_top) AS new_top_value, sum(unlisted) AS other_weight,
       min(min) AS smallest, max(max) AS largest
     FROM (
       SELECT *, ${kindText} AS kind_text FROM profiles
       WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
         AND role = {role:String} AND feature = {feature:String} AND slice = {slice:String}
         AND (${sides})
       ORDER BY revision DESC, computed_at DESC LIMIT 1 BY kind_text, version, window_start
     )
     GROUP BY kind_text, version ORDER BY kind_text, version DESC`,
    {
      environment: key.environment,
      model: key.model,
      baselineId,
      role: series.role,
      feature: series.feature,
      slice: series.slice,
      version: series.version,
      control: control ?? "",
      startMs: key.window.startMs,
    },
  );
  const side = (kind: SideRow["kind"]) => {
    const row = rows.find((one) => one.kind === kind);
    return row === undefined ? null : toSide(row, binning);
  };
  const reference = side("reference");
  return reference === null ? null : { binning, reference, control, current: side("live") };
}

function toSide(row: SideRow, binning: Binning): ProfileSide {
  const bins = Array.from(
    { length: binning.kind === "numeric" ? binning.edges.length + 1 : binning.categories.length },
    () => 0,
  );
  const [indices, weights] = row.bins;
  for (const [at, index] of indices.entries()) bins[index] = weights[at] ?? 0;
  return {
    rows: row.row_count,
    weight: row.all_weight,
    present: row.present,
    missing: row.absent,
    bins,
    unseen: row.new_weight,
    unseenTop: row.new_top_value === null ? null : { name: row.new_top_value, weight: row.new_top },
    unlisted: row.other_weight,
    min: row.smallest,
    max: row.largest,
  };
}

/** The model's own results in one window and version. */
export interface ResultPoint {
  readonly startMs: number;
  readonly version: string;
  readonly role: "score" | "class";
  readonly rows: number;
  /** Numeric: the mean of the finite values; null for categories. */
  readonly mean: number | null;
  /** Categories: shares of the rows with a value, largest first, three at most. */
  readonly shares: readonly { readonly name: string; readonly share: number }[];
}

/** Scores and predicted classes of the windows that start at or after `fromMs`, in order of time. */
export async function readResultHistory(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly baselineId: string; readonly fromMs: number },
): Promise<ResultPoint[]> {
  const known = await readBaselineSeries(facts, key.baselineId);
  const rows = await facts.query<{
    start_ms: number;
    version: string;
    role: "score" | "class";
    row_count: number;
    present: number;
    total: number;
    bin_index: readonly number[];
    bin_weight: readonly number[];
  }>(
    `SELECT toUnixTimestamp64Milli(window_start) AS start_ms, version, role, rows AS row_count, present_weight AS present,
       sum AS total, bin_index, bin_weight
     FROM profiles
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND kind = 'live' AND role IN ('score', 'class') AND slice = ''
       AND window_start >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
     ORDER BY start_ms, role, version, revision DESC, computed_at DESC LIMIT 1 BY start_ms, role, version`,
    key,
  );
  return rows.map((row) => {
    const binning = known.find(({ role }) => role === row.role)?.binning;
    const categories = binning?.kind === "categorical" ? binning.categories : null;
    const shares = (categories === null ? [] : [...row.bin_index.entries()])
      .map(([at, index]) => ({ name: categories?.[index] ?? "", share: (row.bin_weight[at] ?? 0) / row.present }))
      .toSorted((left, right) => right.share - left.share);
    return {
      startMs: row.start_ms,
      version: row.version,
      role: row.role,
      rows: row.row_count,
      mean: categories !== null || row.present <= 0 ? null : row.total / row.present,
      shares: shares.slice(0, 3),
    };
  });
}
