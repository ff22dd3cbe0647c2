import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { PooledReference } from "../../core/profile.ts";
import type { Window } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import type { RowScope } from "../../store/facts/row-scope.ts";
import { sampleSlots } from "../../store/facts/slot-samples.ts";
import type { BinnedExpression } from "../../store/facts/slots.ts";
import { summarizeRows } from "../../store/facts/windows.ts";
import { binnedExpressions } from "../baselines/baseline.ts";
import type { LoadedBaseline } from "../baselines/baseline.ts";
import { domainSeparation } from "./domain-classifier.ts";
import type { DomainSeparation, ScoredRows } from "./domain-classifier.ts";
import { slotScores } from "./slot-scores.ts";

/** How well a model's rows can be told from its baseline's, by all features together. */
export interface JointValues {
  /** The separation of a live window: 2·AUC − 1; null with too few rows on either side. */
  value(
    window: Window,
    schemas: readonly FeatureSchema[],
  ): Promise<{ readonly value: number | null; readonly nullDeviation: number; readonly contrast: string }>;
  /** The same of windows of the baseline, each against the baseline without it: how it varies where nothing is wrong. */
  referenceValues(windows: readonly Window[], schemas: readonly FeatureSchema[]): Promise<(number | null)[]>;
}

/** Rows looked at, of one window and of all of the baseline: bounds time and memory, whatever a model's traffic. */
const windowRows = 4000;
const referenceRows = 8000;
/** Windows of the baseline that are held against the rest; of more, so many are taken evenly. */
const referenceWindowsAtMost = 28;
/** Terms are named if they weigh at least this share of the heaviest. */
const toldShare = 0.4;

export function createJointValues(options: {
  readonly facts: Facts;
  readonly model: ModelSpec;
  readonly environment: string;
  readonly loaded: LoadedBaseline;
}): JointValues {
  const { facts, model, environment, loaded } = options;
  const { rowScope } = loaded;
  let pooled: Promise<ScoredRows> | null = null;

  /** Features in one order, with what the bins of each hold in the reference. */
  const featuresOf = (schemas: readonly FeatureSchema[], schemaIds: readonly string[]) => {
    const features: { expression: BinnedExpression; reference: PooledReference }[] = [];
    for (const expression of binnedExpressions(loaded, model, schemas, schemaIds)) {
      const reference = loaded.reference.find(
        ({ series }) => series.role === "feature" && series.slice === "" && series.feature === expression.feature,
      );
      if (expression.role === "feature" && reference !== undefined) features.push({ expression, reference });
    }
    return features;
  };

  const sample = async (
    scope: RowScope,
    kind: "reference" | "live",
    limit: number,
    schemas: readonly FeatureSchema[],
  ): Promise<ScoredRows> => {
    const schemaIds = kind === "reference" ? loaded.schemaIds : ((await summarizeRows(facts, scope))?.schemaIds ?? []);
    const features = featuresOf(schemas, schemaIds);
    const references = features.map(({ reference }) => reference);
    if (features.length < 2 || schemaIds.length === 0) return slotScores([], references);
    const series = features.map(({ expression }) => expression);
    const of = { series, kind, baselineId: loaded.baseline.baselineId, reference: rowScope, limit };
    return slotScores(await sampleSlots(facts, scope, of), references);
  };

  const pool = (schemas: readonly FeatureSchema[]): Promise<ScoredRows> => {
    if (pooled !== null) return pooled;
    pooled = sample(rowScope, "reference", referenceRows, schemas);
    // What failed is asked again, not remembered.
    pooled.catch(() => (pooled = null));
    return pooled;
  };

  return {
    value: async (window, schemas) => {
      const scope = { environment, model: model.name, fromMs: window.startMs, toMs: window.endMs };
      const current = await sample(scope, "live", windowRows, schemas);
      const found = domainSeparation(await pool(schemas), current);
      if (found === null) return { value: null, nullDeviation: 0, contrast: "" };
      const names = featuresOf(schemas, loaded.schemaIds).map(({ expression }) => expression.feature);
      return { value: separation(found), nullDeviation: 2 * found.nullError, contrast: termsText(found, names) };
    },
    referenceValues: async (windows, schemas) => {
      const step = Math.max(1, windows.length / referenceWindowsAtMost);
      const taken = Array.from(
        { length: Math.min(windows.length, referenceWindowsAtMost) },
        (_, index) => windows[Math.floor(index * step)]!,
      );
      const samples: ScoredRows[] = [];
      for (const { startMs, endMs } of taken) {
        samples.push(await sample({ ...rowScope, fromMs: startMs, toMs: endMs }, "reference", windowRows, schemas));
      }
      const values: (number | null)[] = [];
      for (const index of samples.keys()) {
        values.push(separationFromOthers(samples, index));
        // A fit takes tenths of a second: others have their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
      return values;
    },
  };
}

/** How well one window of the baseline is told from the others of it; null with too few rows on either side. */
export function separationFromOthers(samples: readonly ScoredRows[], index: number): number | null {
  const each = Math.ceil(referenceRows / Math.max(1, samples.length - 1));
  const rest = together(samples.flatMap((other, at) => (at === index ? [] : [firstRows(other, each)])));
  const found = rest === null ? null : domainSeparation(rest, samples[index]!);
  return found === null ? null : separation(found);
}

/** 2·AUC − 1: 0 if nothing tells the rows apart, 1 if every row can be told. */
export function separation({ auc }: DomainSeparation): number {
  return 2 * auc - 1;
}

function firstRows(sample: ScoredRows, count: number): ScoredRows {
  const rows = Math.min(count, sample.rows);
  return { ...sample, rows, scores: sample.scores.subarray(0, rows * sample.features) };
}

/** All rows of the samples; null without any. */
export function together(samples: readonly ScoredRows[]): ScoredRows | null {
  const [first] = samples;
  if (first === undefined) return null;
  const rows = samples.reduce((sum, one) => sum + one.rows, 0);
  const scores = new Float64Array(rows * first.features);
  let at = 0;
  for (const one of samples) {
    scores.set(one.scores, at);
    at += one.scores.length;
  }
  return { rows, features: first.features, scores };
}

/** `distance with hour, origin`: what tells the rows apart, the heaviest first. */
function termsText({ terms }: DomainSeparation, names: readonly string[]): string {
  const heaviest = Math.abs(terms[0]?.weight ?? 0);
  return terms
    .filter(({ weight }) => Math.abs(weight) >= toldShare * heaviest)
    .map(({ features }) => features.map((index) => names[index] ?? "").join(" with "))
    .join(", ");
}
