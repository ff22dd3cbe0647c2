import type { Series } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import type { Window } from "../../core/window.ts";
import { insertSettings } from "./client.ts";
import type { Facts } from "./client.ts";
import type { CohortExpression } from "./cohort-expressions.ts";
import { scopeCondition, scopeParams, sqlText, windowStartExpression } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { binCount, binningsOf, extraSlots, slotColumns, slotParams, slotSettings } from "./slots.ts";
import type { BinnedExpression } from "./slots.ts";

/** What one profile is kept for, beside the series themselves. */
export type ProfileSplit =
  | { readonly kind: "whole" }
  /** One set of series per version found in the rows. */
  | { readonly kind: "version" }
  /** The whole model and, in the same pass, each listed value of each attribute on its own. */
  | {
      readonly kind: "slices";
      readonly attributes: readonly (CohortExpression & { readonly values: readonly string[] })[];
    };

export interface ProfileRequest {
  /** The rows that are counted: those of the windows. */
  readonly rows: Omit<RowScope, "fromMs" | "toMs">;
  /** Under which environment the profile is kept (a baseline's rows lie in an environment of their own). */
  readonly environment: string;
  readonly baselineId: string;
  readonly kind: "reference" | "live";
  readonly revision: number;
  /** Ascending, without overlap. */
  readonly windows: readonly Window[];
  readonly series: readonly BinnedExpression[];
  readonly split: ProfileSplit;
  /** False if every weight is 1: then rows are counted instead of summed. */
  readonly weighted: boolean;
  /** Where the reference's rows lie; needed when a binning does not list every category of the reference. */
  readonly reference: RowScope;
  readonly computedAtMs: number;
  readonly expiresOn: string;
}

/**
 * Counts the rows of the windows into the bins of a baseline and stores the counts as `profiles`, in one pass over the
 * rows: every value becomes a slot number (its bin, or missing, non-finite, unlisted, unseen) by binary search or hash
 * look-up, and `-Resample` counts the slots of all series side by side. Edges and categories are read from
 * `baseline_series` inside the statement, so no number is printed and read again on the way.
 *
 * A window without rows has a profile (of zeros) only if it is the only window and the split is `whole`.
 */
export async function writeProfiles(facts: Facts, request: ProfileRequest): Promise<void> {
  const first = request.windows[0];
  const last = request.windows.at(-1);
  if (first === undefined || last === undefined || request.series.length === 0) return;
  const scope: RowScope = { ...request.rows, fromMs: first.startMs, toMs: last.endMs };
  const { statement, settings } = profileStatement(request);
  await facts.command(
    statement,
    {
      ...scopeParams(scope),
      ...slotParams(request.baselineId, request.reference),
      environment: request.environment,
      model: request.rows.model,
      kind: request.kind,
      revision: request.revision,
      computedAt: request.computedAtMs,
      expiresOn: request.expiresOn,
    },
    {
      ...settings,
      ...insertSettings(
        `profiles/${request.environment}/${request.rows.model}/${request.baselineId}/${request.kind}/${first.startMs}-${last.endMs}/${request.revision}/${request.split.kind}`,
      ),
    },
  );
}

function profileStatement(request: ProfileRequest): {
  readonly statement: string;
  readonly settings: Record<string, string | number>;
} {
  const { series, split, weighted, windows } = request;
  const { sql: binnings, position } = binningsOf(series);
  const many = windows.length > 1;
  const columns = series.map((one, index) => slotColumns(one, index, { ...request, position })).flat();
  const tuples = series.map((one, index) => countsTuple(one, index, weighted));
  const slices = split.kind === "slices" ? split.attributes : [];
  const sliceColumns = slices.map(
    ({ sql, values }, index) =>
      // A row outside the listed values falls into '' of this attribute, which is dropped below.
      `if(${sql} IN (${values.map(sqlText).join(", ") || "''"}), ${sql}, '') AS slice${index}`,
  );
  const groups = [["start"], ...slices.map((_, index) => ["start", `slice${index}`])];
  const groupBy =
    split.kind === "version"
      ? "GROUP BY start, version"
      : slices.length > 0
        ? `GROUP BY GROUPING SETS (${groups.map((group) => `(${group.join(", ")})`).join(", ")})`
        : many
          ? "GROUP BY start"
          : "";
  // GROUPING SETS fill the columns that a set leaves out with their default, so '' means "not by this attribute".
  const sliceText =
    slices.length === 0
      ? "''"
      : `multiIf(${slices.map(({ attribute }, index) => `slice${index} != '', concat(${sqlText(`${escapeSlice(attribute)}=`)}, replaceRegexpAll(slice${index}, '([\\\\\\\\,=])', '\\\\\\\\\\\\1'))`).join(", ")}, '')`;
  const having =
    slices.length === 0
      ? ""
      : `HAVING ${slices.map((_, index) => `grouping(slice${index}) = ${groupingBit}`).join(" AND ")} OR ${slices.map((_, index) => `slice${index} != ''`).join(" OR ")}`;
  const startOut = groupBy === "" ? `toInt64(${windows[0]?.startMs ?? 0})` : "start";
  const ends = many
    ? `transform(start_ms, [${windows.map((window) => window.startMs).join(", ")}], [${windows.map((window) => window.endMs).join(", ")}], toInt64(0))`
    : `toInt64(${windows[0]?.endMs ?? 0})`;
  const statement = `
INSERT INTO profiles (environment, model, baseline_id, kind, window_start, window_end, revision, role, feature, version, slice,
  rows, weight, weight_squares, present_rows, present_weight, present_weight_squares, missing, non_finite, bin_index, bin_weight,
  unlisted, unseen, unseen_top, unseen_top_value, unseen_distinct, min, max, sum, sum_squares, computed_at, expires_on)
WITH ${binnings} AS binnings
SELECT {environment:String}, {model:String}, {baselineId:String}, {kind:String},
  fromUnixTimestamp64Milli(start_ms, 'UTC'), fromUnixTimestamp64Milli(${ends}, 'UTC'), {revision:UInt32},
  s.1 AS role, s.2 AS feature, version_text, slice_text,
  rows_all, weight_all, weight_squares_all,
  s.5 AS present_rows, arraySum(bins) + s.4[s.3 + 3] + s.4[s.3 + 4] AS present_weight, s.6 AS present_weight_squares,
  s.4[s.3 + 1] AS missing, s.4[s.3 + 2] AS non_finite,
  arrayFilter((i, b) -> b > 0, range(s.3), bins) AS bin_index, arrayFilter(b -> b > 0, bins) AS bin_weight,
  s.4[s.3 + 3] AS unlisted, s.4[s.3 + 4] AS unseen,
  arrayMax(mapValues(s.7)) AS unseen_top,
  if(empty(mapKeys(s.7)), NULL, arraySort((k, v) -> (-v, k), mapKeys(s.7), mapValues(s.7))[1]) AS unseen_top_value,
  length(mapKeys(s.7)) AS unseen_distinct,
  s.8 AS min, s.9 AS max, s.10 AS sum, s.11 AS sum_squares,
  fromUnixTimestamp64Milli({computedAt:Int64}, 'UTC'), {expiresOn:Date}
FROM (
  SELECT *, arraySlice(s.4, 1, s.3) AS bins
  FROM (
    SELECT ${startOut} AS start_ms, ${sliceText} AS slice_text, ${split.kind === "version" ? "toString(version)" : "''"} AS version_text,
      count() AS rows_all, ${weighted ? "sum(w)" : "toFloat64(count())"} AS weight_all, ${weighted ? "sum(w * w)" : "toFloat64(count())"} AS weight_squares_all,
      arrayJoin([${tuples.join(",\n        ")}]) AS s
    FROM (
      SELECT ${[`${windowStartExpression(windows)} AS start`, "version", "weight AS w", ...sliceColumns, ...columns].join(",\n        ")}
      FROM events
      WHERE ${scopeCondition} AND throwIf(length(binnings) != ${series.length}, 'the bins of a series are not stored') = 0
    )
    ${groupBy}
    ${having}
  )
)`;
  return {
    statement,
    settings: slotSettings,
  };
}

/** `grouping(x)` is 1 for a column that the present set does not group by. */
const groupingBit = 1;

function escapeSlice(text: string): string {
  return text.replaceAll(/[\\,=]/g, (character) => `\\${character}`);
}

function countsTuple(series: BinnedExpression, index: number, weighted: boolean): string {
  const { binning } = series;
  const bins = binCount(binning);
  const slots = bins + extraSlots.length;
  const present =
    binning.kind === "numeric"
      ? `slot${index} < ${bins}`
      : `slot${index} NOT IN (${bins + extraSlots.indexOf("missing")}, ${bins + extraSlots.indexOf("non_finite")})`;
  const unseenSlot = bins + extraSlots.indexOf("unseen");
  const counts = weighted
    ? `sumResample(0, ${slots}, 1)(w, slot${index})`
    : `arrayMap(c -> toFloat64(c), countResample(0, ${slots}, 1)(slot${index}))`;
  const presentSquares = weighted ? `sumIf(w * w, ${present})` : `toFloat64(countIf(${present}))`;
  const unseen =
    binning.kind === "numeric"
      ? "CAST(map(), 'Map(String, Float64)')"
      : `CAST(sumMapIf(map(text${index}, ${weighted ? "w" : "toFloat64(1)"}), slot${index} = ${unseenSlot}), 'Map(String, Float64)')`;
  const w = weighted ? "w * " : "";
  const moments =
    binning.kind === "numeric"
      ? `min(finite${index}), max(finite${index}), ifNull(sum(${w}finite${index}), 0), ifNull(sum(${w}finite${index} * finite${index}), 0)`
      : "CAST(NULL, 'Nullable(Float64)'), CAST(NULL, 'Nullable(Float64)'), toFloat64(0), toFloat64(0)";
  return `(${sqlText(series.role)}, ${sqlText(series.feature)}, toUInt32(${bins}), ${counts}, countIf(${present}), ${presentSquares}, ${unseen}, ${moments})`;
}

export interface StoredProfile {
  readonly series: Series;
  readonly window: Window;
  readonly revision: number;
  readonly counts: SparseCounts;
}

/** Counts as stored: bins without weight are left out. */
export interface SparseCounts extends Omit<SeriesCounts, "bins"> {
  readonly binIndex: readonly number[];
  readonly binWeight: readonly number[];
}

/** Stored profiles of windows that start in `fromMs` ≤ t < `toMs`, each series' latest revision, in order of time. */
export async function readProfiles(
  facts: Facts,
  key: {
    readonly environment: string;
    readonly model: string;
    readonly baselineId: string;
    readonly kind: "reference" | "live";
    readonly fromMs: number;
    readonly toMs: number;
  },
): Promise<StoredProfile[]> {
  const rows = await facts.query<ProfileRow>(
    `SELECT toUnixTimestamp64Milli(window_start) AS start_ms, toUnixTimestamp64Milli(window_end) AS end_ms, revision AS rev,
       role, feature, version, slice, rows, weight, weight_squares, present_rows, present_weight, present_weight_squares,
       missing, non_finite, bin_index, bin_weight, unlisted, unseen, unseen_top, unseen_top_value, unseen_distinct,
       min, max, sum, sum_squares
     FROM profiles
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND kind = {kind:String}
       AND window_start >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
       AND window_start < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
     ORDER BY window_start, role, feature, version, slice, revision DESC, computed_at DESC
     LIMIT 1 BY window_start, role, feature, version, slice`,
    { ...key },
  );
  return rows.map((row) => ({
    series: { role: row.role, feature: row.feature, version: row.version, slice: row.slice },
    window: { startMs: row.start_ms, endMs: row.end_ms },
    revision: row.rev,
    counts: {
      rows: row.rows,
      weight: row.weight,
      weightSquares: row.weight_squares,
      presentRows: row.present_rows,
      presentWeight: row.present_weight,
      presentWeightSquares: row.present_weight_squares,
      missing: row.missing,
      nonFinite: row.non_finite,
      binIndex: row.bin_index,
      binWeight: row.bin_weight,
      unlisted: row.unlisted,
      unseen: row.unseen,
      unseenTop: row.unseen_top,
      unseenTopValue: row.unseen_top_value,
      unseenDistinct: row.unseen_distinct,
      min: row.min,
      max: row.max,
      // JSON has no infinity: a sum that overflowed arrives as null.
      sum: row.sum ?? Number.POSITIVE_INFINITY,
      sumSquares: row.sum_squares ?? Number.POSITIVE_INFINITY,
    },
  }));
}

interface ProfileRow {
  readonly start_ms: number;
  readonly end_ms: number;
  readonly rev: number;
  readonly role: Series["role"];
  readonly feature: string;
  readonly version: string;
  readonly slice: string;
  readonly rows: number;
  readonly weight: number;
  readonly weight_squares: number;
  readonly present_rows: number;
  readonly present_weight: number;
  readonly present_weight_squares: number;
  readonly missing: number;
  readonly non_finite: number;
  readonly bin_index: readonly number[];
  readonly bin_weight: readonly number[];
  readonly unlisted: number;
  readonly unseen: number;
  readonly unseen_top: number;
  readonly unseen_top_value: string | null;
  readonly unseen_distinct: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly sum: number | null;
  readonly sum_squares: number | null;
}
