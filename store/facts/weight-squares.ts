import type { SeriesCounts } from "../../core/profile.ts";
import { insertSettings } from "./client.ts";
import type { Facts } from "./client.ts";
import { countedRows, heaviest } from "./counted-rows.ts";
import type { Counting } from "./counted-rows.ts";
import { columnOf, readBlocks } from "./native/reader.ts";
import type { ProfileRequest, StoredProfile } from "./profiles.ts";
import { binCount, extraSlots, settingsOf } from "./slots.ts";

/**
 * Counts the squares of weights into the bins of a baseline, as `writeProfiles` counts the weights. A pass of its own over
 * the rows, so that models without weights have no part in it. Rows that came between the passes make the window late, and
 * are counted again.
 */
export async function writeWeightSquares(facts: Facts, request: ProfileRequest, counting: Counting): Promise<void> {
  const counted = countedRows(request, counting);
  const { series, categories, numbers } = counted;
  const squares = series.map(
    ({ binning }, index) => `sumResample(0, ${binCount(binning) + extraSlots.length}, 1)(w * w, slot${index})`,
  );
  const newOf = (weight: string) =>
    categories.map(({ binning }, index) => {
      const at = numbers.length + index;
      const unseen = binCount(binning) + extraSlots.indexOf("unseen");
      return `CAST(sumMapIf(map(text${at}, ${weight}), slot${at} = ${unseen}), 'Map(String, Float64)')`;
    });
  const all = (maps: readonly string[]) =>
    `arrayConcat(arrayResize(CAST([], 'Array(Map(String, Float64))'), ${numbers.length}), CAST([${maps.join(",\n        ")}], 'Array(Map(String, Float64))'))`;
  await facts.command(
    `
INSERT INTO profile_weight_squares (environment, model, baseline_id, kind, window_start, revision, role, feature, version, slice,
  bin_index, bin_squares, unseen_top_squares, computed_at, expires_on)
WITH ${counted.binnings} AS binnings
SELECT {environment:String}, {model:String}, {baselineId:String}, {kind:String},
  fromUnixTimestamp64Milli(start_ms, 'UTC'), {revision:UInt32}, role, feature, ${counted.storedVersion}, slice_text,
  arrayFilter((i, b) -> b > 0, range(bin_count), bins), arrayFilter(b -> b > 0, bins),
  if(empty(mapKeys(new_weights)), 0, new_squares[${heaviest("new_weights")}]),
  fromUnixTimestamp64Milli({computedAt:Int64}, 'UTC'), {expiresOn:Date}
FROM (
  SELECT start_ms, slice_text, row_version, role, feature, bin_count, new_weights, new_squares,
    arraySlice(slot_squares, 1, bin_count) AS bins
  FROM (
    SELECT ${counted.start} AS start_ms, ${counted.slice} AS slice_text, ${counted.version} AS row_version,
      [${squares.join(",\n        ")}] AS all_squares,
      ${all(newOf("w"))} AS all_new_weights,
      ${all(newOf("w * w"))} AS all_new_squares
    FROM (${counted.rows}
    )
    ${counted.groupBy}
    ${counted.having}
  )
  ARRAY JOIN ${[...counted.names, "all_squares AS slot_squares", "all_new_weights AS new_weights", "all_new_squares AS new_squares"].join(",\n    ")}
  WHERE slice_text = '' OR role = 'feature'
)`,
    counted.params,
    { ...settingsOf(series, request.kind), ...insertSettings(`weight-squares/${counted.token}`) },
  );
}

type Squares = NonNullable<SeriesCounts["squares"]>;

/** The key of `readProfiles`. */
export interface SquaresKey {
  readonly environment: string;
  readonly model: string;
  readonly baselineId: string;
  readonly kind: "reference" | "live";
  readonly fromMs: number;
  readonly toMs: number;
}

/** The same profiles with their squares, where they are stored. Asked for weighted profiles only. */
export async function withWeightSquares(
  facts: Facts,
  key: SquaresKey,
  profiles: readonly StoredProfile[],
): Promise<StoredProfile[]> {
  const bytes = await facts.queryNative(
    `SELECT toFloat64(toUnixTimestamp64Milli(window_start)) AS start_ms, revision AS rev, role, feature, version,
       toLowCardinality(slice) AS slice_text, bin_index, bin_squares, unseen_top_squares
     FROM profile_weight_squares
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND kind = {kind:String}
       AND window_start >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
       AND window_start < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
     ORDER BY window_start, role, feature, version, slice, revision DESC, computed_at DESC
     LIMIT 1 BY window_start, role, feature, version, slice`,
    { ...key },
  );
  const found = new Map<string, { readonly revision: number; readonly squares: (bins: number) => Squares }>();
  for (const block of readBlocks(bytes)) {
    const numbers = (name: string) => columnOf(block, name, "numbers").values;
    const arrays = (name: string) => columnOf(block, name, "arrays");
    const text = (name: string, row: number) => {
      const { keys, texts } = columnOf(block, name, "texts");
      return texts[keys[row]!] ?? "";
    };
    const [starts, revisions, tops] = [numbers("start_ms"), numbers("rev"), numbers("unseen_top_squares")];
    const [indices, items] = [arrays("bin_index"), arrays("bin_squares").items];
    for (let row = 0; row < block.rows; row++) {
      const name = nameOf(starts[row]!, {
        role: text("role", row),
        feature: text("feature", row),
        version: text("version", row),
        slice: text("slice_text", row),
      });
      found.set(name, {
        revision: revisions[row]!,
        squares: (bins) => {
          const dense = new Float64Array(bins);
          for (let at = row === 0 ? 0 : indices.ends[row - 1]!; at < indices.ends[row]!; at++) {
            if (indices.items[at]! < bins) dense[indices.items[at]!] = items[at]!;
          }
          return { bins: dense, unseenTop: tops[row]! };
        },
      });
    }
  }
  return profiles.map((profile) => {
    const { counts, revision, series, window } = profile;
    const stored = isWeighted(counts) ? found.get(nameOf(window.startMs, series)) : undefined;
    // Of another revision they are of other rows.
    if (stored === undefined || stored.revision !== revision) return profile;
    return { ...profile, counts: { ...counts, squares: stored.squares(counts.bins.length) } };
  });
}

/** Where every row weighs 1 the counts say all. */
export function isWeighted({ rows, weight, weightSquares }: SeriesCounts): boolean {
  return weight !== rows || weightSquares !== rows;
}

function nameOf(
  startMs: number,
  of: { readonly role: string; readonly feature: string; readonly version: string; readonly slice: string },
): string {
  return JSON.stringify([startMs, of.role, of.feature, of.version, of.slice]);
}
