import { createHash } from "node:crypto";
import type { Baseline, Binning, Series } from "../../core/baseline.ts";
import type { Facts } from "../../store/facts/client.ts";
import { insertLearntReference, readLearntReference } from "../../store/facts/learnt-references.ts";
import type { LearntReference } from "../decisions/learnt-reference.ts";

/** What a baseline's windows and rows taught, once and for all: neither change any more. */
export interface LearntBaseline {
  readonly reference: LearntReference;
  /** False if the reference has no times, or fewer than `fewestSubWindows` whole windows. */
  readonly subWindowsKnown: boolean;
  /** Longest gap of each whole window of the reference, empty ones included; none if it has no times. */
  readonly gapsMs: readonly number[];
  /** Feature schemas of the reference's rows. */
  readonly schemaIds: readonly string[];
}

/** What was learnt depends on nothing else, beside the baseline's rows. */
export interface LearningOptions {
  /** IANA zone in which windows lie. */
  readonly zone: string;
  /** IANA zone of the calendar whose weekdays may differ; null if none may. */
  readonly weekdayZone: string | null;
}

/** To be raised whenever the same profiles are to teach something else; `learnt-baseline.test.ts` tells. */
export const learningVersion = 1;

/** A longer text is not stored: its baseline is learnt at each start. Far below the longest string there can be. */
const mostCharacters = 1 << 27;

function digestOf({ createdAtMs, rows, windowMs }: Baseline, { zone, weekdayZone }: LearningOptions): string {
  // A baseline that is made again has the same id, and perhaps rows that came since.
  const of = [learningVersion, createdAtMs, rows, windowMs, zone, weekdayZone];
  return createHash("sha256").update(JSON.stringify(of)).digest("hex");
}

/** Null: it is not stored, or was learnt in another way. @param binningOf Of the baseline's series; null: it has none. */
export async function readLearntBaseline(
  facts: Facts,
  environment: string,
  baseline: Baseline,
  options: LearningOptions,
  binningOf: (series: Series) => Binning | null,
): Promise<LearntBaseline | null> {
  const { model, baselineId } = baseline;
  const key = { environment, model, baselineId, digest: digestOf(baseline, options) };
  const text = await readLearntReference(facts, key);
  return text === null ? null : learntOf(text, binningOf);
}

/** Stores what was learnt, so that it need not be learnt again. */
export async function writeLearntBaseline(
  facts: Facts,
  environment: string,
  baseline: Baseline,
  options: LearningOptions,
  learnt: LearntBaseline,
  nowMs: number,
): Promise<void> {
  const text = textOf(learnt);
  if (text === null) return;
  const { model, baselineId } = baseline;
  const key = { environment, model, baselineId, digest: digestOf(baseline, options) };
  await insertLearntReference(facts, key, text, nowMs);
}

/** Bins are stored with the baseline, once for all slices. Null: JSON cannot hold it. */
export function textOf(learnt: LearntBaseline): string | null {
  const { series, inflation } = learnt.reference;
  const withoutBins = series.map(({ reference: { series: of, pooled }, ...rest }) => ({ of, pooled, ...rest }));
  let finite = true;
  const text = JSON.stringify({ ...learnt, reference: { series: withoutBins, inflation } }, (_, value: unknown) => {
    // Sums of a hostile producer's weights may be infinite, of which JSON would make null.
    if (typeof value === "number" && !Number.isFinite(value)) finite = false;
    return ArrayBuffer.isView(value) ? Array.from(value as Float64Array) : value;
  });
  return finite && text.length <= mostCharacters ? text : null;
}

interface StoredLearntBaseline extends Omit<LearntBaseline, "reference"> {
  readonly reference: Pick<LearntReference, "inflation"> & {
    readonly series: readonly (Omit<LearntReference["series"][number], "reference"> & {
      readonly of: Series;
      readonly pooled: LearntReference["series"][number]["reference"]["pooled"];
    })[];
  };
}

/** Null: a series of it has no bins, so it is of another baseline. */
export function learntOf(text: string, binningOf: (series: Series) => Binning | null): LearntBaseline | null {
  const { reference, ...rest } = JSON.parse(text) as StoredLearntBaseline;
  const series: LearntReference["series"][number][] = [];
  for (const { of, pooled, ...taught } of reference.series) {
    const binning = binningOf(of);
    if (binning === null) return null;
    series.push({ reference: { series: of, binning, pooled }, ...taught });
  }
  return { ...rest, reference: { series, inflation: reference.inflation } };
}
