import { expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { Finding } from "../../core/finding.ts";
import { dayMs } from "../../core/window.ts";
import { readBaselineHistory } from "../../store/facts/baseline-history.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../../store/facts/test-events.ts";
import { detectorPass } from "../testing/detector-pass.ts";
import { testModel } from "../testing/model.ts";

const nowMs = Date.now();
// Near the present: tables expire by evaluation time.
const startMs = Math.floor(nowMs / dayMs) * dayMs - 40 * dayMs;
const rowsPerDay = 1000;
const baselineDays = 14;
const schema = createFeatureSchema("m", [
  { name: "amount", type: "numeric" },
  { name: "city", type: "categorical" },
]);
const model = testModel({
  features: [
    { name: "amount", type: "numeric", unit: null },
    { name: "city", type: "categorical", unit: null },
  ],
  baseline: { kind: "range", fromMs: startMs, toMs: startMs + baselineDays * dayMs, version: "3" },
  // Whatever was stored is all there is: partitions are idle at once.
  monitoring: { idleAfterMs: 0 },
});

async function fillDays(
  facts: Facts,
  version: string,
  [firstDay, days]: readonly [number, number],
  { amount = "0", score = "0", city = "'Oslo'", where = "true" } = {},
): Promise<void> {
  const scoreSql = `least(0.99, ${uniformSql(4)} * 0.5 + ${score})`;
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (firstDay + days) * rowsPerDay,
    where: `i >= ${firstDay * rowsPerDay} AND ${where}`,
    version: `'${version}'`,
    num: [`${normalSql(1)} + ${amount}`],
    cat: [city],
    score: scoreSql,
    predictionClass: `if(${scoreSql} > 0.4, 'yes', 'no')`,
  });
}

async function pass(facts: Facts): Promise<Finding[]> {
  await detectorPass(facts, { model, nowMs });
  const rows = await facts.query<{ finding: string }>("SELECT finding FROM finding_history ORDER BY window_end");
  return rows.map((row) => JSON.parse(row.finding) as Finding);
}

test("the reference is the approved version's rows alone, and live rows of every version are held against it", async () => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  await fillDays(facts, "3", [0, baselineDays + 3]);
  // Beside it ran a version that nobody approved, on other traffic.
  await fillDays(facts, "2", [0, baselineDays], { amount: "2", score: "0.3", city: "'Bergen'" });
  expect(await pass(facts)).toEqual([]);
  const [baseline] = await readBaselineHistory(facts, "m");
  expect(baseline).toMatchObject({ rows: baselineDays * rowsPerDay, spec: { version: "3" } });

  // Version 4 takes over, with other scores; its first row from Bergen is new to the reference.
  await fillDays(facts, "4", [baselineDays + 3, 2], {
    score: "0.2",
    city: `if(${uniformSql(7)} < 0.05, 'Bergen', 'Oslo')`,
  });
  const found = await pass(facts);
  const names = new Set(found.map(({ series, signal }) => `${series.feature}@${series.version} ${signal}`));
  expect([...names].toSorted()).toEqual(["city@ unseen", "class@4 distribution", "score@4 distribution"]);
  expect(found[0]?.openedWindowStartMs).toBe(startMs + (baselineDays + 3) * dayMs);
});

test("the baseline of a version without rows is refused, naming the version", async () => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  await fillDays(facts, "2", [0, baselineDays + 1]);
  await expect(pass(facts)).rejects.toThrow("holds no rows of version 3; check baseline");
});
