import { expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { Finding } from "../../core/finding.ts";
import { dayMs } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { readProfilePair } from "../../store/facts/page-profiles.ts";
import { rowsQuery } from "../../store/facts/rows-query.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../../store/facts/test-events.ts";
import { detectorPass } from "../testing/detector-pass.ts";
import { testModel } from "../testing/model.ts";

const nowMs = Date.now();
// Near the present: tables expire by evaluation time.
const startMs = Math.floor(nowMs / dayMs) * dayMs - 40 * dayMs;
const rowsPerDay = 10_000;
const baselineDays = 14;
const schema = createFeatureSchema("m", [{ name: "amount", type: "numeric" }]);
const model = testModel({
  task: { kind: "binary", positive: "yes", labelDelayMs: dayMs, labelWindowMs: dayMs },
  features: [{ name: "amount", type: "numeric", unit: null }],
  cohorts: [{ attribute: "region", watch: false }],
  baseline: { kind: "range", fromMs: startMs, toMs: startMs + baselineDays * dayMs, version: "1", concurrent: true },
  // Whatever was stored is all there is: partitions are idle at once.
  monitoring: { idleAfterMs: 0 },
});

/** A rate of 50 %, and of 30 % on two days of each seven; hours swing by a third of it. */
const seasonalRate = `if(intDiv(i, ${rowsPerDay}) % 7 >= 5, 0.3, 0.5) * (1 + 0.3 * sin(2 * pi() * (i % ${rowsPerDay}) / ${rowsPerDay}))`;

/** Days of traffic of which a quarter, by a hash of its user, goes to version 2. */
async function fillDays(
  facts: Facts,
  [firstDay, days]: readonly [number, number],
  { second = true, rate = seasonalRate, secondRate = "1" } = {},
): Promise<void> {
  const user = "toString(intDiv(i, 3))";
  const isSecond = second ? `cityHash64(${user}) % 4 = 0` : "false";
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (firstDay + days) * rowsPerDay,
    where: `i >= ${firstDay * rowsPerDay}`,
    version: `if(${isSecond}, '2', '1')`,
    entityKey: user,
    num: [normalSql(1)],
    cohorts: { region: `if(i % 5 = 0, 'north', 'south')` },
    score: `${uniformSql(4)} * ${rate}`,
    predictionClass: `if(${uniformSql(5)} < ${rate} * if(${isSecond}, ${secondRate}, 1), 'yes', 'no')`,
  });
}

async function pass(facts: Facts): Promise<Finding[]> {
  await detectorPass(facts, { model, nowMs });
  const rows = await facts.query<{ finding: string }>("SELECT finding FROM finding_history ORDER BY window_end");
  return rows.map((row) => JSON.parse(row.finding) as Finding);
}

test("a tenth more of what version 1 decides is found in version 2, beside it, through a season that is none", async () => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  await fillDays(facts, [0, baselineDays], { second: false });
  await fillDays(facts, [baselineDays, 7]);
  expect(await pass(facts)).toEqual([]);

  await fillDays(facts, [baselineDays + 7, 2], { secondRate: "1.1" });
  const found = await pass(facts);
  const names = found.map(({ series, signal }) => `${series.feature}@${series.version} ${signal}`);
  expect([...new Set(names)]).toEqual(["class@2 distribution"]);
  const [first] = found as [Finding, ...Finding[]];
  const { evidence } = first;
  // What it was held against is the control's rows of that day, not the weeks of the baseline.
  const window = { startMs: first.windowEndMs - dayMs, endMs: first.windowEndMs };
  const [counted] = await facts.query<{ control_rows: number; control_yes: number; own_yes: number }>(
    `SELECT countIf(version = '1') AS control_rows, avgIf(prediction_class = 'yes', version = '1') AS control_yes,
       avgIf(prediction_class = 'yes', version = '2') AS own_yes
     FROM events WHERE event_time >= fromUnixTimestamp64Milli({startMs:Int64}, 'UTC')
       AND event_time < fromUnixTimestamp64Milli({endMs:Int64}, 'UTC')`,
    window,
  );
  expect(evidence.control).toBe("1");
  const yes = evidence.contributors.find(({ name }) => name === "yes")!;
  expect(yes.reference).toBeCloseTo(counted!.control_yes, 9);
  expect(yes.current).toBeCloseTo(counted!.own_yes, 9);
  const pair = await readProfilePair(facts, { ...first, environment: "production", window });
  expect(pair).toMatchObject({ control: "1", reference: { rows: counted!.control_rows } });
  // The rows that a person is sent to say the same.
  const question = { ...first, windowStartMs: window.startMs, type: "categorical", control: evidence.control } as const;
  const shown = await facts.query<{ version: string; value: string; share: number }>(
    rowsQuery(question).replace("`v_m`", "events"),
  );
  const shareOf = (version: string) => shown.find((row) => row.version === version && row.value === "yes")?.share;
  expect([shareOf("1"), shareOf("2")]).toEqual([
    expect.closeTo(counted!.control_yes, 9),
    expect.closeTo(counted!.own_yes, 9),
  ]);
});

test("what moves both versions is told of the baseline's version alone", async () => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  await fillDays(facts, [0, baselineDays], { second: false, rate: "0.5" });
  await fillDays(facts, [baselineDays, 2], { rate: "0.2" });
  const found = await pass(facts);
  expect(new Set(found.map(({ series }) => `${series.feature}@${series.version}`))).toEqual(
    new Set(["class@1", "score@1"]),
  );
  expect(found[0]?.evidence.control).toBeUndefined();
});

test("a version without its control is not measured, which is never no drift", async () => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  await fillDays(facts, [0, baselineDays + 1], { second: false });
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs + (baselineDays + 1) * dayMs,
    stepMs: dayMs / rowsPerDay,
    count: rowsPerDay,
    version: "'2'",
    eventId: "concat('late ', toString(i))",
    num: [normalSql(1)],
    predictionClass: "'yes'",
  });
  expect(await pass(facts)).toEqual([]);
  const states = await facts.query<{ state: string; effect: number | null; methods: Record<string, number> }>(
    "SELECT state, effect, methods FROM evaluations WHERE version = '2' AND role = 'class' AND signal = 'distribution'",
  );
  expect(states).toEqual([{ state: "insufficient_data", effect: null, methods: {} }]);
});
