import { expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { Finding } from "../../core/finding.ts";
import { dayMs, weekMs, windowContaining } from "../../core/window.ts";
import { readBaselineHistory } from "../../store/facts/baseline-history.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql } from "../../store/facts/test-events.ts";
import { detectorPass } from "../testing/detector-pass.ts";
import { testModel } from "../testing/model.ts";

const nowMs = Date.now();
/** A Monday, 13 weeks ago: tables expire by evaluation time. */
const startMs = windowContaining(nowMs - 91 * dayMs, { lengthMs: weekMs, zone: "UTC" }).startMs;
const rowsPerDay = 1000;
const schema = createFeatureSchema("m", [{ name: "amount", type: "numeric" }]);
const model = testModel({
  features: [{ name: "amount", type: "numeric", unit: null }],
  task: { kind: "unknown" },
  baseline: { kind: "trailing", lengthMs: 28 * dayMs, gapMs: 7 * dayMs },
  // Whatever was stored is all there is: partitions are idle at once.
  monitoring: { idleAfterMs: 0 },
});

async function database(): Promise<Facts> {
  const facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  return facts;
}

async function fillDays(facts: Facts, firstDay: number, days: number, shift = 0): Promise<void> {
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (firstDay + days) * rowsPerDay,
    where: `i >= ${firstDay * rowsPerDay}`,
    num: [`${normalSql(1)} + ${shift}`],
  });
}

/** A process that looks once and ends. */
async function pass(facts: Facts) {
  const report = await detectorPass(facts, { model, nowMs });
  return report;
}

const day = (ms: number) => (ms - startMs) / dayMs;

/** Each range and the windows that it decided, in days from the start; oldest first. */
async function ranges(facts: Facts) {
  const history = await readBaselineHistory(facts, "m");
  return history
    .map(({ fromMs, spec, decided }) => ({
      from: day(fromMs),
      to: spec.kind === "range" ? day(spec.toMs) : null,
      decided: decided === null ? [] : [day(decided.startMs), day(decided.endMs)],
    }))
    .toSorted((a, b) => (a.to ?? 0) - (b.to ?? 0));
}

async function findings(facts: Facts): Promise<Finding[]> {
  const rows = await facts.query<{ finding: string }>("SELECT finding FROM finding_history ORDER BY window_end");
  return rows.map((row) => JSON.parse(row.finding) as Finding);
}

test("days without 14 windows of history have no baseline; from then on each week has a range of its own", async () => {
  await using facts = await database();
  await fillDays(facts, 0, 50);
  const report = await pass(facts);
  expect(report.windowsDecided).toBe(50);
  const unjudged = await facts.query<{ state: string; first_ms: number; last_ms: number }>(
    `SELECT state, toUnixTimestamp64Milli(min(window_start)) AS first_ms, toUnixTimestamp64Milli(max(window_end)) AS last_ms
     FROM evaluations WHERE baseline_id = '' GROUP BY state`,
  );
  expect(unjudged.map(({ state, first_ms, last_ms }) => [state, day(first_ms), day(last_ms)])).toEqual([
    ["no_baseline", 0, 21],
  ]);
  expect(await ranges(facts)).toEqual([
    { from: 0, to: 14, decided: [21, 28] },
    { from: 0, to: 21, decided: [28, 35] },
    { from: 0, to: 28, decided: [35, 42] },
    { from: 7, to: 35, decided: [42, 49] },
    { from: 14, to: 42, decided: [49, 50] },
  ]);
  expect(await findings(facts)).toEqual([]);
});

test("the range stands still while a finding is open: a change that stays is one finding for as long as it lasts", async () => {
  await using facts = await database();
  await fillDays(facts, 0, 30);
  await fillDays(facts, 30, 45, 0.5);
  await pass(facts);
  expect((await ranges(facts)).at(-1)).toEqual({ from: 0, to: 21, decided: [28, 75] });
  const found = await findings(facts);
  expect(new Set(found.map(({ findingId }) => findingId)).size).toBe(1);
  expect(found.at(-1)).toMatchObject({ state: "open", openedWindowStartMs: startMs + 30 * dayMs });
});

test("what was changed for long is not taken for normal once it is over", async () => {
  await using facts = await database();
  await fillDays(facts, 0, 30);
  await fillDays(facts, 30, 7, 0.5);
  await fillDays(facts, 37, 42);
  await pass(facts);
  const found = await findings(facts);
  expect(new Set(found.map(({ findingId }) => findingId)).size).toBe(1);
  // While the change fills more than a quarter of where it would go, the range from before goes on.
  expect((await ranges(facts)).slice(-2)).toEqual([
    { from: 0, to: 21, decided: [28, 77] },
    { from: 42, to: 70, decided: [77, 79] },
  ]);
});

test("a process that starts again goes on with the range that decided last, and with the state after it", async () => {
  await using facts = await database();
  await fillDays(facts, 0, 30);
  await fillDays(facts, 30, 2, 0.5);
  await pass(facts);
  const before = await ranges(facts);
  const [first] = await findings(facts);
  // The week has changed, and the finding is open.
  await fillDays(facts, 32, 5, 0.5);
  const report = await pass(facts);
  expect(report.windowsDecided).toBe(5);
  expect((await ranges(facts)).map(({ from, to }) => [from, to])).toEqual(before.map(({ from, to }) => [from, to]));
  const found = await findings(facts);
  expect(new Set(found.map(({ findingId }) => findingId))).toEqual(new Set([first?.findingId]));
  expect(found.at(-1)).toMatchObject({ state: "open", windowEndMs: startMs + 37 * dayMs });
});

test("the same days, one process for each or one for all, have the same ranges", async () => {
  await using atOnce = await database();
  await fillDays(atOnce, 0, 44);
  await pass(atOnce);
  await using oneByOne = await database();
  for (const [first, days] of [
    [0, 20],
    [20, 2],
    [22, 6],
    [28, 1],
    [29, 8],
    [37, 7],
  ] as const) {
    await fillDays(oneByOne, first, days);
    await pass(oneByOne);
  }
  expect(await ranges(oneByOne)).toEqual(await ranges(atOnce));
});
