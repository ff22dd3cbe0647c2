import { describe, expect, test } from "vitest";
import { createManualClock } from "../core/clock.ts";
import { LeewayError } from "../core/errors.ts";
import { createFeatureSchema } from "../core/feature-schema.ts";
import type { Finding } from "../core/finding.ts";
import { silentLogger } from "../core/logger.ts";
import { dayMs } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { writeFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { readLatestFindings } from "../store/facts/finding-history.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents, normalSql } from "../store/facts/test-events.ts";
import { createDetector } from "./detector.ts";
import { testModel } from "./testing/model.ts";

// A rewrite of history must end where an undisturbed run ends, wherever it is cut off, and readers of the newest records
// must learn of it.

// Near the present: tables expire by evaluation time.
const nowMs = Date.now();
const startMs = Math.floor(nowMs / dayMs) * dayMs - 40 * dayMs;
const liveMs = startMs + 14 * dayMs;
const schema = createFeatureSchema("m", [{ name: "amount", type: "numeric" }]);
const model = testModel({
  features: [{ name: "amount", type: "numeric", unit: null }],
  task: { kind: "unknown" },
  baseline: { kind: "range", fromMs: startMs, toMs: liveMs },
  // Whatever was stored is all there is: partitions are idle at once.
  monitoring: { idleAfterMs: 0 },
});

const fill = (facts: Facts, day: number, days: number, shift: number, rowsPerDay = 2000) =>
  generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: liveMs + day * dayMs,
    stepMs: dayMs / rowsPerDay,
    count: days * rowsPerDay,
    num: [`${normalSql(day + 100)} * 20 + ${100 + shift}`],
  });

/** Day 0 is healthy; from day 1 to 6 amounts are larger. Then most rows of days 2 to 6 come late, and are as they were. */
async function shifted(): Promise<Facts> {
  const facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  await fill(facts, -14, 15, 0);
  await fill(facts, 1, 6, 8);
  return facts;
}
const rowsComeLate = (facts: Facts) => fill(facts, 2, 5, 0, 20_000);

async function pass(facts: Facts) {
  await using detector = createDetector({
    facts,
    models: () => [model],
    serviceClock: "watermark",
    pollIntervalMs: 1000,
    lateCheckIntervalMs: 0,
    clock: createManualClock(Date.now()),
    log: silentLogger,
    metrics: null,
  });
  const [report] = (await detector.pass()).models;
  return report!;
}

async function newest(facts: Facts): Promise<Finding[]> {
  return readLatestFindings(facts, { environment: "production", model: "m", endAfterMs: 0 });
}

/** The state after each window, and what the newest record says of each finding; whatever the count of rewrites. */
async function outcome(facts: Facts) {
  const states = await facts.query<{ state: string }>(
    "SELECT state, rows FROM decision_states ORDER BY window_start, revision DESC LIMIT 1 BY window_start",
  );
  const findings = (await newest(facts)).map(
    ({ findingId, incidentId, state, openedWindowStartMs, closedWindowEndMs, windowEndMs }) => ({
      findingId,
      incidentId,
      state,
      openedWindowStartMs,
      closedWindowEndMs,
      windowEndMs,
    }),
  );
  return { states, findings };
}

/** The same store, but a fault comes with the insert for which `when` holds. */
function failing(facts: Facts, when: (table: string, rows: readonly object[]) => boolean): Facts {
  return {
    database: facts.database,
    query: (...of) => facts.query(...of),
    queryNative: (...of) => facts.queryNative(...of),
    command: (...of) => facts.command(...of),
    insertBlock: (...of) => facts.insertBlock(...of),
    insertFile: (...of) => facts.insertFile(...of),
    ping: () => facts.ping(),
    insertRows: async (table, rows, token) => {
      if (when(table, rows)) throw new LeewayError("store_unreachable", "cut off");
      await facts.insertRows(table, rows, token);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  } satisfies Facts as Facts;
}

describe("a finding that late rows close sooner", () => {
  let known: Promise<unknown> | null = null;
  const undisturbed = () => (known ??= rewritten());
  const rewritten = async () => {
    await using facts = await shifted();
    await pass(facts);
    await rowsComeLate(facts);
    await pass(facts);
    return await outcome(facts);
  };

  test("is recorded as closed as of the newest window, so that its readers see it end", async () => {
    await using facts = await shifted();
    await pass(facts);
    const [open] = await newest(facts);
    expect(open).toMatchObject({ state: "open", revision: 0, windowEndMs: liveMs + 7 * dayMs });
    await rowsComeLate(facts);
    expect((await pass(facts)).windowsRevised).toBe(5);
    expect(await newest(facts)).toEqual([
      expect.objectContaining({
        findingId: open!.findingId,
        state: "closed",
        revision: 1,
        windowEndMs: liveMs + 7 * dayMs,
        closedWindowEndMs: liveMs + 5 * dayMs,
      }),
    ]);
    expect((await pass(facts)).windowsRevised).toBe(0);
  });

  test.each([
    ["in its middle", (table: string, inserts: number) => table === "decision_states" && inserts === 3],
    ["before its first window", (table: string, inserts: number) => table === "evaluations" && inserts === 1],
    [
      "after its last window, before the findings it changed are recorded",
      (table: string, inserts: number) => table === "finding_history" && inserts === 4,
    ],
  ])("ends the same when the rewrite is cut off %s", async (_, cutOff) => {
    await using facts = await shifted();
    await pass(facts);
    await rowsComeLate(facts);
    const inserts = new Map<string, number>();
    const report = await pass(
      failing(facts, (table) => {
        inserts.set(table, (inserts.get(table) ?? 0) + 1);
        return cutOff(table, inserts.get(table)!);
      }),
    );
    expect(report.failure?.message).toBe("cut off");
    expect((await pass(facts)).failure).toBeNull();
    expect(await outcome(facts)).toEqual(await undisturbed());
    expect((await pass(facts)).windowsRevised).toBe(0);
  });
});

test("a rewrite that was cut off is taken up again, though no window has late rows any more", async () => {
  const run = async (cutOff: boolean) => {
    await using facts = await shifted();
    await pass(facts);
    // The first large day was mostly as ever: the change begins a day later, and what opened before never was.
    await fill(facts, 1, 1, 0, 20_000);
    let states = 0;
    if (cutOff) await pass(failing(facts, (table) => table === "decision_states" && (states += 1) === 3));
    await pass(facts);
    return await outcome(facts);
  };
  const undisturbed = await run(false);
  expect(undisturbed.findings.map(({ state }) => state).toSorted()).toEqual(["open", "withdrawn"]);
  expect(await run(true)).toEqual(undisturbed);
});

test("rows that come while their window is decided again from its stored profile are found late, not lost", async () => {
  await using facts = await shifted();
  await pass(facts);
  // Day 3 has no late rows when the rewrite begins, so its profile is not counted again; they come just before its turn.
  await fill(facts, 1, 1, 0, 500);
  let came = false;
  const meddled = failing(facts, () => false);
  const report = await pass({
    ...meddled,
    query: async (sql, params, options) => {
      if (!came && params?.["scopeFrom"] === liveMs + 3 * dayMs && sql.includes("row_count")) {
        came = true;
        await fill(facts, 3, 1, 0, 500);
      }
      return await facts.query(sql, params, options);
    },
  });
  expect([came, report.windowsRevised]).toEqual([true, 6]);
  expect((await pass(facts)).windowsRevised).toBe(4);
  expect((await pass(facts)).windowsRevised).toBe(0);
});

test("a backlog that is decided in pieces, each by a detector that was killed, ends as in one go", async () => {
  await using undisturbed = await shifted();
  await pass(undisturbed);
  await using facts = await shifted();
  for (const table of ["evaluations", "decision_states", "finding_history"]) {
    let inserts = 0;
    const report = await pass(failing(facts, (of) => of === table && (inserts += 1) === 2));
    expect(report.failure?.message).toBe("cut off");
  }
  await pass(facts);
  expect(await outcome(facts)).toEqual(await outcome(undisturbed));
});
