import { expect, test } from "vitest";
import { createFeatureSchema } from "../core/feature-schema.ts";
import type { Finding } from "../core/finding.ts";
import type { ModelSpec } from "../core/model.ts";
import { dayMs } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { writeFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { readLatestFindings } from "../store/facts/finding-history.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../store/facts/test-events.ts";
import { detectorPass } from "./testing/detector-pass.ts";
import { testModel } from "./testing/model.ts";

// Near the present: tables expire by evaluation time.
const nowMs = Date.now();
const startMs = Math.floor(nowMs / dayMs) * dayMs - 40 * dayMs;
const rowsPerDay = 500;
const baselineDays = 14;
const liveMs = startMs + baselineDays * dayMs;
const delayDays = 2;
const schema = createFeatureSchema("m", [{ name: "amount", type: "numeric" }]);

const model: ModelSpec = testModel({
  task: { kind: "binary", positive: "yes", labelDelayMs: delayDays * dayMs, labelWindowMs: 7 * dayMs },
  features: [{ name: "amount", type: "numeric", unit: null }],
  baseline: { kind: "range", fromMs: startMs, toMs: liveMs },
  // Whatever was stored is all there is: partitions are idle at once.
  monitoring: { idleAfterMs: 0 },
});

/** Days of events, counted from the first live one. */
async function fill(facts: Facts, fromDay: number, toDay: number, amount = normalSql(1)): Promise<void> {
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (baselineDays + toDay) * rowsPerDay,
    where: `i >= ${(baselineDays + fromDay) * rowsPerDay}`,
    num: [amount],
    predictionClass: `if(${uniformSql(1)} < 0.5, 'yes', 'no')`,
  });
}

/**
 * Labels a day late, of which so many agree with the prediction (a share, or SQL over `i`).
 * @param of Which rows have one: SQL over `i`.
 * @param correction Later labels take the place of earlier ones.
 */
async function label(
  facts: Facts,
  fromDay: number,
  toDay: number,
  accuracy: number | string,
  of = "true",
  correction = 0,
): Promise<void> {
  const first = (baselineDays + fromDay) * rowsPerDay;
  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, label_class, expires_on)
     SELECT 'production', 'm', fromUnixTimestamp64Milli(toInt64(${startMs + dayMs + correction}) + i * ${dayMs / rowsPerDay}, 'UTC'), toString(i),
       if((${uniformSql(1)} < 0.5) = (${uniformSql(2)} < ${accuracy}), 'yes', 'no'), '2149-06-01'
     FROM (SELECT toInt64(number) AS i FROM numbers(${first}, ${(toDay - fromDay) * rowsPerDay})) WHERE ${of}`,
    {},
    { async_insert: 0, insert_deduplicate: 0 },
  );
}

async function pass(facts: Facts): Promise<void> {
  await writeFeatureSchemas(facts, [schema], startMs);
  await detectorPass(facts, { model, nowMs });
}

const performanceFindings = async (facts: Facts): Promise<Finding[]> =>
  (await readLatestFindings(facts, { environment: "production", model: "m", endAfterMs: 0 })).filter(
    ({ signal }) => signal === "performance",
  );

/** What was decided of each live window whose labels are due. */
const decisions = async (facts: Facts) =>
  facts.query<{ day: number; state: string; labelled: number; effect: number | null }>(
    `SELECT (toUnixTimestamp64Milli(window_start) - ${liveMs}) / ${dayMs} AS day, state,
       methods['labelled_rows'] AS labelled, round(effect, 6) AS effect
     FROM (SELECT * FROM evaluations WHERE signal = 'performance' ORDER BY revision DESC LIMIT 1 BY window_start, version)
     WHERE methods['labels_due'] = 1 AND day >= 0 ORDER BY day`,
  );

const dayOf = (ms: number | null) => (ms === null ? null : (ms - liveMs) / dayMs);

/** A fall from 0.9 to 0.7 on days 4 and 5. */
const falling = `if(intDiv(i, ${rowsPerDay}) - ${baselineDays} IN (4, 5), 0.7, 0.9)`;
const dueDays = 17;

test("accuracy that falls is one finding at the window concerned, whenever its labels come; it ends after three calm ones", async () => {
  await using facts = await createTestDatabase();
  await fill(facts, -baselineDays, dueDays + delayDays);
  await label(facts, -baselineDays, 0, 0.9);
  await label(facts, 0, dueDays, falling);
  await pass(facts);
  const found = await performanceFindings(facts);
  expect(found).toHaveLength(1);
  const [finding] = found as [Finding];
  expect(finding).toMatchObject({
    harm: "performance_fell",
    state: "closed",
    series: { role: "class", feature: "class", version: "v1", slice: "" },
    evidence: { contrast: "accuracy" },
  });
  expect(dayOf(finding.openedWindowStartMs)).toBe(4);
  // Seven windows together show it for a week.
  expect(dayOf(finding.closedWindowEndMs)).toBeLessThanOrEqual(6 + 7 + 3);
  const history = await facts.query<{ finding: string }>(
    "SELECT finding FROM finding_history WHERE finding LIKE '%\"performance\"%' ORDER BY window_end",
  );
  const opened = JSON.parse(history[0]!.finding) as Finding;
  expect(dayOf(opened.windowEndMs)).toBe(5);
  expect(opened.evidence.labels).toMatchObject({ rows: rowsPerDay, labelled: rowsPerDay, dueMs: liveMs + 7 * dayMs });
  expect(opened.evidence.reference).toBeCloseTo(0.9, 1);
  expect(opened.evidence.current).toBeCloseTo(0.7, 1);
  const decided = await decisions(facts);
  expect(decided.map(({ state }) => state).slice(0, 8)).toEqual([
    ...["ok", "ok", "ok", "ok", "drift", "drift", "drift", "drift"],
  ]);
  expect(decided.at(-1)).toMatchObject({ day: dueDays - 1, state: "ok" });
});

test("restarts change nothing, and labels come as late as they are", async () => {
  const due = 8;
  await using whole = await createTestDatabase();
  await fill(whole, -baselineDays, due + delayDays);
  await label(whole, -baselineDays, 0, 0.9);
  await label(whole, 0, due, falling);
  await pass(whole);

  // The same a few days at a time, each time by a process of its own.
  await using cut = await createTestDatabase();
  await fill(cut, -baselineDays, 0);
  await label(cut, -baselineDays, 0, 0.9);
  for (const [from, to] of [
    [0, 7],
    [7, 8],
    [8, due + delayDays],
  ] as const) {
    await fill(cut, from, to);
    await label(cut, Math.max(0, from - delayDays), to - delayDays, falling);
    await pass(cut);
  }
  const untimed = async (facts: Facts) =>
    (await performanceFindings(facts)).map((finding) => ({ ...finding, evaluatedAtMs: 0 }));
  const found = await untimed(cut);
  expect(found).toMatchObject([{ state: "open" }]);
  expect(found).toEqual(await untimed(whole));
  expect(await decisions(cut)).toEqual(await decisions(whole));
});

test("an improvement opens nothing; windows with few of the usual labels are not judged, and judged again once they come", async () => {
  await using facts = await createTestDatabase();
  await fill(facts, -baselineDays, 8);
  await label(facts, -baselineDays, 0, 0.9);
  await label(facts, 0, 3, 0.99);
  await label(facts, 3, 6, 0.75, "i % 4 = 0");
  await pass(facts);
  expect(await performanceFindings(facts)).toEqual([]);
  const early = await decisions(facts);
  expect(early.map(({ state }) => state)).toEqual([
    ...["ok", "ok", "ok", "insufficient_data", "insufficient_data", "insufficient_data"],
  ]);
  expect(early[0]!.effect).toBeLessThan(-0.05);

  await label(facts, 3, 5, 0.75, "i % 4 = 1");
  await pass(facts);
  const found = await performanceFindings(facts);
  expect(found.map(({ state, openedWindowStartMs }) => [state, dayOf(openedWindowStartMs)])).toEqual([["open", 3]]);
  expect((await decisions(facts)).map(({ state, labelled }) => [state, labelled])).toEqual([
    ...[0, 1, 2].map(() => ["ok", rowsPerDay]),
    ...[3, 4].map(() => ["drift", rowsPerDay / 2]),
    ["insufficient_data", rowsPerDay / 4],
  ]);

  // What the rest of the labels takes back never was.
  await label(facts, 3, 6, 1.1, "i % 4 > 1");
  await pass(facts);
  expect(await performanceFindings(facts)).toMatchObject([{ findingId: found[0]!.findingId, state: "withdrawn" }]);
  expect((await decisions(facts)).slice(3).map(({ state }) => state)).not.toContain("drift");
});

test("labels that are corrected decide their windows again, though no row has a label that had none", async () => {
  await using facts = await createTestDatabase();
  await fill(facts, -baselineDays, 8);
  await label(facts, -baselineDays, 6, 0.9);
  await pass(facts);
  expect((await decisions(facts)).map(({ state }) => state)).toEqual(Array(6).fill("ok"));

  await label(facts, 3, 5, 0.7, "true", 1);
  await pass(facts);
  const found = await performanceFindings(facts);
  expect(found.map(({ state, openedWindowStartMs }) => [state, dayOf(openedWindowStartMs)])).toEqual([["open", 3]]);
  expect((await decisions(facts)).slice(2).map(({ state, labelled }) => [state, labelled])).toEqual([
    ["ok", rowsPerDay],
    ...[3, 4, 5].map(() => ["drift", rowsPerDay]),
  ]);

  await label(facts, 3, 5, 0.9, "true", 2);
  await pass(facts);
  expect(await performanceFindings(facts)).toMatchObject([{ findingId: found[0]!.findingId, state: "withdrawn" }]);
  const corrected = await decisions(facts);
  expect(corrected.map(({ state }) => state)).toEqual(Array(6).fill("ok"));

  // The same labels once more are no change.
  const rows = () =>
    facts.query<object>(
      "SELECT count() AS windows, sum(revision) AS revisions FROM evaluations FINAL WHERE signal = 'performance'",
    );
  const before = await rows();
  await label(facts, 3, 5, 0.9, "true", 3);
  await pass(facts);
  expect(await rows()).toEqual(before);
});

test("rows that expire take back nothing of what was decided", async () => {
  await using facts = await createTestDatabase();
  await fill(facts, -baselineDays, 6);
  await label(facts, -baselineDays, 4, 0.9);
  await pass(facts);
  const before = await decisions(facts);
  await facts.command(
    `DELETE FROM events WHERE event_time < fromUnixTimestamp64Milli(toInt64(${liveMs + 1.5 * dayMs}), 'UTC')`,
  );
  await pass(facts);
  expect(await decisions(facts)).toEqual(before);
});

test("a fall joins the incident that the model's inputs began around the window concerned", async () => {
  await using facts = await createTestDatabase();
  await fill(facts, -baselineDays, 4);
  await fill(facts, 4, 9, `2 + ${normalSql(1)}`);
  await label(facts, -baselineDays, 0, 0.9);
  await label(facts, 0, 5, 0.9);
  await label(facts, 5, 7, 0.6);
  await pass(facts);
  const all = await readLatestFindings(facts, { environment: "production", model: "m", endAfterMs: 0 });
  const byDay = all.map(({ signal, openedWindowStartMs }) => `${signal} ${dayOf(openedWindowStartMs)}`);
  expect(byDay.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["distribution 4", "performance 5"]);
  expect(new Set(all.map(({ incidentId }) => incidentId)).size).toBe(1);
});

test("without labels in the baseline nothing is judged, and that is said", async () => {
  await using facts = await createTestDatabase();
  await fill(facts, -baselineDays, 4);
  await label(facts, 0, 2, 0.6);
  await pass(facts);
  expect((await decisions(facts)).map(({ state, labelled }) => [state, labelled])).toEqual([
    ["no_baseline", rowsPerDay],
    ["no_baseline", rowsPerDay],
  ]);
});
