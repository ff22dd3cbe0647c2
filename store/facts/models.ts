import type { Facts } from "./client.ts";

/** Every model that declared or registered itself, by name. */
export async function readModelNames(facts: Facts): Promise<readonly string[]> {
  const rows = await facts.query<{ model: string }>("SELECT DISTINCT model FROM models ORDER BY model");
  return rows.map((row) => row.model);
}

/** Notes that files declare these models; a model that had registered itself keeps the time it was first seen. */
export async function writeDeclaredModels(facts: Facts, models: readonly string[], nowMs: number): Promise<void> {
  if (models.length === 0) return;
  const known = await facts.query<{ model: string; origin: string; first_seen: number }>(
    `SELECT model, argMax(origin, updated_at) AS origin, toUnixTimestamp64Milli(min(first_seen)) AS first_seen
    FROM models WHERE model IN {models:Array(String)} GROUP BY model`,
    { models },
  );
  const before = new Map(known.map((row) => [row.model, row]));
  const seconds = (ms: number) => (ms / 1000).toFixed(3);
  const rows = models
    .filter((model) => before.get(model)?.origin !== "declared")
    .map((model) => ({
      model,
      origin: "declared",
      schema_id: "",
      first_seen: seconds(before.get(model)?.first_seen ?? nowMs),
      updated_at: seconds(nowMs),
    }));
  if (rows.length > 0) await facts.insertRows("models", rows, null);
}
