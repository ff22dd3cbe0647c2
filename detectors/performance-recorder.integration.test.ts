import { expect, test } from "vitest";
import { createManualClock } from "../core/clock.ts";
import { dayMs } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents } from "../store/facts/test-events.ts";
import { createPerformanceRecorder } from "./performance-recorder.ts";

const startMs = Math.floor(Date.now() / dayMs) * dayMs - 10 * dayMs;

function recorderOf(facts: Facts) {
  return createPerformanceRecorder({
    facts,
    environment: "production",
    model: "m",
    task: { kind: "binary", positive: "yes", labelDelayMs: dayMs, labelWindowMs: 7 * dayMs },
    alignment: { lengthMs: dayMs, zone: "UTC" },
    baselineId: "b",
    slices: [],
    minSliceRows: 200,
    clock: createManualClock(Date.now()),
    metrics: null,
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
