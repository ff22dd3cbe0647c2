import { LeewayError } from "../../core/errors.ts";
import { occupiedCells, total, type Alternative, type Method, type Setting } from "./method.ts";
import { mergedCells } from "./merged-cells.ts";
import { methods, streamMethods, type MethodName } from "./registry.ts";
import { resampledThreshold } from "./resampled-null.ts";
import { type Sample, type SampleCells, sampleCells } from "./sample-cells.ts";

/** What every comparison takes. A method refuses an option that it does not heed, unless it asks for what is so anyway. */
interface ComparisonOptions {
  /** Probability that chance alone passes `threshold`, 0 < alpha < 1; without it there is no threshold. */
  readonly alpha?: number | undefined;
  /** Logarithm of `psi` and `kl` (default e) and of `jensen_shannon` (default 2). */
  readonly base?: 2 | "e" | undefined;
  /** `psi` and `kl`: `half_row` (default) counts an empty cell as half a row; `none` is the bare formula, which may be infinite. */
  readonly smoothing?: "half_row" | "none" | undefined;
  /** `wasserstein` and `energy`: `raw` (default), or values in standard deviations of the reference. */
  readonly scale?: "raw" | "reference_sd" | undefined;
  /** `ks`, `mann_whitney`, `fisher_exact`, `z_proportions`, `welch_t`; as SciPy with the reference first, default `two-sided`. */
  readonly alternative?: Alternative | undefined;
}

export interface SampleOptions extends ComparisonOptions {
  /** For numbers in a method over cells: how many bins at most (default 10), or their inner edges, ascending. */
  readonly bins?: number | readonly number[] | undefined;
}

export interface CountOptions extends ComparisonOptions {
  /** Value of each cell, strictly increasing, for methods over values; default the cells' numbers 0, 1, 2, … or the keys. */
  readonly values?: ArrayLike<number> | undefined;
}

/** Counts or shares: cell by cell in one order, or by category. */
export type Counts = ArrayLike<number> | Readonly<Record<string, number>>;

/** What was compared and what the method found on its way. */
export interface ComparisonDetail {
  readonly method: MethodName;
  /** Rows that were compared (of counts: their sum). */
  readonly rows: { readonly reference: number; readonly current: number };
  /** Rows without a value; they are in no cell. Counts know of none. */
  readonly missing: { readonly reference: number; readonly current: number };
  /** Cells in which some sample has rows. */
  readonly cells: number;
  /** Inner edges of the bins, cut at the reference's quantiles: bin b holds edges[b−1] < x ≤ edges[b]. */
  readonly edges?: readonly number[];
  /** Categories that the reference does not have, most frequent first. */
  readonly newCategories?: readonly { readonly category: string; readonly rows: number }[];
  /** Rows now below the least or above the largest value of the reference. */
  readonly outOfRange?: number;
  /** Of the statistic's null, for `chi_square`, `g_test`, `cramers_v` and `welch_t`. */
  readonly degreesOfFreedom?: number;
  /** The least expected count of the table; below about 5 the χ² distribution is a poor null. */
  readonly smallestExpected?: number;
}

export interface Comparison {
  /** The method's number, by its `convention`. */
  readonly score: number;
  /** Probability of such a score, or a more extreme one, if nothing changed and rows are independent; distances have none. */
  readonly pValue?: number;
  /**
   * With `alpha`: the score that chance exceeds with that probability for these two sizes. A two-sided `welch_t` or
   * `z_proportions` passes it by its absolute value.
   */
  readonly threshold?: number;
  readonly detail: ComparisonDetail;
}

/**
 * Compares two samples of one column by one method.
 *
 * Missing values (null, undefined, NaN, ±Infinity) are counted in `detail.missing` and compared no further. Bins come
 * from the reference alone. Nothing given is changed.
 *
 * @param method A name of the registry, e.g. `"psi"`; see docs/methods.md.
 * @param reference Numbers, text or booleans; typed arrays too.
 * @param current The same kind of values.
 * @throws LeewayError `usage` for an unknown method or option or values it has no use for; `insufficient_data` where a
 *   sample has too few values: not measured is not "no drift".
 * @example compareSamples("psi", lastMonth, today, { alpha: 0.01 }) → { score: 0.08, threshold: 0.03, detail: { … } }
 */
export function compareSamples(
  method: MethodName,
  reference: Sample,
  current: Sample,
  options: SampleOptions = {},
): Comparison {
  const known = methodNamed(method);
  checkOptions(known, options, ["bins"]);
  return comparison(known, sampleCells(known, reference, current, options.bins), options);
}

/**
 * Compares counts, or shares, in the same cells by one method; they need not be whole.
 *
 * @param method As of `compareSamples`.
 * @param reference Arrays of one length, or records by category; a category that one side lacks has 0 rows there. For
 *   `fisher_exact` and `z_proportions` two cells: the counted rows, the others. For `ks` and its like cells are in the
 *   order of their values (of records: keys are numbers).
 * @throws LeewayError as `compareSamples` does, and `usage` for lengths that differ or counts below 0.
 * @example compareCounts("chi_square", { web: 60, app: 40 }, { web: 45, app: 50, kiosk: 5 })
 */
export function compareCounts(
  method: MethodName,
  reference: Counts,
  current: Counts,
  options: CountOptions = {},
): Comparison {
  const known = methodNamed(method);
  checkOptions(known, options, ["values"]);
  const cells = countCells(known, reference, current, options.values);
  return comparison(known, { ...cells, missing: { reference: 0, current: 0 } }, options);
}

function methodNamed(name: string): Method<MethodName> {
  const found = methods.find((method) => method.name === name);
  if (found !== undefined) return found;
  if (streamMethods.some((method) => method.name === name)) {
    throw new LeewayError("usage", `${name} watches a stream of values; use watchStream("${name}")`);
  }
  const names = methods.map((method) => method.name).join(", ");
  throw new LeewayError("usage", `no method "${name}"; the methods are ${names}`);
}

/** Allowed values of each option, and the one that means nothing to a method without it. */
const settings = {
  base: { allowed: [2, "e"], neutral: undefined },
  smoothing: { allowed: ["half_row", "none"], neutral: "none" },
  scale: { allowed: ["raw", "reference_sd"], neutral: "raw" },
  alternative: { allowed: ["two-sided", "less", "greater"], neutral: "two-sided" },
} as const;

function checkOptions(method: Method<MethodName>, options: object, own: readonly ("bins" | "values")[]): void {
  const { name } = method;
  if (options === null || typeof options !== "object") {
    throw new LeewayError("usage", `${name}: options must be an object, e.g. { alpha: 0.01 }`);
  }
  const heeded = ["alpha", ...own.filter((option) => heedsShape(method, option)), ...(method.options ?? [])];
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (option === "alpha") {
      if (typeof value !== "number" || !(value > 0 && value < 1)) {
        throw new LeewayError("usage", `${name}: alpha must be a number between 0 and 1, not ${shown(value)}`);
      }
    } else if (option === "bins" || option === "values") {
      if (!own.includes(option)) {
        const other = own.includes("bins") ? "compareCounts" : "compareSamples";
        throw new LeewayError("usage", `${name}: ${option} is an option of ${other}`);
      }
      if (!heedsShape(method, option)) {
        const why = option === "bins" ? "it compares without bins" : "only the cells' counts matter to it";
        throw new LeewayError("usage", `${name} has no option ${option}: ${why}`);
      }
      if (option === "bins") checkBins(name, value);
    } else if (Object.hasOwn(settings, option)) {
      const { allowed, neutral } = settings[option as keyof typeof settings];
      if (!(allowed as readonly unknown[]).includes(value)) {
        throw new LeewayError(
          "usage",
          `${name}: ${option} must be ${allowed.map(shown).join(" or ")}, not ${shown(value)}`,
        );
      }
      if (!heeded.includes(option) && value !== neutral) {
        throw new LeewayError("usage", `${name} has no option ${option}; its options are ${heeded.join(", ")}`);
      }
    } else {
      throw new LeewayError("usage", `${name} has no option ${shown(option)}; its options are ${heeded.join(", ")}`);
    }
  }
}

/** Bins are for methods over cells, values for those that look at distances. */
function heedsShape(method: Method, option: "bins" | "values"): boolean {
  return option === "bins" ? method.over === "cells" : method.over === "values" || method.over === "ordered";
}

function checkBins(method: string, bins: unknown): void {
  if (typeof bins === "number" ? Number.isSafeInteger(bins) && bins >= 2 : isAscending(bins)) return;
  throw new LeewayError(
    "usage",
    `${method}: bins must be a whole number from 2, or ascending inner edges, not ${shown(bins)}`,
  );
}

function isAscending(values: unknown): values is ArrayLike<number> {
  if (!isArrayLike(values) || values.length === 0) return false;
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    if (typeof value !== "number" || !Number.isFinite(value)) return false;
    if (i > 0 && !(value > (values[i - 1] as number))) return false;
  }
  return true;
}

function isArrayLike(value: unknown): value is ArrayLike<unknown> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
}

function countCells(
  { name, over }: Method<MethodName>,
  reference: Counts,
  current: Counts,
  values: unknown,
): Omit<SampleCells, "missing"> {
  for (const [side, counts] of [
    ["reference", reference],
    ["current", current],
  ] as const) {
    if (counts === null || typeof counts !== "object") {
      throw new LeewayError("usage", `${name}: the ${side} counts must be an array, or an object by category`);
    }
  }
  if (isArrayLike(reference) !== isArrayLike(current)) {
    throw new LeewayError("usage", `${name}: one side is an array and the other an object; give both in one form`);
  }
  const given = isArrayLike(reference)
    ? listCells(name, reference, current as ArrayLike<number>)
    : recordCells(name, over, reference, current as Readonly<Record<string, number>>);
  checkCounts(name, "reference", given.reference);
  checkCounts(name, "current", given.current);
  if (over === "pair" && given.reference.length !== 2) {
    throw new LeewayError(
      "usage",
      `${name} compares two cells (the counted rows, the others), not ${given.reference.length}; use chi_square or g_test`,
    );
  }
  if (values === undefined) return given;
  if (!isAscending(values) || values.length !== given.reference.length) {
    throw new LeewayError(
      "usage",
      `${name}: values must be ${given.reference.length} finite numbers, one a cell, strictly increasing`,
    );
  }
  return { ...given, values: Float64Array.from(values) };
}

function listCells(
  method: string,
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
): Omit<SampleCells, "missing"> {
  if (reference.length !== current.length) {
    throw new LeewayError(
      "usage",
      `${method}: ${reference.length} reference counts and ${current.length} current ones; give both for the same cells`,
    );
  }
  return { reference, current };
}

function recordCells(
  method: string,
  over: Method["over"],
  reference: Readonly<Record<string, number>>,
  current: Readonly<Record<string, number>>,
): Omit<SampleCells, "missing"> {
  const keys = [...new Set([...Object.keys(reference), ...Object.keys(current)])];
  let values: Float64Array | undefined;
  if (over === "ordered" || over === "values") {
    const strange = keys.find((key) => key.trim() === "" || !Number.isFinite(Number(key)));
    if (strange !== undefined) {
      throw new LeewayError(
        "usage",
        `${method} needs ordered cells, and "${strange}" is no number; give arrays, or number keys`,
      );
    }
    keys.sort((a, b) => Number(a) - Number(b));
    values = Float64Array.from(keys, Number);
  }
  const at = (counts: Readonly<Record<string, number>>, key: string) => (Object.hasOwn(counts, key) ? counts[key]! : 0);
  const newCategories = keys
    .filter((key) => at(reference, key) === 0 && at(current, key) > 0)
    .map((category) => ({ category, rows: at(current, category) }))
    .toSorted((a, b) => b.rows - a.rows);
  return {
    reference: keys.map((key) => at(reference, key)),
    current: keys.map((key) => at(current, key)),
    newCategories,
    ...(values !== undefined && { values }),
  };
}

function checkCounts(method: string, side: string, counts: ArrayLike<number>): void {
  for (let cell = 0; cell < counts.length; cell += 1) {
    const count: unknown = counts[cell];
    if (typeof count !== "number" || !Number.isFinite(count) || count < 0) {
      throw new LeewayError(
        "usage",
        `${method}: the ${side} count in cell ${cell} is ${shown(count)}; counts are finite numbers from 0`,
      );
    }
  }
  if (!(total(counts) > 0)) {
    throw new LeewayError("insufficient_data", `${method}: the ${side} counts sum to 0; nothing was compared`);
  }
}

/** More values than this are thrown together before rows are dealt anew by the hundred, */
const mostDealtValues = 20_000;
/** into about so many. */
const dealtValues = 500;

/** What chance exceeds with probability `alpha`, for methods without a formula for it. */
function chanceThreshold(
  method: Method<MethodName>,
  setting: Setting,
  alpha: number,
  { reference, current, values }: SampleCells,
): number {
  const dealt =
    values === undefined || values.length <= mostDealtValues
      ? { reference, current, values }
      : mergedCells({ reference, current, values }, dealtValues);
  const of = { ...setting, values: dealt.values };
  return resampledThreshold((before, now) => method.value(before, now, of), alpha, dealt.reference, dealt.current);
}

function comparison(method: Method<MethodName>, cells: SampleCells, options: ComparisonOptions): Comparison {
  const { reference, current, values, missing, edges, newCategories, outOfRange } = cells;
  const { alpha, base, smoothing, scale, alternative } = options;
  const setting: Setting = { base, smoothing, scale, alternative, values };
  const score = method.value(reference, current, setting);
  const significance = method.significance?.(reference, current, setting);
  return {
    score,
    ...(significance !== undefined && { pValue: significance.pValue }),
    ...(alpha !== undefined && {
      threshold:
        method.threshold?.(alpha, reference, current, setting) ?? chanceThreshold(method, setting, alpha, cells),
    }),
    detail: {
      method: method.name,
      rows: { reference: total(reference), current: total(current) },
      missing,
      cells: occupiedCells(reference, current),
      ...(edges !== undefined && { edges }),
      ...(newCategories !== undefined && { newCategories }),
      ...(outOfRange !== undefined && { outOfRange }),
      ...significance?.numbers,
    },
  };
}
