import { expect, test } from "vitest";
import { createFeatureSchema } from "../core/feature-schema.ts";
import type { Finding } from "../core/finding.ts";
import { dayMs } from "../core/window.ts";
import { writeFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../store/facts/test-events.ts";
import { detectorPass } from "./testing/detector-pass.ts";
import { testModel } from "./testing/model.ts";

// Near the present: tables expire by evaluation time.
const nowMs = Date.now();
const startMs = Math.floor(nowMs / dayMs) * dayMs - 30 * dayMs;
const rowsPerDay = 1000;
const baselineDays = 14;
const schema = createFeatureSchema("m", [{ name: "city", type: "categorical" }]);
const model = testModel({
  features: [{ name: "city", type: "categorical", unit: null }],
  cohorts: [{ attribute: "region", watch: true }],
  baseline: { kind: "range", fromMs: startMs, toMs: startMs + baselineDays * dayMs },
  monitoring: { idleAfterMs: 0 },
});

/** In eighths, so that sums are the same in whatever order threads add them up. */
const weight = `ceil(8 * exp(${normalSql(6)})) / 8`;

/** What a window says of a category is what its rows say, however much one of them weighs. */
test.each([
  ["one row of a hundred in the category weighs as much as eighty", `i = ${baselineDays * rowsPerDay + 500}`, "80", []],
  ["a tenth of the rows, as heavy as any, came into the category", `${uniformSql(7)} < 0.1`, "", ["city"]],
])("of lognormal weights: %s", async (_, moved, heavy, expected) => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  const live = `i >= ${baselineDays * rowsPerDay} AND ${moved}`;
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (baselineDays + 1) * rowsPerDay,
    num: [],
    cat: [`if(${uniformSql(3)} < 0.01 OR (${live}), 'small', ['a', 'b', 'c'][1 + toUInt8(${uniformSql(4)} * 3)])`],
    cohorts: { region: `if(${uniformSql(5)} < 0.5, 'north', 'south')` },
    weight: heavy === "" ? weight : `if(${live}, ${heavy}, ${weight})`,
  });
  await detectorPass(facts, { model, nowMs });
  const slices = await facts.query<{ slices: number; squares: number }>(
    `SELECT uniqExact(slice) AS slices, count() AS squares FROM profile_weight_squares WHERE kind = 'live' AND role = 'feature'`,
  );
  // The whole model and both slices of the one live day.
  expect(slices).toEqual([{ slices: 3, squares: 3 }]);
  const found = await facts.query<{ finding: string }>("SELECT finding FROM finding_history ORDER BY finding_id");
  const findings = found.map(({ finding }) => JSON.parse(finding) as Finding);
  expect([...new Set(findings.map(({ series }) => series.feature))]).toEqual(expected);
  for (const { slice } of findings.map(({ series }) => series)) expect(slice).toMatch(/^$|^region=/);

  // Counted and decided again from what is stored, it is the same.
  const decided = await facts.query<{ state: string }>("SELECT state FROM decision_states");
  await facts.command("TRUNCATE TABLE decision_states");
  await detectorPass(facts, { model, nowMs: nowMs + 1 });
  expect(await facts.query<{ state: string }>("SELECT state FROM decision_states")).toEqual(decided);
});
