import { LeewayError } from "../../core/errors.ts";
import { occupiedCells, total, type Alternative, type Method, type Setting, type Significance } from "./method.ts";
import { mergedCells } from "./merged-cells.ts";
import { methods, streamMethods, type MethodName } from "./registry.ts";
import { resampledThreshold } from "./resampled-null.ts";
import { type Sample, type SampleCells, sampleCells } from "./sample-cells.ts";
import { areShares } from "./smoothed-shares.ts";

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
  /** Value of each cell, strictly increasing, for methods over values; default the cells' numbers 0, 1, 2, … By category the keys are the values. */
  readonly values?: ArrayLike<number> | undefined;
}

/** Counts or shares: cell by cell in one order, or by category. */
export type Counts =
  | ArrayLike<number>
  | Readonly<Record<string, number>>
  | ReadonlyMap<string | number | boolean, number>;

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
 * @param reference Arrays of one length, or objects or Maps by category; a category that one side lacks has 0 rows there.
 *   For `fisher_exact` and `z_proportions` two cells: the counted rows, the others. For `ks` and its like cells are in the
 *   order of their values (by category: the keys are numbers).
 * @throws LeewayError as `compareSamples` does, and `usage` for lengths that differ, counts below 0 or a sum beyond 2^53,
 *   and for `alpha` with shares, which do not tell how many rows they are of.
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

/** Short, whatever it is: a message must not fail on what it complains about. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (isArrayLike(value))
    return `[${Array.from(value).slice(0, 5).map(shown).join(",")}${value.length > 5 ? ",…" : ""}]`;
  if (value !== null && typeof value === "object") return "an object";
  return typeof value === "function" ? "a function" : `${String(value)}${typeof value === "bigint" ? "n" : ""}`;
}

function countCells(
  { name, over }: Method<MethodName>,
  reference: Counts,
  current: Counts,
  values: unknown,
): Omit<SampleCells, "missing"> {
  const before = formOf(name, "reference", reference);
  const now = formOf(name, "current", current);
  const given = sameCells(name, over, before, now);
  for (const side of ["reference", "current"] as const) {
    const sum = total(given[side]);
    if (!(sum > 0))
      throw new LeewayError("insufficient_data", `${name}: the ${side} counts sum to 0; nothing was compared`);
    if (sum > 2 ** 53) {
      throw new LeewayError(
        "usage",
        `${name}: the ${side} counts sum to ${sum}; beyond 2^53 single rows are not told apart`,
      );
    }
  }
  if (over === "pair" && given.reference.length !== 2) {
    throw new LeewayError(
      "usage",
      `${name} compares two cells (the counted rows, the others), not ${given.reference.length}; use chi_square or g_test`,
    );
  }
  if (values === undefined) return given;
  if (before.kind === "categories") {
    throw new LeewayError("usage", `${name}: values go with arrays of counts; in an object the keys are the values`);
  }
  if (!isAscending(values) || values.length !== given.reference.length) {
    throw new LeewayError(
      "usage",
      `${name}: values must be ${given.reference.length} finite numbers, one a cell, strictly increasing`,
    );
  }
  return { ...given, values: Float64Array.from(values) };
}

function sameCells(method: string, over: Method["over"], before: Form, now: Form): Omit<SampleCells, "missing"> {
  if (before.kind === "categories" && now.kind === "categories") {
    return categoryCounts(method, over, before.counts, now.counts);
  }
  if (before.kind === "categories" || now.kind === "categories") {
    throw new LeewayError("usage", `${method}: one side is an array and the other an object; give both in one form`);
  }
  if (before.counts.length !== now.counts.length) {
    throw new LeewayError(
      "usage",
      `${method}: ${before.counts.length} reference counts and ${now.counts.length} current ones; give both for the same cells`,
    );
  }
  return { reference: before.counts, current: now.counts };
}

type Form =
  | { readonly kind: "list"; readonly counts: readonly number[] }
  | { readonly kind: "categories"; readonly counts: ReadonlyMap<string, number> };

/** Counts as a list, or by category; every one is a finite number from 0. */
function formOf(method: string, side: string, counts: unknown): Form {
  const check = (count: unknown, where: string): number => {
    if (typeof count === "number" && Number.isFinite(count) && count >= 0) return count;
    throw new LeewayError(
      "usage",
      `${method}: the ${side} count ${where} is ${shown(count)}; counts are finite numbers from 0`,
    );
  };
  if (isList(counts)) {
    return { kind: "list", counts: Array.from(counts, (count, cell) => check(count, `in cell ${cell}`)) };
  }
  const byCategory = counts instanceof Map;
  if (counts === null || typeof counts !== "object" || (Symbol.iterator in counts && !byCategory)) {
    throw new LeewayError("usage", `${method}: the ${side} counts must be an array, or an object or Map by category`);
  }
  const found = new Map<string, number>();
  for (const [key, count] of byCategory ? (counts as Map<unknown, unknown>) : Object.entries(counts)) {
    const category = String(key);
    found.set(category, (found.get(category) ?? 0) + check(count, `of ${shown(category)}`));
  }
  return { kind: "categories", counts: found };
}

/** Arrays, typed arrays, and objects that have nothing but numbered cells and their `length`; a category may be called so too. */
function isList(counts: unknown): counts is ArrayLike<unknown> {
  if (isArrayLike(counts)) return true;
  if (counts === null || typeof counts !== "object" || !("length" in counts)) return false;
  const cells = Object.keys(counts).filter((key) => key !== "length");
  return cells.length === counts.length && cells.every((key, cell) => key === String(cell));
}

function categoryCounts(
  method: string,
  over: Method["over"],
  reference: ReadonlyMap<string, number>,
  current: ReadonlyMap<string, number>,
): Omit<SampleCells, "missing"> {
  const keys = [...new Set([...reference.keys(), ...current.keys()])];
  const newCategories = keys
    .filter((key) => (reference.get(key) ?? 0) === 0 && (current.get(key) ?? 0) > 0)
    .map((category) => ({ category, rows: current.get(category)! }))
    .toSorted((a, b) => b.rows - a.rows);
  if (over !== "ordered" && over !== "values") {
    return {
      reference: keys.map((key) => reference.get(key) ?? 0),
      current: keys.map((key) => current.get(key) ?? 0),
      newCategories,
    };
  }
  const strange = keys.find((key) => key.trim() === "" || !Number.isFinite(Number(key)));
  if (strange !== undefined) {
    throw new LeewayError(
      "usage",
      `${method} needs ordered cells, and ${shown(strange)} is no number; give arrays, or number keys`,
    );
  }
  // "1" and "1.0" are one value.
  const values = [...new Set(keys.map(Number))].toSorted((a, b) => a - b);
  const cells = new Map(values.map((value, cell) => [value, cell]));
  const count = (counts: ReadonlyMap<string, number>) => {
    const inCells = new Float64Array(values.length);
    for (const [key, rows] of counts) inCells[cells.get(Number(key))!]! += rows;
    return inCells;
  };
  return { reference: count(reference), current: count(current), values: Float64Array.from(values), newCategories };
}

/** More values than this are thrown together before rows are dealt anew by the thousand, */
const mostDealtValues = 1000;
/** into about so many. */
const dealtValues = 500;

/** What chance exceeds with probability `alpha`, for methods without a formula for it. */
function chanceThreshold(
  method: Method<MethodName>,
  setting: Setting,
  alpha: number,
  { reference, current, values, uncut }: SampleCells,
): number {
  const anew = uncut?.();
  const dealt =
    values === undefined || values.length <= mostDealtValues
      ? { reference, current, values }
      : mergedCells({ reference, current, values }, dealtValues);
  const { reference: before, current: now } = anew ?? dealt;
  const of = { ...setting, values: dealt.values };
  const score = (reference: ArrayLike<number>, current: ArrayLike<number>): number => {
    try {
      return method.value(...(anew?.cut(reference, current) ?? ([reference, current] as const)), of);
    } catch (error) {
      // Of rows that vary some deals may give a constant reference, whose standard deviation is no unit.
      if (error instanceof LeewayError && error.code === "insufficient_data") return Number.NaN;
      throw error;
    }
  };
  const threshold = resampledThreshold(score, alpha, before, now);
  if (!Number.isNaN(threshold)) return threshold;
  throw new LeewayError(
    "insufficient_data",
    `${method.name}: nearly every reference of these rows would be constant, so there is no threshold; use scale "raw"`,
  );
}

/** Below so many expected rows in some cell χ² is no null to take a threshold from (Cochran 1954). */
const fewestExpected = 5;

function thresholdOf(
  method: Method<MethodName>,
  setting: Setting,
  alpha: number,
  cells: SampleCells,
  { smallestExpected = Infinity }: Significance["numbers"] = {},
): number {
  for (const side of ["reference", "current"] as const) {
    const rows = total(cells[side]);
    if (rows < 1 || areShares(cells[side])) {
      throw new LeewayError(
        "usage",
        `${method.name}: alpha needs counts of rows, and the ${side} ones sum to ${rows}; shares do not tell how many rows they are of`,
      );
    }
  }
  // Bins that were cut from few rows have a null of their own, whatever the formula says of fixed cells.
  const tied = method.nullWithoutTies === true && areMostlyTied(cells);
  if (cells.uncut === undefined && smallestExpected >= fewestExpected && !tied && method.threshold !== undefined) {
    return method.threshold(alpha, cells.reference, cells.current, setting);
  }
  return chanceThreshold(method, setting, alpha, cells);
}

/** Whether most rows share their value with others; not of so many values that dealing anew would merge them. */
function areMostlyTied({ reference, current }: SampleCells): boolean {
  const values = occupiedCells(reference, current);
  return values > 1 && values <= mostDealtValues && 2 * values < total(reference) + total(current);
}

function comparison(method: Method<MethodName>, cells: SampleCells, options: ComparisonOptions): Comparison {
  const { reference, current, values, missing, edges, newCategories, outOfRange } = cells;
  const { alpha, base, smoothing, scale, alternative } = options;
  if (method.over === "values" && values !== undefined && !Number.isFinite(values.at(-1)! - values[0]!)) {
    throw new LeewayError(
      "usage",
      `${method.name}: from ${values[0]} to ${values.at(-1)} is further than a number can say; rescale the values`,
    );
  }
  const setting: Setting = { base, smoothing, scale, alternative, values };
  const score = method.value(reference, current, setting);
  if (!Number.isFinite(score) && smoothing !== "none") {
    throw new LeewayError("usage", `${method.name}: the score is larger than a number can say; rescale the values`);
  }
  const significance = method.significance?.(reference, current, setting);
  return {
    score,
    ...(significance !== undefined && { pValue: significance.pValue }),
    ...(alpha !== undefined && { threshold: thresholdOf(method, setting, alpha, cells, significance?.numbers) }),
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
