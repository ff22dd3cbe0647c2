import { expect, inject, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { SimulationReport } from "../../detectors/simulate/measured.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { createLeewayFolder } from "../testing/leeway-process.ts";

test("features that no file declares are those that the store has of the model", async () => {
  await using facts = await createTestDatabase();
  const { url, token } = inject("clickhouse");
  const schema = createFeatureSchema("m", [
    { name: "amount", type: "numeric" },
    { name: "age", type: "numeric" },
    { name: "premium", type: "boolean" },
  ]);
  await writeFeatureSchemas(facts, [schema], Date.now());
  using folder = createLeewayFolder({
    "leeway.yaml": JSON.stringify({
      models: ["m.yaml"],
      store: { url, database: facts.database, ...(token !== undefined && { user: "default", password: token }) },
    }),
    "m.yaml": JSON.stringify({
      model: "m",
      baseline: { kind: "trailing", length: "14d" },
      monitoring: { window: "6h" },
    }),
  });
  const args = ["simulate", "--quick", "--config", "leeway.yaml", "--rows-per-window", "40", "--workers", "1"];
  const end = await folder.run([...args, "--scenarios", "mean-0.5,flag", "--json"]);
  expect(end.code, end.stderr).toBe(0);
  const { configured, results } = JSON.parse(end.stdout) as SimulationReport;
  expect(configured?.configuration).toContain("2 numbers, 1 flag, as stored");
  expect(configured?.configuration).toContain("a trailing baseline of 14d, 7d back: 56 windows");
  const own = results.filter(({ peer }) => peer === null);
  expect(own.map(({ scenario, features }) => [scenario, features])).toEqual([
    ["mean-0.5", 3],
    ["flag", 3],
  ]);
}, 180_000);
