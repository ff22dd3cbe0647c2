import { expect, test } from "vitest";
import { createFeatureSchema } from "../../../core/feature-schema.ts";
import { dayMs } from "../../../core/window.ts";
import { detectorPass } from "../../../detectors/testing/detector-pass.ts";
import { testModel } from "../../../detectors/testing/model.ts";
import { writeFeatureSchemas } from "../../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../../../store/facts/test-events.ts";
import { loadConfig } from "../../config/load.ts";
import { baselinesCheck } from "./baselines.ts";

const nowMs = Date.now();
const startMs = Math.floor(nowMs / dayMs) * dayMs - 40 * dayMs;
const rowsPerDay = 500;
const schema = createFeatureSchema("m", [{ name: "amount", type: "numeric" }]);

test("versions whose control is gone are named as not measured", async () => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  const model = testModel({
    features: [{ name: "amount", type: "numeric", unit: null }],
    baseline: { kind: "range", fromMs: startMs, toMs: startMs + 14 * dayMs, version: "1", concurrent: true },
    monitoring: { idleAfterMs: 0 },
  });
  const fill = (version: string, firstDay: number, days: number) =>
    generateEvents(facts, {
      model: "m",
      schemaId: schema.schemaId,
      fromMs: startMs,
      stepMs: dayMs / rowsPerDay,
      count: (firstDay + days) * rowsPerDay,
      where: `i >= ${firstDay * rowsPerDay}`,
      version: `'${version}'`,
      num: [normalSql(1)],
      score: uniformSql(4),
      predictionClass: `if(${uniformSql(4)} > 0.5, 'yes', 'no')`,
    });
  const loaded = loadConfig({ path: null, dataDir: null, environment: {}, cwd: "/nonexistent" });
  if (loaded.kind !== "valid") throw new Error("the defaults are wrong");
  const examine = async () => {
    await detectorPass(facts, { model, nowMs });
    return baselinesCheck.run({
      config: { ...loaded.config, models: [model] },
      facts: async () => facts,
      kafka: () => null,
      nowMs: () => nowMs,
    });
  };

  await fill("1", 0, 16);
  expect(await examine()).toMatchObject([{ verdict: "ok", subject: "m" }]);
  // The new version takes all of the traffic, and nobody approves it.
  await fill("2", 16, 4);
  expect(await examine()).toMatchObject([
    {
      verdict: "warn",
      subject: "m",
      detail:
        "version 1, with which other versions are compared, had no rows for 4 days (production): the others are not measured",
    },
  ]);
});
