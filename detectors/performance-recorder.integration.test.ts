import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createManualClock } from "../core/clock.ts";
import type { OutcomeSpec } from "../core/model.ts";
import { dayMs } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents, uniformSql } from "../store/facts/test-events.ts";
import type { LoadedBaseline } from "./baselines/baseline.ts";
import { createDetectorMetrics } from "./metrics.ts";
import type { DetectorMetrics } from "./metrics.ts";
import { createPerformanceRecorder } from "./performance-recorder.ts";
import type { ReferenceRows } from "./performance/reference-calibration.ts";
import { testModel } from "./testing/model.ts";

const startMs = Math.floor(Date.now() / dayMs) * dayMs - 10 * dayMs;

/** A baseline of stored rows, as far as performance looks at it. */
function loadedOf({ scope, rows }: ReferenceRows): Pick<LoadedBaseline, "baseline" | "rowScope" | "slices"> {
  const { fromMs, toMs } = scope;
  const baseline = { baselineId: "b", model: "m", rows, fromMs, toMs, createdAtMs: 0, windowMs: dayMs };
  return { baseline: { ...baseline, spec: { kind: "range", fromMs, toMs } }, rowScope: scope, slices: [] };
}

function recorderOf(
  facts: Facts,
  reference: ReferenceRows | null = null,
  metrics: DetectorMetrics | null = null,
  outcomes: readonly OutcomeSpec[] = [],
) {
  return createPerformanceRecorder({
    facts,
    environment: "production",
    model: testModel({ outcomes }),
    task: { kind: "binary", positive: "yes", labelDelayMs: dayMs, labelWindowMs: 7 * dayMs },
    alignment: { lengthMs: dayMs, zone: "UTC" },
    loaded: reference === null ? null : loadedOf(reference),
    clock: createManualClock(Date.now()),
    metrics,
  });
}

/** Labels `yes` for the events with these numbers, a day after each. */
async function label(facts: Facts, from: number, to: number): Promise<void> {
  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, label_class, expires_on)
     SELECT 'production', 'm', fromUnixTimestamp64Milli(toInt64(${startMs + dayMs}) + toInt64(number) * 864000, 'UTC'), toString(number), 'yes', '2149-06-01'
     FROM numbers(${from}, ${to - from})`,
    {},
    { async_insert: 0, insert_deduplicate: 0 },
  );
}

const stored = (facts: Facts) =>
  facts.query<object>(
    `SELECT (toUnixTimestamp64Milli(window_start) - ${startMs}) / ${dayMs} AS day, revision, state, rows,
       methods['labelled_rows'] AS labelled, round(methods['accuracy'], 6) AS accuracy, methods['labels_due'] AS due
     FROM evaluations WHERE signal = 'performance' ORDER BY day, revision`,
  );

const through = (closedDays: number, dueDays: number, recheck = false) => ({
  closedThroughMs: startMs + closedDays * dayMs,
  dueThroughMs: startMs + dueDays * dayMs,
  recheck,
  cohorts: [],
});

test("each window is measured when it closes, when its labels are due, again when more came, and a restart goes on", async () => {
  await using facts = await createTestDatabase();
  // A hundred events a day over four days; every fourth prediction is wrong.
  await generateEvents(facts, {
    model: "m",
    schemaId: "s",
    fromMs: startMs,
    stepMs: dayMs / 100,
    count: 400,
    score: "0.5",
    predictionClass: "if(i % 4 = 0, 'no', 'yes')",
  });
  await label(facts, 0, 110);
  const recorder = recorderOf(facts);
  expect(await recorder.record(through(0.9, 0))).toBe(0);
  expect(await recorder.record(through(1, 0))).toBe(1);
  const first = { day: 0, revision: 0, state: "reported", rows: 100, labelled: 100, accuracy: 0.75, due: 0 };
  expect(await stored(facts)).toEqual([first]);
  expect(await recorder.record(through(2, 1))).toBe(2);
  const early = { day: 1, revision: 0, state: "insufficient_data", rows: 100, labelled: 10, accuracy: 0.7, due: 0 };
  expect(await stored(facts)).toEqual([first, { ...first, revision: 1, due: 1 }, early]);
  expect(await recorder.record(through(2, 2))).toBe(1);

  await label(facts, 110, 200);
  expect(await recorder.record(through(2, 2, true))).toBe(1);
  expect(await recorder.record(through(2, 2, true))).toBe(0);
  const late = { day: 1, revision: 2, state: "reported", rows: 100, labelled: 100, accuracy: 0.75, due: 1 };
  expect((await stored(facts)).at(-1)).toEqual(late);

  expect(await recorderOf(facts).record(through(3, 2))).toBe(1);
  expect((await stored(facts)).at(-1)).toMatchObject({ day: 2, labelled: 0, state: "insufficient_data", due: 0 });
  // Whoever was away for long finds windows that are due at once, and measures them once.
  expect(await recorderOf(facts).record(through(4, 4))).toBe(2);
  expect((await stored(facts)).slice(-2)).toMatchObject([
    { day: 2, revision: 1, due: 1 },
    { day: 3, revision: 0, due: 1 },
  ]);
});

test("before labels, performance is estimated by scores that the reference's labels calibrate; without those it is not", async () => {
  await using facts = await createTestDatabase();
  // The score is the chance of "yes", squared: not calibrated. Ten days of reference, then a day without labels.
  const rowsPerDay = 2000;
  await generateEvents(facts, {
    model: "m",
    schemaId: "s",
    fromMs: startMs - 9 * dayMs,
    stepMs: dayMs / rowsPerDay,
    count: 10 * rowsPerDay,
    score: `pow(${uniformSql(1)}, 2)`,
    predictionClass: `if(${uniformSql(1)} >= 0.5, 'yes', 'no')`,
  });
  const scope = { environment: "production", model: "m", fromMs: startMs - 9 * dayMs, toMs: startMs };
  const reference = { scope, rows: 9 * rowsPerDay };
  const estimates = () =>
    facts.query<Record<"accuracy" | "low" | "high" | "auc", number>>(
      `SELECT methods['estimated_accuracy'] AS accuracy, methods['estimated_accuracy_low'] AS low,
         methods['estimated_accuracy_high'] AS high, methods['estimated_roc_auc'] AS auc
       FROM evaluations WHERE signal = 'performance' AND window_start = fromUnixTimestamp64Milli({at:Int64}, 'UTC') ORDER BY evaluated_at DESC LIMIT 1`,
      { at: startMs },
    );
  await recorderOf(facts, reference).record(through(1, -9));
  expect(await estimates()).toEqual([{ accuracy: 0, low: 0, high: 0, auc: 0 }]);
  await facts.command("TRUNCATE TABLE evaluations");

  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, label_class, expires_on)
     SELECT 'production', 'm', fromUnixTimestamp64Milli(toInt64(${startMs}), 'UTC'), toString(i),
       if(sipHash64(i, 'outcome') % 1000003 / 1000003 < ${uniformSql(1)}, 'yes', 'no'), '2149-06-01'
     FROM (SELECT toInt64(number) AS i FROM numbers(${9 * rowsPerDay}))`,
    {},
    { async_insert: 0, insert_deduplicate: 0 },
  );
  const registry = new Registry();
  const recorder = recorderOf(facts, reference, createDetectorMetrics(registry));
  await recorder.record(through(1, -9));
  const [estimate] = await estimates();
  // A chance u is decided rightly with max(u, 1 − u): 3/4 on average. The AUC of such chances is 5/6.
  expect(estimate!.low).toBeLessThan(0.75);
  expect(estimate!.high).toBeGreaterThan(0.75);
  expect(estimate!.high - estimate!.low).toBeLessThan(0.05);
  expect(estimate!.auc).toBeCloseTo(5 / 6, 1);
  // The newest window has no labels: its gauges are estimates alone. The one before has its own.
  const gauges = async () => {
    const found = (await registry.metrics()).matchAll(/leeway_model_performance\{.*measure="(\w+)"\} (\S+)/g);
    return new Map([...found].map(([, measure, value]) => [measure, Number(value)]));
  };
  expect((await gauges()).get("estimated_accuracy")).toBe(estimate!.accuracy);
  expect((await gauges()).get("accuracy")).toBeUndefined();
  await recorder.record(through(1, 0));
  expect((await gauges()).get("accuracy")).toBeCloseTo(0.75, 1);
  expect((await gauges()).get("estimated_accuracy")).toBe(estimate!.accuracy);
});

test("an outcome comes by event id, by entity key or with the event, and is compared by arm and with the baseline; it is no label", async () => {
  await using facts = await createTestDatabase();
  // Two days, one as baseline; arm b earns 5 more, and on the second day everybody 1 more.
  const count = 800;
  await generateEvents(facts, {
    model: "m",
    schemaId: "s",
    fromMs: startMs,
    stepMs: (2 * dayMs) / count,
    count,
    score: "0.5",
    predictionClass: "'yes'",
    entityKey: "concat('k', toString(i))",
  });
  await facts.command(
    "ALTER TABLE events UPDATE arm = if(toUInt64(event_id) % 4 = 0, 'b', 'a'), extra = map('price', toString(toUInt64(event_id) % 3)) WHERE true",
    {},
    { mutations_sync: 2 },
  );
  const revenue = `10 + (number % 4 = 0) * 5 + (number >= ${count / 2}) + number % 2`;
  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, entity_key, name, label_num, expires_on)
     SELECT 'production', 'm', fromUnixTimestamp64Milli(toInt64(${startMs}) + toInt64(number) * ${(2 * dayMs) / count} + 1000, 'UTC'),
       if(number % 3 = 0, toString(number), ''), if(number % 3 = 0, '', concat('k', toString(number))), 'revenue', ${revenue}, '2149-06-01'
     FROM numbers(${count})`,
    {},
    { async_insert: 0, insert_deduplicate: 0 },
  );
  const scope = { environment: "production", model: "m", fromMs: startMs, toMs: startMs + dayMs };
  const outcomes = [
    { name: "revenue", from: "named_label" },
    { name: "price", from: "event" },
  ] as const;
  const recorder = recorderOf(facts, { scope, rows: count / 2 }, null, outcomes);
  await recorder.record(through(2, 2));
  const methods = async () =>
    new Map(
      (
        await facts.query<{ slice: string; methods: Record<string, number> }>(
          `SELECT slice, methods FROM evaluations WHERE signal = 'performance' AND window_start = fromUnixTimestamp64Milli({at:Int64}, 'UTC')
           ORDER BY revision DESC LIMIT 1 BY slice`,
          { at: startMs + dayMs },
        )
      ).map(({ slice, methods: of }) => [slice, of]),
    );
  const found = await methods();
  expect([...found.keys()].toSorted()).toEqual(["", "arm=a", "arm=b"]);
  const whole = found.get("")!;
  expect(whole).toMatchObject({ labelled_rows: 0, "outcome_rows:revenue": 400, "outcome_rows:price": 400 });
  expect(whole["outcome:revenue"]).toBeCloseTo(10 + 5 / 4 + 1 + 1 / 2, 12);
  expect(whole["outcome_baseline_difference:revenue"]).toBeCloseTo(1, 12);
  expect(whole["outcome_baseline_difference_low:revenue"]).toBeGreaterThan(0.5);
  expect(found.get("arm=b")!["outcome_difference:revenue"]).toBeCloseTo(5 - 2 / 3, 12);
  expect(found.get("arm=a")).not.toHaveProperty("outcome_difference:revenue");

  // A later number of an event takes the place of its earlier one, also once the window was measured.
  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, name, label_num, expires_on)
     VALUES ('production', 'm', fromUnixTimestamp64Milli(toInt64(${startMs + 3 * dayMs}), 'UTC'), '799', 'revenue', 4012, '2149-06-01')`,
  );
  expect(await recorder.record(through(2, 2, true))).toBe(1);
  expect((await methods()).get("")!["outcome:revenue"]).toBeCloseTo(12.75 + 4000 / 400, 12);
});

test("groups of each cohort attribute have their rates, the version their ratio; small groups are not shown", async () => {
  await using facts = await createTestDatabase();
  // North is selected in half of its rows and found in 3 of 4 where right, south in a quarter and in half; 30 rows are west.
  await generateEvents(facts, {
    model: "m",
    schemaId: "s",
    fromMs: startMs,
    stepMs: dayMs / 2000,
    count: 1630,
    score: "0.5",
    cohorts: { region: "if(i >= 1600, 'west', if(i < 800, 'north', 'south'))" },
    predictionClass: "if(i >= 1600 OR (i < 800 AND i % 4 < 2) OR (i >= 800 AND i % 4 = 0), 'yes', 'no')",
  });
  const cohorts = [{ attribute: "region", sql: "toString(cohorts['region'])" }];
  const methods = async () =>
    new Map(
      (
        await facts.query<{ slice: string; methods: Record<string, number> }>(
          `SELECT slice, methods FROM evaluations WHERE signal = 'performance' ORDER BY revision DESC LIMIT 1 BY slice`,
        )
      ).map(({ slice, methods: of }) => [slice, of]),
    );
  const recorder = recorderOf(facts);
  await recorder.record({ ...through(1, 0), cohorts });
  const early = await methods();
  expect([...early.keys()].toSorted()).toEqual(["", "region=north", "region=south"]);
  expect(early.get("region=south")!["selection_rate"]).toBeCloseTo(0.25, 12);
  expect(early.get("")!["selection_rate_ratio:region"]).toBeCloseTo(0.5, 12);
  expect(early.get("")!["selection_rate_ratio_low:region"]).toBeGreaterThan(0.4);
  expect(early.get("")!["selection_rate_ratio_high:region"]).toBeLessThan(0.6);
  expect(early.get("")).not.toHaveProperty("true_positive_rate_ratio:region");

  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, label_class, expires_on)
     SELECT 'production', 'm', fromUnixTimestamp64Milli(toInt64(${startMs + dayMs}), 'UTC'), toString(i),
       if((i < 800 AND i % 8 IN (0, 1, 4, 6)) OR (i >= 800 AND i % 4 < 2), 'yes', 'no'), '2149-06-01'
     FROM (SELECT toInt64(number) AS i FROM numbers(1630))`,
    {},
    { async_insert: 0, insert_deduplicate: 0 },
  );
  await recorder.record({ ...through(1, 1), cohorts });
  const late = await methods();
  expect(late.get("region=north")!["true_positive_rate"]).toBeCloseTo(0.75, 12);
  expect(late.get("region=south")!["true_positive_rate"]).toBeCloseTo(0.5, 12);
  expect(late.get("")!["true_positive_rate_ratio:region"]).toBeCloseTo(2 / 3, 12);
});
