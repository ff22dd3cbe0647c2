import { expect, it } from "vitest";
import { compareCounts, compareSamples, type Comparison, type CountOptions, type SampleOptions } from "./compare.ts";
import { methods, type MethodName, type StreamMethodName, streamMethods } from "./registry.ts";
import known from "./testing/known-values.json" with { type: "json" };
import { watchStream } from "./watch-stream.ts";

/** What SciPy, statsmodels or River said; infinities as text. */
interface KnownValue {
  readonly method: string;
  readonly data: string;
  readonly score: number | string;
  readonly pValue?: number | string;
  readonly options?: object;
}

const rows = (all: readonly KnownValue[], method: string) => all.filter((row) => row.method === method);

function expectKnown(found: Comparison, { score, pValue, data }: KnownValue): void {
  const expected = Number(score === "inf" ? Infinity : score);
  if (expected === Infinity) expect(found.score).toBe(Infinity);
  else expect(Math.abs(found.score - expected), `${data}: score`).toBeLessThanOrEqual(1e-9 * Math.max(1, expected));
  if (pValue === undefined) return;
  const p = Number(pValue);
  // SciPy's series for the limit of Cramér–von Mises ends at 1e-7.
  const tolerance = found.detail.method === "cramer_von_mises" ? 1e-6 : 1e-8 * p + 1e-14;
  expect(Math.abs(found.pValue! - p), `${data}: p-value ${found.pValue} against ${p}`).toBeLessThanOrEqual(tolerance);
}

const ofSamples: readonly KnownValue[] = known.ofSamples;
const ofCounts: readonly KnownValue[] = known.ofCounts;

it.each(methods.map(({ name }) => name))("%s has the values of SciPy or statsmodels", (method) => {
  const samples = known.samples as Record<string, { reference: number[]; current: number[] }>;
  const counts = known.counts as Record<string, { reference: number[]; current: number[] }>;
  for (const row of rows(ofSamples, method)) {
    const { reference, current } = samples[row.data]!;
    expectKnown(compareSamples(method as MethodName, reference, current, row.options as SampleOptions), row);
  }
  for (const row of rows(ofCounts, method)) {
    const { reference, current } = counts[row.data]!;
    expectKnown(compareCounts(method as MethodName, reference, current, row.options as CountOptions), row);
  }
  expect(rows(ofSamples, method).length + rows(ofCounts, method).length).toBeGreaterThan(0);
});

it.each(known.ofStreams)("$method with $options over $stream changes where River's does", (row) => {
  const watch = watchStream(row.method as StreamMethodName, row.options);
  const changes: number[] = [];
  const warnings: number[] = [];
  for (const [at, value] of known.streams[row.stream as "values" | "errors"].entries()) {
    const verdict = watch.update(value);
    if (verdict.change) changes.push(at);
    if (verdict.warning === true) warnings.push(at);
  }
  expect(changes).toEqual(row.changes);
  expect(changes.length).toBeGreaterThan(0);
  if (row.warnings !== undefined) expect(warnings).toEqual(row.warnings);
});

it("names its sources, and covers every method between samples and the three streaming ones that River has", () => {
  expect(known.madeBy).toMatchObject({ scipy: "1.17.1", statsmodels: "0.15.0", river: "0.26.1" });
  const covered = new Set([...ofSamples, ...ofCounts].map(({ method }) => method));
  expect([...covered].toSorted()).toEqual(methods.map(({ name }) => name as string).toSorted());
  const streaming = new Set(known.ofStreams.map(({ method }) => method));
  expect(streamMethods.map(({ name }) => name).filter((name) => !streaming.has(name))).toEqual(["cusum", "ewma"]);
});
