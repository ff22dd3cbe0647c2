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
       methods['labelled_rows'] AS labelled, round(methods['accuracy'], 6) AS accuracy
     FROM evaluations WHERE signal = 'performance' ORDER BY day, revision`,
  );

test("each window is measured once, again when more labels came, and a restart goes on behind the last one", async () => {
  await using facts = await createTestDatabase();
  // A hundred events a day over three days; every fourth prediction is wrong.
  await generateEvents(facts, {
    model: "m",
    schemaId: "s",
    fromMs: startMs,
    stepMs: dayMs / 100,
    count: 300,
    score: "0.5",
    predictionClass: "if(i % 4 = 0, 'no', 'yes')",
  });
  await label(facts, 0, 110);
  const recorder = recorderOf(facts);
  expect(await recorder.record({ throughMs: startMs + dayMs - 1, recheck: false })).toBe(0);
  expect(await recorder.record({ throughMs: startMs + 2 * dayMs, recheck: false })).toBe(2);
  const first = { day: 0, revision: 0, state: "reported", rows: 100, labelled: 100, accuracy: 0.75 };
  const early = { day: 1, revision: 0, state: "insufficient_data", rows: 100, labelled: 10, accuracy: 0.7 };
  expect(await stored(facts)).toEqual([first, early]);

  await label(facts, 110, 200);
  expect(await recorder.record({ throughMs: startMs + 2 * dayMs, recheck: true })).toBe(1);
  expect(await recorder.record({ throughMs: startMs + 2 * dayMs, recheck: true })).toBe(0);
  const late = { day: 1, revision: 1, state: "reported", rows: 100, labelled: 100, accuracy: 0.75 };
  expect((await stored(facts)).at(-1)).toEqual(late);

  expect(await recorderOf(facts).record({ throughMs: startMs + 3 * dayMs, recheck: false })).toBe(1);
  expect((await stored(facts)).at(-1)).toMatchObject({ day: 2, labelled: 0, state: "insufficient_data" });
});
