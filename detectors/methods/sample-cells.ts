import { LeewayError } from "../../core/errors.ts";
import { binOf } from "../decisions/binning.ts";
import { between, binsFor, cutInBins, groupedByRank, isDiscrete } from "./cut-in-bins.ts";
import type { Method } from "./method.ts";

/** One sample: numbers, or categories as text or booleans; null, undefined, NaN and ±Infinity are missing. */
export type Sample = ArrayLike<number> | ArrayLike<number | string | boolean | null | undefined>;

/** What is in two samples, counted in the same cells. */
export interface SampleCells {
  readonly reference: ArrayLike<number>;
  readonly current: ArrayLike<number>;
  /** Value of each cell, if the method looks at values. */
  readonly values?: Float64Array;
  /** Inner edges of numeric bins: bin b holds edges[b−1] < x ≤ edges[b]. */
  readonly edges?: readonly number[];
  /** Rows without a usable value; they are in no cell. */
  readonly missing: { readonly reference: number; readonly current: number };
  /** Categories (or values of a discrete reference) that the reference does not have, most frequent first. */
  readonly newCategories?: readonly { readonly category: string; readonly rows: number }[];
  /** Rows of the current sample below the least or above the largest value of the reference. */
  readonly outOfRange?: number;
  /** The values before they were binned, if the reference that cuts the bins has so few rows that a threshold must cut anew. */
  readonly uncut?: () => Uncut;
}

/** Two samples counted by value, and how the first of them cuts bins for both. */
export interface Uncut {
  readonly reference: ArrayLike<number>;
  readonly current: ArrayLike<number>;
  readonly cut: (
    reference: ArrayLike<number>,
    current: ArrayLike<number>,
  ) => readonly [reference: Float64Array, current: Float64Array];
}

const mostBins = 10;
/** With more rows of the reference a bin, where exactly it cut them matters to no threshold. */
const manyRowsPerBin = 500;
/** Values are dealt anew in at most about so many groups. */
const dealtGroups = 300;

type Parsed =
  | { readonly kind: "none"; readonly missing: number }
  | { readonly kind: "numbers"; readonly values: Float64Array; readonly missing: number }
  | { readonly kind: "categories"; readonly values: readonly (string | boolean)[]; readonly missing: number };

/** Missing values are counted and set aside; the rest must be of one kind. */
function parse(method: string, side: string, sample: Sample): Parsed {
  if (sample === null || typeof sample !== "object" || !isLength(sample.length)) {
    throw new LeewayError("usage", `${method}: the ${side} sample is no array; give an array of values`);
  }
  let missing = 0;
  const numbers = new Float64Array(sample.length);
  let found = 0;
  const categories: (string | boolean)[] = [];
  for (let row = 0; row < sample.length; row += 1) {
    const value = sample[row];
    if (value === null || value === undefined || (typeof value === "number" && !Number.isFinite(value))) missing += 1;
    else if (typeof value === "number") numbers[found++] = value;
    else if (typeof value === "string" || typeof value === "boolean") categories.push(value);
    else
      throw new LeewayError(
        "usage",
        `${method}: the ${side} sample holds ${kindOf(value)} in row ${row}; give numbers, text or booleans`,
      );
  }
  if (found > 0 && categories.length > 0) {
    throw new LeewayError(
      "usage",
      `${method}: the ${side} sample mixes numbers and categories; convert it to one of them`,
    );
  }
  if (found > 0) return { kind: "numbers", values: numbers.subarray(0, found), missing };
  return categories.length > 0 ? { kind: "categories", values: categories, missing } : { kind: "none", missing };
}

/** Of an array, by ECMAScript. */
function isLength(length: unknown): boolean {
  return Number.isInteger(length) && Number(length) >= 0 && Number(length) < 2 ** 32;
}

function kindOf(value: unknown): string {
  if (value instanceof Date) return "a Date";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/**
 * Counts two samples in the cells that a method is over. The bins come from the reference alone: see `numericCells`.
 *
 * @throws LeewayError `usage` for values that the method has no use for, `insufficient_data` for a sample without values.
 */
export function sampleCells(
  { name, over }: Pick<Method, "name" | "over">,
  reference: Sample,
  current: Sample,
  bins: number | readonly number[] | undefined,
): SampleCells {
  let before = parse(name, "reference", reference);
  let now = parse(name, "current", current);
  const missing = { reference: before.missing, current: now.missing };
  if (before.kind === "none" || now.kind === "none") {
    const [side, rows] = before.kind === "none" ? ["reference", before.missing] : ["current", now.missing];
    const what = rows === 0 ? "is empty" : `has no value: all of its ${rows} rows are missing`;
    throw new LeewayError("insufficient_data", `${name}: the ${side} sample ${what}; nothing was compared`);
  }
  if (over === "ordered" || over === "values") {
    // A yes/no column has an order too.
    before = asNumbers(before);
    now = asNumbers(now);
  }
  if (before.kind !== now.kind) {
    const words = { numbers: "numbers", categories: "text or booleans" };
    throw new LeewayError(
      "usage",
      `${name}: the reference holds ${words[before.kind]} and the current sample ${words[now.kind]}; convert one of them`,
    );
  }
  if (before.kind === "numbers" && now.kind === "numbers" && over !== "pair") {
    return {
      ...(over === "cells" ? numericCells(before.values, now.values, bins) : distinctValues(before.values, now.values)),
      missing,
    };
  }
  if (over === "ordered" || over === "values") {
    throw new LeewayError("usage", `${name} needs numbers; for categories use chi_square, total_variation or psi`);
  }
  const cells = categoryCells([...before.values].map(String), [...now.values].map(String), over === "pair");
  if (over === "pair" && cells.reference.length > 2) {
    throw new LeewayError(
      "usage",
      `${name} compares two categories, the samples have ${cells.reference.length}; use chi_square or g_test`,
    );
  }
  return { ...cells, missing };
}

function asNumbers<Kind extends Exclude<Parsed, { kind: "none" }>>(sample: Kind): Exclude<Parsed, { kind: "none" }> {
  if (sample.kind === "numbers" || sample.values.some((value) => typeof value === "string")) return sample;
  return { ...sample, kind: "numbers", values: Float64Array.from(sample.values, Number) };
}

/**
 * Bins cut at the reference's quantiles: ten, fewer where that would leave less than five of its rows a bin, one for a
 * run of equal quantiles. A reference of few distinct values (at most as many as bins, at least five rows each on
 * average) has one cell a value, and one for all values that it does not have.
 *
 * @param bins How many, or their inner edges, ascending.
 */
function numericCells(
  reference: Float64Array,
  current: Float64Array,
  bins: number | readonly number[] = mostBins,
): Omit<SampleCells, "missing"> {
  const sorted = reference.toSorted();
  const [least, largest] = [sorted[0]!, sorted.at(-1)!];
  const outOfRange = current.reduce((rows, value) => rows + (value < least || value > largest ? 1 : 0), 0);
  const uncut = (most: number) => () => {
    const { values, ...counts } = groupedByRank(distinctValues(reference, current), dealtGroups);
    return {
      ...counts,
      cut: (before: ArrayLike<number>, now: ArrayLike<number>) =>
        cutInBins({ reference: before, current: now, values }, most),
    };
  };
  const anew = typeof bins === "number" && sorted.length < manyRowsPerBin * bins ? { uncut: uncut(bins) } : {};
  if (typeof bins === "number") {
    const distinct = distinctUpTo(bins + 1, sorted);
    if (isDiscrete(distinct.length, sorted.length, bins)) {
      const cells = new Map(distinct.map((value, cell) => [value, cell]));
      const count = (values: Float64Array) => {
        const counts = new Float64Array(distinct.length + 1);
        for (const value of values) counts[cells.get(value) ?? distinct.length]! += 1;
        return counts;
      };
      const unseen = new Map<string, number>();
      for (const value of current) {
        if (!cells.has(value)) unseen.set(String(value), (unseen.get(String(value)) ?? 0) + 1);
      }
      return {
        reference: count(reference),
        current: count(current),
        newCategories: mostFrequent(unseen),
        outOfRange,
        ...anew,
      };
    }
  }
  const edges = typeof bins === "number" ? quantileEdges(sorted, bins) : Array.from(bins);
  const count = (values: Float64Array) => {
    const counts = new Float64Array(edges.length + 1);
    for (const value of values) counts[binOf(edges, value)]! += 1;
    return counts;
  };
  return { reference: count(reference), current: count(current), edges, outOfRange, ...anew };
}

/** Distinct values in ascending order, the first `most` of them. */
function distinctUpTo(most: number, sorted: Float64Array): readonly number[] {
  const distinct: number[] = [];
  for (const value of sorted) {
    if (value === distinct.at(-1)) continue;
    distinct.push(value);
    if (distinct.length === most) break;
  }
  return distinct;
}

/** Of type 7 (Hyndman & Fan 1996), as the baselines' are. */
function quantileEdges(sorted: Float64Array, bins: number): readonly number[] {
  const wanted = binsFor(sorted.length, bins);
  const edges = Array.from({ length: wanted - 1 }, (_, i) => {
    const position = (sorted.length - 1) * ((i + 1) / wanted);
    const low = Math.floor(position);
    return position === low ? sorted[low]! : between(sorted[low]!, sorted[low + 1]!, position - low);
  });
  return [...new Set(edges)];
}

/** A cell for each distinct value of either sample, ascending. */
function distinctValues(
  reference: Float64Array,
  current: Float64Array,
): { readonly reference: Float64Array; readonly current: Float64Array; readonly values: Float64Array } {
  const before = reference.toSorted();
  const now = current.toSorted();
  const values = new Float64Array(before.length + now.length);
  const counts = [new Float64Array(values.length), new Float64Array(values.length)] as const;
  let cells = 0;
  for (let i = 0, j = 0; i < before.length || j < now.length; cells += 1) {
    const value = Math.min(before[i] ?? Infinity, now[j] ?? Infinity);
    values[cells] = value;
    for (; before[i] === value; i += 1) counts[0][cells]! += 1;
    for (; now[j] === value; j += 1) counts[1][cells]! += 1;
  }
  return {
    reference: counts[0].subarray(0, cells),
    current: counts[1].subarray(0, cells),
    values: values.subarray(0, cells),
  };
}

/**
 * A cell for each category of either sample: in the order of their first row, or for a pair the later one in order (true,
 * 1, "yes") first, since that one is counted.
 */
function categoryCells(
  reference: readonly string[],
  current: readonly string[],
  pair: boolean,
): Omit<SampleCells, "missing"> {
  const known = new Set(reference);
  const all = [...new Set([...reference, ...current])];
  if (pair) {
    all.sort((a, b) => Number(b) - Number(a) || (a < b ? 1 : -1));
    if (all.length === 1) all.push("");
  }
  const cells = new Map(all.map((category, cell) => [category, cell]));
  const count = (values: readonly string[]) => {
    const counts = new Float64Array(all.length);
    for (const value of values) counts[cells.get(value)!]! += 1;
    return counts;
  };
  const unseen = new Map<string, number>();
  for (const value of current) if (!known.has(value)) unseen.set(value, (unseen.get(value) ?? 0) + 1);
  return { reference: count(reference), current: count(current), newCategories: mostFrequent(unseen) };
}

function mostFrequent(rows: ReadonlyMap<string, number>): NonNullable<SampleCells["newCategories"]> {
  return [...rows].map(([category, count]) => ({ category, rows: count })).toSorted((a, b) => b.rows - a.rows);
}
