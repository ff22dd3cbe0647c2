import { expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import { LeewayError } from "../../core/errors.ts";
import type { Finding } from "../../core/finding.ts";
import { dayMs, weekMs, windowContaining } from "../../core/window.ts";
import { readBaselineHistory } from "../../store/facts/baseline-history.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { readLatestFindings } from "../../store/facts/finding-history.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../../store/facts/test-events.ts";
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

/** Findings as they were recorded last. */
const lastRecords = (facts: Facts) =>
  readLatestFindings(facts, { environment: "production", model: "m", endAfterMs: 0 });

test("rows that come late for windows before the range moved decide these again, against the range of that time", async () => {
  await using facts = await database();
  await fillDays(facts, 0, 30);
  await pass(facts);
  expect((await ranges(facts)).at(-1)).toEqual({ from: 0, to: 21, decided: [28, 30] });
  const states = () =>
    facts.query<{ at: number; revision: number; baseline: string }>(
      `SELECT (toUnixTimestamp64Milli(window_start) - ${startMs}) / ${dayMs} AS at, max(revision) AS revision,
         argMax(baseline_id, decision_states.revision) AS baseline FROM decision_states GROUP BY at ORDER BY at`,
    );
  const before = await states();

  // Most rows of day 26 were late, and larger.
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs + 26 * dayMs,
    stepMs: dayMs / 4000,
    count: 4000,
    num: [`${normalSql(7)} + 1`],
  });
  expect((await pass(facts)).windowsRevised).toBe(2);
  // Days 26 and 27 were held against the range before; the present one and its days stay.
  expect(await states()).toEqual(before.map((one) => ([26, 27].includes(one.at) ? { ...one, revision: 1 } : one)));
  const found = await lastRecords(facts);
  expect(found).toMatchObject([
    { baselineId: before[26]!.baseline, openedWindowStartMs: startMs + 26 * dayMs, state: "closed" },
  ]);
  expect(day(found[0]!.closedWindowEndMs!)).toBe(28);
  expect((await pass(facts)).windowsRevised).toBe(0);

  // What still more rows take back never was.
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs + 26 * dayMs,
    stepMs: dayMs / 400_000,
    count: 400_000,
    num: [normalSql(8)],
  });
  expect((await pass(facts)).windowsRevised).toBe(2);
  expect(await lastRecords(facts)).toMatchObject([{ findingId: found[0]!.findingId, state: "withdrawn" }]);
  // The next week goes on as ever.
  await fillDays(facts, 30, 6);
  await pass(facts);
  expect((await ranges(facts)).slice(-2)).toEqual([
    { from: 0, to: 21, decided: [28, 35] },
    { from: 0, to: 28, decided: [35, 36] },
  ]);
});

test("what was found late and is open when its range was left ends with that range, also if the process was cut off", async () => {
  await using facts = await database();
  await fillDays(facts, 0, 30);
  await pass(facts);
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs + 26 * dayMs,
    stepMs: dayMs / 4000,
    count: 4000,
    num: [`${normalSql(7)} + 1`],
  });
  const cutOff: Facts = {
    ...facts,
    insertRows: async (table, rows, token) => {
      if (table === "finding_history" && JSON.stringify(rows).includes('\\"state\\":\\"closed\\"')) {
        throw new LeewayError("store_unreachable", "cut off");
      }
      await facts.insertRows(table, rows, token);
    },
  };
  await expect(pass(cutOff)).rejects.toThrow("cut off");
  expect(await lastRecords(facts)).toMatchObject([{ state: "open" }]);
  await pass(facts);
  const [finding] = await lastRecords(facts);
  expect([finding!.state, day(finding!.closedWindowEndMs!)]).toEqual(["closed", 28]);
});

test("labels that are corrected for windows before the range moved decide these again, against the range of that time", async () => {
  await using facts = await database();
  const labelled = {
    ...model,
    task: { kind: "binary", positive: "yes", labelDelayMs: dayMs, labelWindowMs: 7 * dayMs },
  } as const;
  const labels = (firstDay: number, days: number, accuracy: number, correction = 0) =>
    facts.command(
      `INSERT INTO labels (environment, model, label_time, event_id, label_class, expires_on)
       SELECT 'production', 'm', fromUnixTimestamp64Milli(toInt64(${startMs + 3_600_000 + correction}) + i * ${dayMs / rowsPerDay}, 'UTC'),
         toString(i), if(${uniformSql(2)} < ${accuracy}, 'yes', 'no'), '2149-06-01'
       FROM (SELECT toInt64(number) AS i FROM numbers(${firstDay * rowsPerDay}, ${days * rowsPerDay}))`,
      {},
      { async_insert: 0, insert_deduplicate: 0 },
    );
  await fillDays(facts, 0, 30);
  await facts.command("ALTER TABLE events UPDATE prediction_class = 'yes' WHERE true", {}, { mutations_sync: 2 });
  await labels(0, 30, 0.9);
  await detectorPass(facts, { model: labelled, nowMs });
  const before = await readBaselineHistory(facts, "m");
  expect(before.map(({ decided }) => day(decided!.startMs)).toSorted((a, b) => a - b)).toEqual([21, 28]);
  expect(await lastRecords(facts)).toEqual([]);

  await labels(23, 3, 0.6, 1);
  await detectorPass(facts, { model: labelled, nowMs });
  const found = await lastRecords(facts);
  expect(found).toMatchObject([{ signal: "performance", state: "closed", openedWindowStartMs: startMs + 23 * dayMs }]);
  // Day 27 was due when the present range was in force.
  expect(day(found[0]!.closedWindowEndMs!)).toBe(27);
  expect(found[0]!.baselineId).toBe(before.find(({ decided }) => day(decided!.startMs) === 21)!.baselineId);

  const rows = () =>
    facts.query<object>(
      "SELECT count() AS windows, sum(revision) AS revisions FROM evaluations FINAL WHERE signal = 'performance'",
    );
  const measured = await rows();
  await detectorPass(facts, { model: labelled, nowMs });
  expect(await rows()).toEqual(measured);

  await labels(23, 3, 0.9, 2);
  await detectorPass(facts, { model: labelled, nowMs });
  expect(await lastRecords(facts)).toMatchObject([{ findingId: found[0]!.findingId, state: "withdrawn" }]);
});
