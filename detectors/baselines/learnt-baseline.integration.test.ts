import { expect, test } from "vitest";
import { createManualClock } from "../../core/clock.ts";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { Finding } from "../../core/finding.ts";
import { silentLogger } from "../../core/logger.ts";
import type { ModelSpec } from "../../core/model.ts";
import { noTracing } from "../../core/tracing.ts";
import { dayMs, weekdayOf } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../../store/facts/test-events.ts";
import type { DecisionState } from "../decisions/decision-state.ts";
import { testModel } from "../testing/model.ts";
import { createWindowDecider } from "../window-decision.ts";
import { ensureBaseline, loadStoredBaseline, readReferenceWindows } from "./baseline.ts";

const nowMs = Date.now();
// Near the present: tables expire by evaluation time.
const startMs = Math.floor(nowMs / dayMs) * dayMs - 40 * dayMs;
const rowsPerDay = 600;
const days = 28;
const schema = createFeatureSchema("m", [
  { name: "amount", type: "numeric" },
  { name: "city", type: "categorical" },
]);
const model = testModel({
  features: [
    { name: "amount", type: "numeric", unit: null },
    { name: "city", type: "categorical", unit: null },
  ],
  cohorts: [{ attribute: "shop", watch: true }],
  baseline: { kind: "range", fromMs: startMs, toMs: startMs + days * dayMs },
  monitoring: { idleAfterMs: 0, minSliceRows: 20 },
});

async function fill(
  facts: Facts,
  [firstDay, count]: readonly [number, number],
  city = `concat('c', toString(floor(${uniformSql(2)} * 5)))`,
): Promise<void> {
  const score = `least(0.99, ${uniformSql(4)} * 0.5)`;
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (firstDay + count) * rowsPerDay,
    where: `i >= ${firstDay * rowsPerDay}`,
    num: [normalSql(1)],
    cat: [city],
    score,
    predictionClass: `if(${score} > 0.4, 'yes', 'no')`,
    cohorts: { shop: `floor(${uniformSql(3)} * 3)` },
  });
}

const environment = "production";
const requestOf = (of: ModelSpec) => ({ environment, model: of, features: of.features, schemas: [schema] });

/** A process that starts. */
async function loaded(facts: Facts, of: ModelSpec = model) {
  if (of.baseline?.kind !== "range") throw new Error("the test's model has a range");
  const request = { ...requestOf(of), spec: of.baseline };
  return ensureBaseline(facts, request, { clock: createManualClock(nowMs), log: silentLogger });
}

/** Decides days after the reference, each in a process that has just started. @returns the findings of the last one */
async function decideDays(facts: Facts, of: ModelSpec, count: number, beforeEach = async () => {}) {
  let state: DecisionState | null = null;
  let found: readonly Finding[] = [];
  for (let day = days; day < days + count; day += 1) {
    await beforeEach();
    const decider = createWindowDecider({
      facts,
      model: of,
      environment,
      loaded: await loaded(facts, of),
      clock: createManualClock(nowMs),
      metrics: null,
      tracing: noTracing,
    });
    const window = { startMs: startMs + day * dayMs, endMs: startMs + (day + 1) * dayMs };
    const how = { revision: 0, recount: true, schemas: [schema] };
    const decided = await decider.decide(state ?? decider.initialState(), window, how);
    state = decided.state;
    found = decided.findings;
  }
  return found;
}

const plain = (value: unknown) =>
  JSON.stringify(value, (_, one: unknown) => (ArrayBuffer.isView(one) ? Array.from(one as Float64Array) : one));

async function storedCount(facts: Facts): Promise<number | undefined> {
  const [row] = await facts.query<{ stored: number }>("SELECT count() AS stored FROM learnt_references");
  return row?.stored;
}

async function filled(): Promise<Facts> {
  const facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  await fill(facts, [0, days]);
  return facts;
}

test("a second start takes what the first one learnt, and reads neither the reference's windows nor its rows", async () => {
  await using facts = await filled();
  const first = await loaded(facts);
  expect(first.reference.some(({ series }) => series.slice === "shop=1")).toBe(true);
  expect(first.gapsMs).toHaveLength(days);
  await facts.command("TRUNCATE TABLE profiles");
  await facts.command("TRUNCATE TABLE events");
  expect(plain(await loaded(facts))).toBe(plain(first));
});

test("what is stored comes to the same decisions as what is learnt anew", async () => {
  const decided = async (forget: boolean) => {
    await using facts = await filled();
    await fill(facts, [days, 3]);
    await decideDays(facts, model, 3, async () => {
      if (forget) await facts.command("TRUNCATE TABLE learnt_references");
    });
    const states = await facts.query<{ state: string }>("SELECT state FROM decision_states ORDER BY window_start");
    const evaluations = await facts.query(
      "SELECT * EXCEPT (evaluated_at, expires_on) FROM evaluations ORDER BY window_start, role, feature, version, slice, signal",
    );
    expect(states).toHaveLength(3);
    return JSON.stringify([states, evaluations]);
  };
  expect((await decided(false)) === (await decided(true))).toBe(true);
});

test("what was learnt by another version of the method, of another making, or with another season is not taken", async () => {
  await using facts = await filled();
  const first = await loaded(facts);
  const { baselineId } = first.baseline;
  // Whatever it says: it stands under another name.
  await facts.command("ALTER TABLE learnt_references DELETE WHERE true SETTINGS mutations_sync = 2");
  await facts.insertRows(
    "learnt_references",
    [
      {
        environment,
        model: "m",
        baseline_id: baselineId,
        digest: "0".repeat(64),
        learnt: "{}",
        learnt_at: "2026-01-01 00:00:00.000",
      },
    ],
    null,
  );
  expect(plain(await loaded(facts))).toBe(plain(first));
  expect(await storedCount(facts)).toBe(2);

  const seasonal = await loaded(facts, { ...model, monitoring: { ...model.monitoring, season: "weekdays" } });
  expect(seasonal.baseline.baselineId).toBe(baselineId);
  expect(seasonal.weekdayZone).toBe("UTC");
  expect(await storedCount(facts)).toBe(3);

  // Made again, as after an attempt that was cut off: its rows may be others.
  await facts.command(
    `INSERT INTO baselines SELECT * REPLACE (created_at + INTERVAL 1 HOUR AS created_at) FROM baselines`,
  );
  await loaded(facts);
  expect(await storedCount(facts)).toBe(4);
});

test("one who only reads stores nothing", async () => {
  await using facts = await filled();
  const { baseline } = await loaded(facts);
  await facts.command("TRUNCATE TABLE learnt_references");
  const read = await loadStoredBaseline(facts, requestOf(model), baseline.baselineId);
  expect(read?.reference.length).toBeGreaterThan(0);
  expect(await storedCount(facts)).toBe(0);
});

test("the windows of one series of the reference are read where they are asked for", async () => {
  await using facts = await filled();
  const baseline = await loaded(facts);
  const slice = baseline.reference.find(({ series }) => series.slice === "shop=2" && series.feature === "amount")!;
  const windows = await readReferenceWindows(facts, { environment, loaded: baseline }, slice);
  expect(windows.map(({ window }) => window.startMs)).toEqual(
    Array.from({ length: days }, (_, day) => startMs + day * dayMs),
  );
  expect(windows.reduce((sum, { counts }) => sum + counts.rows, 0)).toBe(slice.pooled.rows);
});

test("rows that have expired are no silence: without them no gaps are known", async () => {
  await using facts = await filled();
  await loaded(facts);
  await facts.command("TRUNCATE TABLE learnt_references");
  await facts.command(
    `ALTER TABLE events DELETE WHERE event_time < fromUnixTimestamp64Milli(toInt64(${startMs + 20 * dayMs}), 'UTC') SETTINGS mutations_sync = 2`,
  );
  expect((await loaded(facts)).gapsMs).toEqual([]);
});

test("a weekend's finding is told against the reference's weekends, though only what they taught is kept", async () => {
  await using facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  const dayMsSql = `fromUnixTimestamp64Milli(toInt64(${startMs}) + i * ${dayMs / rowsPerDay}, 'UTC')`;
  const beach = (onWeekends: number) =>
    `if(${uniformSql(2)} < if(toDayOfWeek(${dayMsSql}) >= 6, ${onWeekends}, 0.2), 'beach', 'desk')`;
  const seasonal = { ...model, cohorts: [], monitoring: { ...model.monitoring, season: "weekdays" as const } };
  await fill(facts, [0, days], beach(0.8));
  await fill(facts, [days, 7], beach(0.5));
  // Until the first Sunday after the reference.
  const firstMs = startMs + days * dayMs;
  const untilSunday = 7 - weekdayOf({ startMs: firstMs, endMs: firstMs + dayMs }, "UTC");
  const found = await decideDays(facts, seasonal, untilSunday);
  const told = found.find(({ signal }) => signal === "distribution")!;
  const { evidence, series } = told;
  expect([series.feature, evidence.weekdays]).toEqual(["city", "Saturday and Sunday"]);
  expect(evidence.contributors.find(({ name }) => name === "beach")?.reference).toBeCloseTo(0.8, 1);
});
