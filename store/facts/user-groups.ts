import type { SeriesRole } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import type { Window } from "../../core/window.ts";
import { insertSettings } from "./client.ts";
import type { Facts } from "./client.ts";
import { neverExpires, scopeCondition, scopeParams, sqlText, windowStartExpression } from "./row-scope.ts";
import type { RowScope } from "./row-scope.ts";
import { binCount, binningsOf, extraSlots, slotColumns, slotParams, slotSettings } from "./slots.ts";
import type { BinnedExpression } from "./slots.ts";

/** A baseline's series in one window and one group of users; bins without weight are left out. */
export interface UserGroupCounts extends Pick<
  SeriesCounts,
  | "rows"
  | "weight"
  | "weightSquares"
  | "presentRows"
  | "presentWeight"
  | "presentWeightSquares"
  | "missing"
  | "nonFinite"
> {
  readonly role: SeriesRole;
  readonly startMs: number;
  readonly endMs: number;
  /** From 0. */
  readonly group: number;
  readonly binIndex: readonly number[];
  readonly binWeight: readonly number[];
}

/**
 * Counts a baseline's rows once more, its users in so many groups by chance: by a hash of the entity key, or of the event's
 * id where there is none. Stored among the profiles, as kind `split`, the group's number in the version's place.
 */
export async function writeUserGroups(
  facts: Facts,
  request: {
    /** The rows of the baseline. */
    readonly scope: RowScope;
    /** Under which environment they are kept. */
    readonly environment: string;
    readonly baselineId: string;
    readonly series: BinnedExpression;
    /** Ascending, without overlap. */
    readonly windows: readonly Window[];
    readonly groups: number;
    readonly computedAtMs: number;
  },
): Promise<void> {
  const { scope, series, windows, groups, baselineId, environment } = request;
  const first = windows[0];
  const last = windows.at(-1);
  if (first === undefined || last === undefined) return;
  const { sql: binnings, position } = binningsOf([series]);
  const bins = binCount(series.binning);
  const slot = (name: (typeof extraSlots)[number]) => bins + extraSlots.indexOf(name);
  const present = `slot0 NOT IN (${slot("missing")}, ${slot("non_finite")})`;
  const starts = windows.map(({ startMs }) => startMs).join(", ");
  const ends = windows.map(({ endMs }) => endMs).join(", ");
  await facts.command(
    `INSERT INTO profiles (environment, model, baseline_id, kind, window_start, window_end, revision, role, feature, version, slice,
       rows, weight, weight_squares, present_rows, present_weight, present_weight_squares, missing, non_finite, bin_index, bin_weight,
       unlisted, unseen, unseen_top, unseen_top_value, unseen_distinct, min, max, sum, sum_squares, computed_at, expires_on)
     WITH ${binnings} AS binnings
     SELECT {environment:String}, {model:String}, {baselineId:String}, 'split', fromUnixTimestamp64Milli(start, 'UTC'),
       fromUnixTimestamp64Milli(transform(start, [${starts}], [${ends}], toInt64(0)), 'UTC'), 0,
       ${sqlText(series.role)}, ${sqlText(series.feature)}, toString(user_group), '',
       row_count, all_weight, all_squares, present_count, arraySum(bins) + slots[${slot("unlisted") + 1}], present_squares,
       slots[${slot("missing") + 1}], slots[${slot("non_finite") + 1}],
       arrayFilter((i, b) -> b > 0, range(toUInt32(${bins})), bins), arrayFilter(b -> b > 0, bins),
       slots[${slot("unlisted") + 1}], 0, 0, NULL, 0, NULL, NULL, 0, 0,
       fromUnixTimestamp64Milli({computedAt:Int64}, 'UTC'), {expiresOn:Date}
     FROM (
       SELECT start, user_group, count() AS row_count, sum(w) AS all_weight, sum(w * w) AS all_squares,
         countIf(${present}) AS present_count, sumIf(w * w, ${present}) AS present_squares,
         sumResample(0, ${bins + extraSlots.length}, 1)(w, slot0) AS slots, arraySlice(slots, 1, ${bins}) AS bins
       FROM (
         SELECT ${windowStartExpression(windows)} AS start, sipHash64(if(entity_key = '', event_id, entity_key)) % ${groups} AS user_group,
           weight AS w, ${slotColumns(series, 0, { kind: "reference", position }).join(", ")}
         FROM events WHERE ${scopeCondition}
       )
       GROUP BY start, user_group
     )`,
    {
      ...scopeParams({ ...scope, fromMs: first.startMs, toMs: last.endMs }),
      ...slotParams(baselineId, scope),
      environment,
      model: scope.model,
      computedAt: request.computedAtMs,
      expiresOn: neverExpires,
    },
    {
      ...slotSettings,
      ...insertSettings(`user-groups/${environment}/${baselineId}/${series.role}/${first.startMs}-${last.endMs}`),
    },
  );
}

/** All of a baseline, in order of time. */
export function readUserGroups(
  facts: Facts,
  key: { readonly environment: string; readonly model: string; readonly baselineId: string },
): Promise<UserGroupCounts[]> {
  return facts.query<UserGroupCounts>(
    `SELECT toString(role) AS role, toUnixTimestamp64Milli(window_start) AS startMs, toUnixTimestamp64Milli(window_end) AS endMs,
       toUInt32(version) AS group, rows, weight, weight_squares AS weightSquares, present_rows AS presentRows,
       present_weight AS presentWeight, present_weight_squares AS presentWeightSquares, missing, non_finite AS nonFinite,
       bin_index AS binIndex, bin_weight AS binWeight
     FROM profiles
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String} AND kind = 'split'
     ORDER BY window_start, role, group, computed_at DESC LIMIT 1 BY window_start, role, group`,
    { ...key },
  );
}
