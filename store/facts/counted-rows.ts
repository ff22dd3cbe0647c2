import type { ProfileRequest } from "./profiles.ts";
import { scopeCondition, scopeParams, sqlText, windowStartExpression } from "./row-scope.ts";
import { binCount, binningsOf, slotColumns, slotParams } from "./slots.ts";
import type { BinnedExpression } from "./slots.ts";

/** What one statement counts. */
export interface Counting {
  readonly name: string;
  readonly series: readonly BinnedExpression[];
  readonly slices: ProfileRequest["slices"];
  /** Of the results among the series; null: by the rows' versions. */
  readonly version: string | null;
}

/** The rows of a request, each value by its slot, and how a statement groups them. */
export interface CountedRows {
  /** Numbers first: only they have moments, only the others new values. */
  readonly series: readonly BinnedExpression[];
  readonly numbers: readonly BinnedExpression[];
  readonly categories: readonly BinnedExpression[];
  /** What the statement has as `binnings`. */
  readonly binnings: string;
  /** Selects `start`, `version`, `w`, the slices and `slotColumns` of each series. */
  readonly rows: string;
  readonly groupBy: string;
  readonly having: string;
  /** Of a group: its window's start, its slice, its version if versions are counted apart. */
  readonly start: string;
  readonly slice: string;
  readonly version: string;
  /** `role`, `feature` and `bin_count` of each series, to be joined as arrays. */
  readonly names: readonly string[];
  /** The stored version of a group (`row_version`) and series (`role`). */
  readonly storedVersion: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Names what is counted. */
  readonly token: string;
}

export function countedRows(request: ProfileRequest, counting: Counting): CountedRows {
  const { windows } = request;
  const { slices, version } = counting;
  const numbers = counting.series.filter(({ binning }) => binning.kind === "numeric");
  const categories = counting.series.filter(({ binning }) => binning.kind === "categorical");
  const series = [...numbers, ...categories];
  const { sql: binnings, position } = binningsOf(series);
  const columns = series.map((one, index) => slotColumns(one, index, { ...request, position })).flat();
  const sliceColumns = slices.map(
    ({ sql, values }, index) =>
      // A row outside the listed values falls into '' of this attribute, which is dropped below.
      `if(${sql} IN (${values.map(sqlText).join(", ") || "''"}), ${sql}, '') AS slice${index}`,
  );
  const groups = [["start"], ...slices.map((_, index) => ["start", `slice${index}`])];
  const groupBy =
    version === null
      ? "GROUP BY start, version"
      : slices.length > 0
        ? `GROUP BY GROUPING SETS (${groups.map((group) => `(${group.join(", ")})`).join(", ")})`
        : windows.length > 1
          ? "GROUP BY start"
          : "";
  // GROUPING SETS fill the columns that a set leaves out with their default, so '' means "not by this attribute".
  const slice =
    slices.length === 0
      ? "''"
      : `multiIf(${slices.map(({ attribute }, index) => `slice${index} != '', concat(${sqlText(`${escapeSlice(attribute)}=`)}, replaceRegexpAll(slice${index}, '([\\\\\\\\,=])', '\\\\\\\\\\\\1'))`).join(", ")}, '')`;
  const having =
    slices.length === 0
      ? ""
      : `HAVING ${slices.map((_, index) => `grouping(slice${index}) = ${groupingBit}`).join(" AND ")} OR ${slices.map((_, index) => `slice${index} != ''`).join(" OR ")}`;
  const [fromMs, toMs] = [windows[0]?.startMs ?? 0, windows.at(-1)?.endMs ?? 0];
  const { environment, baselineId, kind, revision } = request;
  const { model } = request.rows;
  return {
    series,
    numbers,
    categories,
    binnings,
    rows: `
      SELECT ${[`${windowStartExpression(windows)} AS start`, "version", "weight AS w", ...sliceColumns, ...columns].join(",\n        ")}
      FROM events
      WHERE ${scopeCondition} AND throwIf(length(binnings) != ${series.length}, 'the bins of a series are not stored') = 0`,
    groupBy,
    having,
    start: groupBy === "" ? `toInt64(${fromMs})` : "start",
    slice,
    version: version === null ? "toString(version)" : "''",
    names: [
      `[${series.map(({ role }) => sqlText(role)).join(", ")}] AS role`,
      `[${series.map(({ feature }) => sqlText(feature)).join(", ")}] AS feature`,
      `[${series.map(({ binning }) => binCount(binning)).join(", ")}] AS bin_count`,
    ],
    storedVersion:
      version === null ? "row_version" : version === "" ? "''" : `if(role = 'feature', '', ${sqlText(version)})`,
    params: {
      ...scopeParams({ ...request.rows, fromMs, toMs }),
      ...slotParams(baselineId, request.reference),
      environment,
      model,
      kind,
      revision,
      computedAt: request.computedAtMs,
      expiresOn: request.expiresOn,
    },
    token: `${environment}/${model}/${baselineId}/${kind}/${fromMs}-${toMs}/${revision}/${counting.name}`,
  };
}

/** Of several values the one with the most weight, ties by their bytes: a map of Σw by value, which must not be empty. */
export function heaviest(map: string): string {
  return `arraySort((k, v) -> (-v, k), mapKeys(${map}), mapValues(${map}))[1]`;
}

/** `grouping(x)` is 1 for a column that the present set does not group by. */
const groupingBit = 1;

function escapeSlice(text: string): string {
  return text.replaceAll(/[\\,=]/g, (character) => `\\${character}`);
}
