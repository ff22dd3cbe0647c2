import type { FeatureSchema } from "../../core/feature-schema.ts";
import type { FeatureSpec, ModelSpec } from "../../core/model.ts";

/** The features that are watched: those declared, or else those of every stored schema, each with the type it had first. */
export function modelFeatures(model: ModelSpec, schemas: readonly FeatureSchema[]): FeatureSpec[] {
  if (model.features.length > 0) return [...model.features];
  const features = new Map<string, FeatureSpec>();
  for (const schema of schemas) {
    if (schema.model !== model.name) continue;
    for (const { name, type } of schema.fields) {
      if (!features.has(name)) features.set(name, { name, type, unit: null });
    }
  }
  return [...features.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
