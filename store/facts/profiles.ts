import type { Series } from "../../core/baseline.ts";
import type { SeriesCounts } from "../../core/profile.ts";
import type { Window } from "../../core/window.ts";
import { insertSettings } from "./client.ts";
import type { Facts } from "./client.ts";
import type { CohortExpression } from "./cohort-expressions.ts";
import { countedRows, heaviest } from "./counted-rows.ts";
import type { CountedRows, Counting } from "./counted-rows.ts";
import { columnOf, readBlocks } from "./native/reader.ts";
import type { ReadBlock, ReadColumn } from "./native/reader.ts";
import type { RowScope } from "./row-scope.ts";
import { binCount, extraSlots, settingsOf } from "./slots.ts";
import type { BinnedExpression } from "./slots.ts";
import { isWeighted, withWeightSquares, writeWeightSquares } from "./weight-squares.ts";

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
  /** Each listed value of each attribute has the features' profiles of its own rows, in the same pass. */
  readonly slices: readonly (CohortExpression & { readonly values: readonly string[] })[];
  /** Whether scores and classes have a profile for each version that is found in the rows, or one for all. */
  readonly resultsByVersion: boolean;
  /** The versions in the rows, where they are known: of one, everything is counted by one statement. */
  readonly versions?: readonly string[];
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
 * A statement takes about a tenth of a second of its own, so there is one, unless the rows are of several versions: then
 * their results are counted by another.
 *
 * A window without rows has profiles (of zeros) only if it is the only window and has no slices.
 */
export async function writeProfiles(facts: Facts, request: ProfileRequest): Promise<void> {
  const { series, slices, versions } = request;
  const features = series.filter(({ role }) => role === "feature");
  const results = series.filter(({ role }) => role !== "feature");
  const version = !request.resultsByVersion ? "" : versions?.length === 1 ? versions[0]! : null;
  if (version !== null) {
    await writeCounts(facts, request, { name: "all", series, slices, version });
    return;
  }
  await writeCounts(facts, request, { name: "features", series: features, slices, version: "" });
  await writeCounts(facts, request, { name: "results", series: results, slices: [], version: null });
}

/** Squares first: once a profile is stored, all of it is. */
async function writeCounts(facts: Facts, request: ProfileRequest, counting: Counting): Promise<void> {
  if (request.windows.length === 0 || counting.series.length === 0) return;
  if (request.weighted) await writeWeightSquares(facts, request, counting);
  const counted = countedRows(request, counting);
  await facts.command(profileStatement(request, counted), counted.params, {
    ...settingsOf(counting.series, request.kind),
    ...insertSettings(`profiles/${counted.token}`),
  });
}

function profileStatement({ weighted, windows }: ProfileRequest, counted: CountedRows): string {
  const { series, numbers, categories } = counted;
  const ends =
    windows.length > 1
      ? `transform(start_ms, [${windows.map((window) => window.startMs).join(", ")}], [${windows.map((window) => window.endMs).join(", ")}], toInt64(0))`
      : `toInt64(${windows[0]?.endMs ?? 0})`;

  // One array for all series of each kind of count: tuples of everything about a series cost the engine's analysis more.
  const sums: string[] = [];
  const aggregate = (
    name: string,
    of: readonly BinnedExpression[],
    sql: (one: BinnedExpression, index: number) => string,
  ) => sums.push(`[${of.map((one) => sql(one, series.indexOf(one))).join(",\n        ")}] AS ${name}`);
  const padded = (name: string, type: string, where: "before" | "behind") => {
    const missing = where === "before" ? numbers.length : categories.length;
    const filler = `arrayResize(CAST([], 'Array(${type})'), ${missing})`;
    const values = `CAST(${name}, 'Array(${type})')`;
    return missing === 0
      ? values
      : `arrayConcat(${where === "before" ? `${filler}, ${values}` : `${values}, ${filler}`})`;
  };
  aggregate("all_slots", series, ({ binning }, index) => {
    const slots = binCount(binning) + extraSlots.length;
    return weighted ? `sumResample(0, ${slots}, 1)(w, slot${index})` : `countResample(0, ${slots}, 1)(slot${index})`;
  });
  if (weighted) {
    aggregate("all_present_rows", series, (one, index) => `countIf(${presentSql(one, index)})`);
    aggregate("all_present_squares", series, (one, index) => `sumIf(w * w, ${presentSql(one, index)})`);
  }
  const w = weighted ? "w * " : "";
  aggregate("all_least", numbers, (_, index) => `min(finite${index})`);
  aggregate("all_most", numbers, (_, index) => `max(finite${index})`);
  aggregate("all_sums", numbers, (_, index) => `sum(${w}finite${index})`);
  aggregate("all_sum_squares", numbers, (_, index) => `sum(${w}finite${index} * finite${index})`);
  aggregate("all_new", categories, ({ binning }, index) => {
    const unseen = binCount(binning) + extraSlots.indexOf("unseen");
    return `CAST(sumMapIf(map(text${index}, ${weighted ? "w" : "toFloat64(1)"}), slot${index} = ${unseen}), 'Map(String, Float64)')`;
  });
  const joined = [
    ...counted.names,
    "all_slots AS slot_counts",
    ...(weighted ? ["all_present_rows AS counted_present", "all_present_squares AS counted_squares"] : []),
    `${padded("all_least", "Nullable(Float64)", "behind")} AS least`,
    `${padded("all_most", "Nullable(Float64)", "behind")} AS most`,
    `${padded("all_sums", "Nullable(Float64)", "behind")} AS sum_all`,
    `${padded("all_sum_squares", "Nullable(Float64)", "behind")} AS sum_squares_all`,
    `${padded("all_new", "Map(String, Float64)", "before")} AS new_values`,
  ];
  return `
INSERT INTO profiles (environment, model, baseline_id, kind, window_start, window_end, revision, role, feature, version, slice,
  rows, weight, weight_squares, present_rows, present_weight, present_weight_squares, missing, non_finite, bin_index, bin_weight,
  unlisted, unseen, unseen_top, unseen_top_value, unseen_distinct, min, max, sum, sum_squares, computed_at, expires_on)
WITH ${counted.binnings} AS binnings
SELECT {environment:String}, {model:String}, {baselineId:String}, {kind:String},
  fromUnixTimestamp64Milli(start_ms, 'UTC'), fromUnixTimestamp64Milli(${ends}, 'UTC'), {revision:UInt32},
  role, feature, ${counted.storedVersion}, slice_text,
  rows_all, weight_all, weight_squares_all,
  ${weighted ? "counted_present" : "present"}, present, ${weighted ? "counted_squares" : "present"},
  slots[bin_count + 1], slots[bin_count + 2],
  arrayFilter((i, b) -> b > 0, range(bin_count), bins), arrayFilter(b -> b > 0, bins),
  slots[bin_count + 3], slots[bin_count + 4],
  arrayMax(mapValues(new_values)),
  if(empty(mapKeys(new_values)), NULL, ${heaviest("new_values")}),
  length(mapKeys(new_values)),
  least, most, ifNull(sum_all, 0), ifNull(sum_squares_all, 0),
  fromUnixTimestamp64Milli({computedAt:Int64}, 'UTC'), {expiresOn:Date}
FROM (
  SELECT start_ms, slice_text, row_version, rows_all, weight_all, weight_squares_all, role, feature, bin_count,
    ${weighted ? "counted_present, counted_squares," : ""} least, most, sum_all, sum_squares_all, new_values,
    arrayMap(c -> toFloat64(c), slot_counts) AS slots, arraySlice(slots, 1, bin_count) AS bins,
    arraySum(bins) + slots[bin_count + 3] + slots[bin_count + 4] AS present
  FROM (
    SELECT ${counted.start} AS start_ms, ${counted.slice} AS slice_text, ${counted.version} AS row_version,
      count() AS rows_all, ${weighted ? "sum(w)" : "toFloat64(count())"} AS weight_all, ${weighted ? "sum(w * w)" : "toFloat64(count())"} AS weight_squares_all,
      ${sums.join(",\n      ")}
    FROM (${counted.rows}
    )
    ${counted.groupBy}
    ${counted.having}
  )
  ARRAY JOIN ${joined.join(",\n    ")}
  WHERE slice_text = '' OR role = 'feature'
)`;
}

/** True of a row whose value is finite. */
function presentSql({ binning }: BinnedExpression, index: number): string {
  const bins = binCount(binning);
  return binning.kind === "numeric"
    ? `slot${index} < ${bins}`
    : `slot${index} NOT IN (${bins + extraSlots.indexOf("missing")}, ${bins + extraSlots.indexOf("non_finite")})`;
}

export interface StoredProfile {
  /** One object for all profiles of a series that are read together. */
  readonly series: Series;
  readonly window: Window;
  readonly revision: number;
  readonly counts: SeriesCounts;
}

/**
 * Stored profiles of windows that start in `fromMs` ≤ t < `toMs`, each series' latest revision, in order of time.
 *
 * @param bins How many a series has; null: its profiles are left out.
 */
export async function readProfiles(
  facts: Facts,
  key: {
    readonly environment: string;
    readonly model: string;
    readonly baselineId: string;
    readonly kind: "reference" | "live";
    readonly fromMs: number;
    readonly toMs: number;
    /** Of this one alone; of all series by default. */
    readonly series?: Series;
  },
  bins: (series: Series) => number | null,
): Promise<StoredProfile[]> {
  const { series, ...window } = key;
  const ofOneSeries =
    series === undefined
      ? ""
      : `
       AND role = {role:String} AND feature = {feature:String} AND version = {version:String} AND slice = {slice:String}`;
  // A reference of a month in slices is a hundred thousand profiles: as JSON, reading them took most of a start.
  const bytes = await facts.queryNative(
    `SELECT toFloat64(toUnixTimestamp64Milli(window_start)) AS start_ms, toFloat64(toUnixTimestamp64Milli(window_end)) AS end_ms,
       revision AS rev, role, feature, version, toLowCardinality(slice) AS slice_text,
       toFloat64(rows) AS row_count, weight, weight_squares, toFloat64(present_rows) AS present_count, present_weight,
       present_weight_squares, missing, non_finite, bin_index, unlisted, unseen, unseen_top, unseen_top_value,
       rows < 65536 AND weight = rows AND weight_squares = rows AS counted,
       CAST(if(counted, bin_weight, []), 'Array(UInt16)') AS bin_counts, if(counted, [], bin_weight) AS bin_weights,
       toFloat64(unseen_distinct) AS distinct_count, min, max, sum, sum_squares
     FROM profiles
     WHERE environment = {environment:String} AND model = {model:String} AND baseline_id = {baselineId:String}
       AND kind = {kind:String}
       AND window_start >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
       AND window_start < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')${ofOneSeries}
     ORDER BY window_start, role, feature, version, slice, revision DESC, computed_at DESC
     LIMIT 1 BY window_start, role, feature, version, slice`,
    { ...window, ...series },
  );
  const profiles: StoredProfile[] = [];
  const known = new Map<string, KnownSeries>();
  const knownSeries = (role: string, feature: string, version: string, slice: string): KnownSeries => {
    const name = `${role} ${feature.length} ${version.length} ${feature}${version}${slice}`;
    let found = known.get(name);
    if (found === undefined) {
      const series = { role: role as Series["role"], feature, version, slice };
      known.set(name, (found = { series, bins: bins(series) }));
    }
    return found;
  };
  for (const block of readBlocks(bytes)) readProfileBlock(block, knownSeries, profiles);
  return profiles.some(({ counts }) => isWeighted(counts)) ? withWeightSquares(facts, window, profiles) : profiles;
}

interface KnownSeries {
  readonly series: Series;
  readonly bins: number | null;
}

/** Counts of bins lie in pieces of so many numbers: memory of its own for each profile costs more than what is in it. */
const numbersPerPiece = 1 << 17;

interface Piece<Numbers extends Uint16Array | Float64Array> {
  readonly of: (length: number) => Numbers;
  numbers: Numbers;
  used: number;
}

/** @param more So many of this length are wanted at most. */
function cut<Numbers extends Uint16Array | Float64Array>(piece: Piece<Numbers>, length: number, more: number): Numbers {
  if (piece.used + length > piece.numbers.length) {
    piece.numbers = piece.of(Math.max(length, Math.min(numbersPerPiece, more * length)));
    piece.used = 0;
  }
  piece.used += length;
  return piece.numbers.subarray(piece.used - length, piece.used) as Numbers;
}

function readProfileBlock(
  block: ReadBlock,
  knownSeries: (role: string, feature: string, version: string, slice: string) => KnownSeries,
  profiles: StoredProfile[],
): void {
  const { rows } = block;
  const column = <Kind extends ReadColumn["kind"]>(name: string, kind: Kind) => columnOf(block, name, kind);
  const numbers = (name: string) => column(name, "numbers").values;
  const texts = (name: string) => column(name, "texts");
  const [starts, ends, revisions] = [numbers("start_ms"), numbers("end_ms"), numbers("rev")];
  const [roles, features, versions, slices] = [texts("role"), texts("feature"), texts("version"), texts("slice_text")];
  const [rowCounts, weights, weightSquares] = [numbers("row_count"), numbers("weight"), numbers("weight_squares")];
  const [presentRows, presentWeights] = [numbers("present_count"), numbers("present_weight")];
  const presentSquares = numbers("present_weight_squares");
  const [missing, nonFinite] = [numbers("missing"), numbers("non_finite")];
  const indices = column("bin_index", "arrays");
  // Where every row weighs 1, the weights are counts: a quarter of the bytes.
  const [counted, binCounts, binWeights] = [
    numbers("counted"),
    column("bin_counts", "arrays"),
    column("bin_weights", "arrays"),
  ];
  const [unlisted, unseen, unseenTop] = [numbers("unlisted"), numbers("unseen"), numbers("unseen_top")];
  const [unseenTopValue, unseenDistinct] = [texts("unseen_top_value"), numbers("distinct_count")];
  const [least, most] = [column("min", "nullable_numbers"), column("max", "nullable_numbers")];
  const [sums, sumSquares] = [numbers("sum"), numbers("sum_squares")];

  const byKeys = new Map<number, KnownSeries>();
  const seriesAt = (row: number): KnownSeries => {
    const [role, feature, version, slice] = [
      roles.keys[row]!,
      features.keys[row]!,
      versions.keys[row]!,
      slices.keys[row]!,
    ];
    const keys =
      ((role * features.texts.length + feature) * versions.texts.length + version) * slices.texts.length + slice;
    let found = byKeys.get(keys);
    if (found === undefined) {
      const text = ({ texts: of }: typeof roles, key: number) => of[key] ?? "";
      found = knownSeries(text(roles, role), text(features, feature), text(versions, version), text(slices, slice));
      byKeys.set(keys, found);
    }
    return found;
  };

  let window: Window = { startMs: Number.NaN, endMs: Number.NaN };
  const countedPiece: Piece<Uint16Array> = {
    of: (length) => new Uint16Array(length),
    numbers: new Uint16Array(0),
    used: 0,
  };
  const weightedPiece: Piece<Float64Array> = {
    of: (length) => new Float64Array(length),
    numbers: new Float64Array(0),
    used: 0,
  };
  for (let row = 0; row < rows; row++) {
    const { series, bins } = seriesAt(row);
    if (bins === null) continue;
    if (window.startMs !== starts[row] || window.endMs !== ends[row]) {
      window = { startMs: starts[row]!, endMs: ends[row]! };
    }
    const isCounted = counted[row] === 1;
    const { ends: itemEnds, items } = isCounted ? binCounts : binWeights;
    const dense = isCounted ? cut(countedPiece, bins, rows - row) : cut(weightedPiece, bins, rows - row);
    const first = row === 0 ? 0 : indices.ends[row - 1]!;
    const shift = (row === 0 ? 0 : itemEnds[row - 1]!) - first;
    // Bins without weight are not stored.
    for (let at = first; at < indices.ends[row]!; at++) {
      const bin = indices.items[at]!;
      if (bin < bins) dense[bin] = items[at + shift]!;
    }
    profiles.push({
      series,
      window,
      revision: revisions[row]!,
      counts: {
        rows: rowCounts[row]!,
        weight: weights[row]!,
        weightSquares: weightSquares[row]!,
        presentRows: presentRows[row]!,
        presentWeight: presentWeights[row]!,
        presentWeightSquares: presentSquares[row]!,
        missing: missing[row]!,
        nonFinite: nonFinite[row]!,
        bins: dense,
        unlisted: unlisted[row]!,
        unseen: unseen[row]!,
        unseenTop: unseenTop[row]!,
        unseenTopValue: unseenTopValue.texts[unseenTopValue.keys[row]!] ?? null,
        unseenDistinct: unseenDistinct[row]!,
        min: least.isNull[row] === 1 ? null : least.values[row]!,
        max: most.isNull[row] === 1 ? null : most.values[row]!,
        sum: sums[row]!,
        sumSquares: sumSquares[row]!,
      },
    });
  }
}
