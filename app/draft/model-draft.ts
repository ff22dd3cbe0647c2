import type { FeatureType } from "../../core/feature-schema.ts";

/** What a sample of one model's events shows. */
export interface ModelDraft {
  readonly model: string;
  readonly events: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly versions: readonly string[];
  readonly environments: readonly string[];
  readonly features: readonly DraftFeature[];
  readonly cohorts: readonly DraftCohort[];
  readonly task: DraftTask;
  readonly hasEntityKeys: boolean;
}

export interface DraftFeature {
  readonly name: string;
  readonly type: FeatureType;
  readonly missing: number;
  readonly distinct: number;
  readonly smallest: number | null;
  readonly largest: number | null;
  /** Values of another type than `type`. */
  readonly otherwise: number;
  /** Whole numbers only. */
  readonly whole: boolean;
}

export interface DraftCohort {
  readonly attribute: string;
  readonly distinct: number;
}

/** What the predictions and scores look like. Guesses: a person decides. */
export type DraftTask =
  | { readonly kind: "binary"; readonly positive: string; readonly classes: readonly string[]; readonly why: string }
  | { readonly kind: "multiclass"; readonly classes: readonly string[] }
  | { readonly kind: "regression" }
  | { readonly kind: "unknown"; readonly why: string };

/** An event as far as a draft looks at it; checked by the collector's decoder before. */
export interface SampledEvent {
  readonly timeMs: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Classes whose score is usually the one that matters. */
const positiveWords = new Set([
  "1",
  "true",
  "yes",
  "y",
  "positive",
  "pos",
  "fraud",
  "churn",
  "churned",
  "spam",
  "late",
  "default",
  "click",
]);

/** Drafts of all models that a sample names, by name. */
export function draftModels(events: readonly SampledEvent[]): readonly ModelDraft[] {
  const byModel = Map.groupBy(events, ({ fields }) => String(fields["model"]));
  return [...byModel].map(([model, own]) => draftModel(model, own)).toSorted((a, b) => (a.model < b.model ? -1 : 1));
}

function draftModel(model: string, events: readonly SampledEvent[]): ModelDraft {
  const names = new Set(events.flatMap(({ fields }) => Object.keys(objectOf(fields["features"]))));
  const attributes = new Set(events.flatMap(({ fields }) => Object.keys(objectOf(fields["cohorts"]))));
  const textsOf = (field: string) =>
    [...new Set(events.flatMap(({ fields }) => (typeof fields[field] === "string" ? [fields[field]] : [])))].toSorted();
  const times = events.map(({ timeMs }) => timeMs);
  return {
    model,
    events: events.length,
    fromMs: times.reduce((least, time) => Math.min(least, time), Infinity),
    toMs: times.reduce((most, time) => Math.max(most, time), -Infinity),
    versions: textsOf("version").filter((version) => version !== ""),
    environments: textsOf("environment"),
    features: [...names].filter(isUsable).map((name) =>
      draftFeature(
        name,
        events.map(({ fields }) => objectOf(fields["features"])[name]),
      ),
    ),
    cohorts: [...attributes].filter(isUsable).map((attribute) => ({
      attribute,
      distinct: new Set(events.map(({ fields }) => objectOf(fields["cohorts"])[attribute])).size,
    })),
    task: draftTask(events),
    hasEntityKeys: textsOf("entity_key").some((key) => key !== ""),
  };
}

/** The contract allows a feature without a name; a configuration cannot name it. */
function isUsable(name: string): boolean {
  return name.trim() !== "";
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function draftFeature(name: string, values: readonly unknown[]): DraftFeature {
  const present = values.filter((value) => value !== null && value !== undefined);
  const types = Map.groupBy(present, typeOf);
  // The collector goes by the first value, which is chance here: the most frequent type is meant.
  const [type, own] = [...types].toSorted(([, a], [, b]) => b.length - a.length)[0] ?? ["categorical", []];
  const numbers = type === "numeric" ? own.map(Number).filter(Number.isFinite) : [];
  return {
    name,
    type,
    missing: values.length - present.length,
    distinct: new Set(own).size,
    smallest: numbers.length === 0 ? null : numbers.reduce((a, b) => Math.min(a, b)),
    largest: numbers.length === 0 ? null : numbers.reduce((a, b) => Math.max(a, b)),
    otherwise: present.length - own.length,
    whole: numbers.length > 0 && numbers.every(Number.isInteger),
  };
}

function typeOf(value: unknown): FeatureType {
  if (typeof value === "number" || value === "NaN" || value === "Infinity" || value === "-Infinity") return "numeric";
  return typeof value === "boolean" ? "boolean" : "categorical";
}

function draftTask(events: readonly SampledEvent[]): DraftTask {
  const predictions = events
    .map(({ fields }) => fields["prediction"])
    .filter((value) => value !== undefined && value !== null);
  const scored = new Set(events.flatMap(({ fields }) => Object.keys(objectOf(fields["scores"]))));
  if (predictions.length === 0 && scored.size === 0)
    return { kind: "unknown", why: "no event has a prediction or scores" };
  const numbers = predictions.filter((value) => typeof value === "number");
  if (numbers.length > 0 && numbers.length === predictions.length && scored.size === 0) {
    const distinct = new Set(numbers);
    if (distinct.size > 2) return { kind: "regression" };
    const why = `its predictions are the numbers ${[...distinct].join(" and ")}; if they are classes, send them as strings`;
    return { kind: "unknown", why };
  }
  const texts = predictions.map(String);
  const classes = [...new Set([...texts, ...scored])].toSorted();
  if (classes.length > 2) return { kind: "multiclass", classes };
  const [only] = scored;
  if (scored.size === 1 && only !== undefined)
    return { kind: "binary", positive: only, classes, why: "the class that has a score" };
  if (classes.length < 2)
    return { kind: "unknown", why: `its only class so far is ${JSON.stringify(classes[0] ?? "")}` };
  const worded = classes.filter((name) => positiveWords.has(name.toLowerCase()));
  const [word] = worded;
  if (worded.length === 1 && word !== undefined) return { kind: "binary", positive: word, classes, why: "its name" };
  const rows = (name: string) => texts.filter((text) => text === name).length;
  const rarer = classes.toSorted((a, b) => rows(a) - rows(b))[0]!;
  return { kind: "binary", positive: rarer, classes, why: "the rarer class" };
}
