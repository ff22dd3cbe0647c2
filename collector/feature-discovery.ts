import { createHash } from "node:crypto";
import {
  createFeatureSchema,
  featurePositions,
  type FeatureField,
  type FeatureSchema,
  type FeatureType,
} from "../core/feature-schema.ts";
import type { ModelSpec } from "../core/model.ts";
import { quoteName, type Fault, type WireObject } from "./validation/fault.ts";

export type Discovery = "auto" | "declared";

/** How a slot takes a value; a slot is `index * slotKinds + kind`, index into `num` or `cat`, counted from 0. */
export const numericSlot = 0;
export const categoricalSlot = 1;
export const booleanSlot = 2;
/** Declared categorical by a person: numbers and booleans are category codes there, not wrong types. */
export const codeSlot = 3;
export const slotKinds = 4;

/** A feature that the model's schema does not have. */
export const noSlot = -1;

/**
 * What a model's features mean at the moment. Replaced, never changed, when its schema grows: a row that was written
 * under it keeps its meaning.
 */
export interface FeatureLayout {
  readonly schema: FeatureSchema;
  readonly numericCount: number;
  readonly categoricalCount: number;
  readonly slots: ReadonlyMap<string, number>;
  /** Nothing can be added: features are declared, or `max_features` is reached. */
  readonly full: boolean;
  /**
   * The order in which the model's producer has named its features lately, and their slots: saves a lookup by name. Empty
   * at first: names are taken from a message, since comparing the very strings that JSON.parse makes is cheapest.
   */
  order: readonly string[];
  orderSlots: readonly number[];
  /** Events in a row that came in another order. */
  disorder: number;
}

export interface DiscoveredModel {
  readonly name: string;
  readonly retentionDays: number;
  /** False until a valid event has named it. */
  registered: boolean;
  layout: FeatureLayout;
}

export type Candidate =
  | { readonly kind: "candidate"; readonly model: DiscoveredModel }
  | { readonly kind: "refused"; readonly fault: Fault };

/**
 * Which models and features there are. In `auto` a model or a feature registers itself when it is first seen, within the
 * caps; in `declared` only what the configuration names exists, except that a declared model that lists no features has
 * them inferred. The type of a feature is that of its first value which is not null.
 */
export interface FeatureDiscovery {
  readonly modelOf: (name: string) => DiscoveredModel | undefined;
  /** A model for a name that `modelOf` does not know; `grow` registers it once its event has been found valid. */
  readonly candidate: (name: string) => Candidate;
  readonly undeclared: (name: string) => Fault;
  /** How many days a model's labels are kept; null if no label may name it. Labels register no model. */
  readonly retentionOfLabels: (name: string) => number | null;
  /** Registers the model of a valid event, and adds the event's new features to its schema as far as the cap allows. */
  readonly grow: (model: DiscoveredModel, features: WireObject) => void;
  readonly isStoredSchema: (schemaId: string) => boolean;
  readonly isStoredModel: (name: string) => boolean;
  /** From now on neither is reported as new. */
  readonly markStored: (stored: {
    readonly schemas: readonly FeatureSchema[];
    readonly models: readonly string[];
  }) => void;
  /** Names everything in the configuration that decides how a message is decoded. */
  readonly configHash: string;
}

export function createFeatureDiscovery(options: {
  readonly discovery: Discovery;
  readonly models: readonly ModelSpec[];
  readonly knownSchemas: readonly FeatureSchema[];
  readonly caps: { readonly maxModels: number; readonly maxFeatures: number };
  readonly defaultRetentionDays: number;
}): FeatureDiscovery {
  const { discovery, caps, defaultRetentionDays } = options;
  const declared = new Map(options.models.map((spec) => [spec.name, spec]));
  const models = new Map<string, DiscoveredModel>();
  const storedSchemas = new Set(options.knownSchemas.map((schema) => schema.schemaId));
  const storedModels = new Set(options.knownSchemas.map((schema) => schema.model));

  // With equally many fields the later one wins: the caller lists schemas by the time they were stored.
  const widest = new Map<string, FeatureSchema>();
  for (const schema of options.knownSchemas) {
    const spec = declared.get(schema.model);
    if (discovery === "declared" && spec === undefined) continue;
    if (spec !== undefined && !continues(schema, spec, discovery)) continue;
    const known = widest.get(schema.model);
    if (known === undefined || schema.fields.length >= known.fields.length) widest.set(schema.model, schema);
  }
  for (const spec of declared.values()) {
    const schema = widest.get(spec.name) ?? createFeatureSchema(spec.name, spec.features.map(fieldOf));
    models.set(spec.name, {
      name: spec.name,
      retentionDays: spec.retentionDays,
      registered: true,
      layout: layoutOf(schema, spec),
    });
  }
  for (const schema of widest.values()) {
    if (models.has(schema.model)) continue;
    models.set(schema.model, {
      name: schema.model,
      retentionDays: defaultRetentionDays,
      registered: true,
      layout: layoutOf(schema, undefined),
    });
  }

  function layoutOf(schema: FeatureSchema, spec: ModelSpec | undefined): FeatureLayout {
    const codes = new Set(spec?.features.filter(({ type }) => type === "categorical").map(({ name }) => name));
    const slots = new Map<string, number>();
    let numericCount = 0;
    let categoricalCount = 0;
    const positions = featurePositions(schema);
    for (const field of schema.fields) {
      const index = (positions.get(field.name)?.index ?? 1) - 1;
      if (field.type === "numeric") numericCount++;
      else categoricalCount++;
      slots.set(field.name, index * slotKinds + slotKind(field, codes));
    }
    const strict = discovery === "declared" && spec !== undefined && spec.features.length > 0;
    const full = strict || schema.fields.length >= caps.maxFeatures;
    return { schema, numericCount, categoricalCount, slots, full, order: [], orderSlots: [], disorder: 0 };
  }

  return {
    modelOf: (name) => models.get(name),
    candidate: (name) => {
      if (discovery === "declared") return { kind: "refused", fault: undeclared(name) };
      if (models.size >= caps.maxModels) {
        const detail = `${quoteName(name)} is new and there are ${models.size} models already (max_models)`;
        return { kind: "refused", fault: { reason: "model_limit", detail } };
      }
      const layout = layoutOf(createFeatureSchema(name, []), undefined);
      return { kind: "candidate", model: { name, retentionDays: defaultRetentionDays, registered: false, layout } };
    },
    undeclared,
    retentionOfLabels: (name) => {
      const known = models.get(name);
      if (known !== undefined) return known.retentionDays;
      return discovery === "declared" ? null : defaultRetentionDays;
    },
    grow: (model, features) => {
      if (!model.registered) {
        model.registered = true;
        models.set(model.name, model);
      }
      const { schema, slots, full } = model.layout;
      if (full) return;
      const fields = [...schema.fields];
      for (const name of Object.keys(features)) {
        if (fields.length >= caps.maxFeatures) break;
        if (slots.has(name)) continue;
        const type = inferredType(features[name]);
        if (type !== null) fields.push({ name, type });
      }
      if (fields.length === schema.fields.length) return;
      model.layout = layoutOf(createFeatureSchema(model.name, fields), declared.get(model.name));
    },
    isStoredSchema: (schemaId) => storedSchemas.has(schemaId),
    isStoredModel: (name) => storedModels.has(name),
    markStored: (stored) => {
      for (const schema of stored.schemas) storedSchemas.add(schema.schemaId);
      for (const name of stored.models) storedModels.add(name);
    },
    configHash: createHash("sha256")
      .update(
        JSON.stringify([
          discovery,
          caps.maxModels,
          caps.maxFeatures,
          [...declared.values()]
            .map((spec) => [spec.name, spec.features.map(({ name, type }) => [name, type])])
            .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
        ]),
      )
      .digest("hex")
      .slice(0, 16),
  };
}

/** The type that a feature's first value gives it; null tells nothing yet. */
export function inferredType(value: unknown): FeatureType | null {
  if (typeof value === "number") return "numeric";
  if (typeof value === "boolean") return "boolean";
  if (typeof value !== "string") return null;
  return Number.isNaN(nonFiniteNumber(value)) && value !== "NaN" ? "categorical" : "numeric";
}

/** The numbers that JSON cannot write, as text: "Infinity", "-Infinity" and "NaN"; NaN for any other text too. */
export function nonFiniteNumber(text: string): number {
  if (text === "Infinity") return Number.POSITIVE_INFINITY;
  return text === "-Infinity" ? Number.NEGATIVE_INFINITY : Number.NaN;
}

function undeclared(name: string): Fault {
  return { reason: "model_undeclared", detail: `no configuration names the model ${quoteName(name)}` };
}

function fieldOf({ name, type }: FeatureField): FeatureField {
  return { name, type };
}

/** A stored schema is used on if it begins with what is declared (exactly that, where nothing may be added). */
function continues(schema: FeatureSchema, spec: ModelSpec, discovery: Discovery): boolean {
  if (discovery === "declared" && spec.features.length > 0 && schema.fields.length !== spec.features.length)
    return false;
  return spec.features.every((feature, index) => {
    const field = schema.fields[index];
    return field !== undefined && field.name === feature.name && field.type === feature.type;
  });
}

function slotKind(field: FeatureField, codes: ReadonlySet<string>): number {
  if (field.type === "numeric") return numericSlot;
  if (field.type === "boolean") return booleanSlot;
  return codes.has(field.name) ? codeSlot : categoricalSlot;
}
