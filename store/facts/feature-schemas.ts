import type { FeatureSchema, FeatureType } from "../../core/feature-schema.ts";
import type { Facts } from "./client.ts";

/** All schemas that rows may have been written under, in the order in which they were first stored. */
export async function readFeatureSchemas(facts: Facts): Promise<readonly FeatureSchema[]> {
  const rows = await facts.query<{ schema_id: string; model: string; names: string[]; types: FeatureType[] }>(
    `SELECT schema_id, model, any(names) AS names, any(types) AS types
    FROM feature_schemas
    GROUP BY model, schema_id
    ORDER BY min(created_at), schema_id`,
  );
  return rows.map((row) => ({
    schemaId: row.schema_id,
    model: row.model,
    fields: row.names.map((name, index) => ({ name, type: row.types[index] as FeatureType })),
  }));
}

/** Schemas are immutable, so storing one again (another collector found it too) changes nothing. */
export async function writeFeatureSchemas(
  facts: Facts,
  schemas: readonly FeatureSchema[],
  nowMs: number,
): Promise<void> {
  if (schemas.length === 0) return;
  const rows = schemas.map(({ schemaId, model, fields }) => ({
    schema_id: schemaId,
    model,
    names: fields.map((field) => field.name),
    types: fields.map((field) => field.type),
    created_at: (nowMs / 1000).toFixed(3),
  }));
  await facts.insertRows("feature_schemas", rows, null);
}

/** Notes models that registered themselves; those that are known already keep their row. */
export async function writeLearningModels(facts: Facts, models: readonly string[], nowMs: number): Promise<void> {
  if (models.length === 0) return;
  const known = await facts.query<{ model: string }>(`SELECT model FROM models WHERE model IN {models:Array(String)}`, {
    models,
  });
  const names = new Set(known.map((row) => row.model));
  const at = (nowMs / 1000).toFixed(3);
  const rows = models
    .filter((model) => !names.has(model))
    .map((model) => ({ model, origin: "learning", schema_id: "", first_seen: at, updated_at: at }));
  if (rows.length > 0) await facts.insertRows("models", rows, null);
}
