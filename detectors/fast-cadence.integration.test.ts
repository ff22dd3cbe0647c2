import { describe, expect, test } from "vitest";
import { createManualClock } from "../core/clock.ts";
import { createFeatureSchema } from "../core/feature-schema.ts";
import { LeewayError } from "../core/errors.ts";
import type { Finding } from "../core/finding.ts";
import { dayMs, hourMs, minuteMs } from "../core/window.ts";
import { silentLogger } from "../core/logger.ts";
import type { Facts } from "../store/facts/client.ts";
import { writeFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql, type GeneratedEvents } from "../store/facts/test-events.ts";
import { createDetector } from "./detector.ts";
import { detectorPass } from "./testing/detector-pass.ts";
import { testModel } from "./testing/model.ts";

// Near the present: tables expire by evaluation time. A Monday, so that all hours of the week are in the baseline.
const weekMs = 7 * dayMs;
const mondayMs = Math.floor((Date.now() - 4 * dayMs) / weekMs) * weekMs + 4 * dayMs;
const startMs = mondayMs - 3 * weekMs;
const baselineDays = 14;
const liveMs = startMs + baselineDays * dayMs;
const schema = createFeatureSchema("m", [
  { name: "amount", type: "numeric" },
  { name: "city", type: "categorical" },
]);
const strange = createFeatureSchema("m", [
  { name: "amount", type: "categorical" },
  { name: "city", type: "categorical" },
]);
const features = [
  { name: "amount", type: "numeric", unit: "EUR" },
  { name: "city", type: "categorical", unit: null },
] as const;
const model = testModel({ features, baseline: { kind: "range", fromMs: startMs, toMs: liveMs } });

const amount = `${normalSql(1)} * 20 + 100`;
const city = `['Oslo', 'Bergen', 'Tromsø'][1 + toUInt8(pow(${uniformSql(3)}, 2) * 3)]`;
const score = `${uniformSql(4)} * 0.5`;

/** Events of every `stepMs` from `fromMs` on. */
async function send(facts: Facts, fromMs: number, stepMs: number, count: number, more: Partial<GeneratedEvents> = {}) {
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs,
    stepMs,
    count,
    num: [amount],
    cat: [city],
    score,
    predictionClass: `if(${score} > 0.4, 'yes', 'no')`,
    ...more,
  });
}

/** Two weeks of an event every ten seconds. */
async function history(): Promise<Facts> {
  const facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema, strange], startMs);
  await send(facts, startMs, 10_000, (baselineDays * dayMs) / 10_000);
  return facts;
}

/** What one pass at a moment says: the newest record of each finding. Within it the clock stands still, and the window speaks last. */
async function lookAt(facts: Facts, nowMs: number): Promise<Finding[]> {
  await detectorPass(facts, { model, nowMs, serviceClock: "wall" });
  const rows = await facts.query<{ finding: string }>(
    `SELECT finding FROM finding_history
     ORDER BY finding_id, window_end DESC, ingest_time DESC, JSONExtractString(finding, 'evidence', 'horizon') = 'fast' LIMIT 1 BY finding_id`,
  );
  return rows.map((row) => JSON.parse(row.finding) as Finding).filter((finding) => finding.state === "open");
}

const named = (findings: readonly Finding[]) =>
  findings.map(({ series, signal }) => `${series.feature || "events"} ${signal}`).toSorted();

describe("the fast cadence", () => {
  test("goes through the baseline's rows once, not at every start; what is lost is counted again", async () => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 360);
    let counted = 0;
    const counting: Facts = {
      ...facts,
      query: (sql, params, options) => {
        if (params?.["scopeFrom"] === startMs && params["stretch"] !== undefined) counted += 1;
        return facts.query(sql, params, options);
      },
    };
    const start = () => lookAt(counting, liveMs + hourMs);
    await start();
    expect(counted).toBe(1);
    await send(facts, liveMs + hourMs, 10_000, 60, { num: ["NULL"] });
    const found = named(await lookAt(counting, liveMs + hourMs + 10 * minuteMs));
    expect(found).toContain("amount missing");
    expect(counted).toBe(1);
    await facts.command("TRUNCATE TABLE fast_references");
    await facts.command("TRUNCATE TABLE finding_history");
    expect(named(await lookAt(counting, liveMs + hourMs + 10 * minuteMs))).toEqual(found);
    expect(counted).toBe(2);
  });

  test("finds nothing in a healthy day, at any hour of it", async () => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 6 * 360);
    expect(await lookAt(facts, liveMs + 6 * hourMs)).toEqual([]);
  });

  test("at one event a second a feature that turns all null is an incident within 5 minutes and 300 events", async () => {
    await using facts = await history();
    const faultMs = liveMs + 2 * hourMs + 100_000;
    await send(facts, liveMs, 10_000, 720);
    await send(facts, liveMs + 2 * hourMs, 1000, 100);
    await send(facts, faultMs, 1000, 300, { num: ["NULL"] });
    const found = await lookAt(facts, faultMs + 5 * minuteMs);
    expect(named(found)).toEqual(["amount missing"]);
    expect(found[0]).toMatchObject({
      harm: "data_broken",
      openedWindowStartMs: liveMs,
      evidence: { horizon: "fast", contrast: "missing share", reference: 0 },
    });
    expect(found[0]!.evidence.current).toBeGreaterThan(0.6);
  });

  test("at fifty events a second within one minute", async () => {
    await using facts = await history();
    const faultMs = liveMs + 2 * hourMs;
    await send(facts, liveMs, 10_000, 720);
    await send(facts, faultMs, 20, 50 * 50, { num: ["NULL"] });
    const found = await lookAt(facts, faultMs + 50_000);
    expect(named(found)).toContain("amount missing");
  });

  test.each<[string, Partial<GeneratedEvents>, string[]]>([
    ["another type", { schemaId: strange.schemaId, num: [], cat: ["'12'", city] }, ["amount type_mismatch"]],
    ["a value never seen", { cat: ["'Narvik'"] }, ["city unseen"]],
    ["a value out of range", { num: ["-9999"] }, ["amount out_of_range"]],
    ["one prediction only", { score: "0.25", predictionClass: "'no'" }, ["class constant", "score constant"]],
    ["no prediction", { predictionClass: "NULL", score: undefined as never }, ["events error"]],
  ])("sees %s", async (_, fault, expected) => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 720);
    await send(facts, liveMs + 2 * hourMs, 1000, 310, fault);
    const found = named(await lookAt(facts, liveMs + 2 * hourMs + 311_000));
    for (const name of expected) expect(found).toContain(name);
  });

  test("sees a tenth of the usual events, and ten times as many", async () => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 720);
    await send(facts, liveMs + 2 * hourMs, 100_000, 12);
    expect(named(await lookAt(facts, liveMs + 2 * hourMs + 20 * minuteMs))).toEqual(["events volume"]);
    await send(facts, liveMs + 3 * hourMs, 1000, 1200);
    expect(named(await lookAt(facts, liveMs + 3 * hourMs + 20 * minuteMs))).toContain("events volume");
  });

  test("sees a silence while it lasts", async () => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 720);
    const found = await lookAt(facts, liveMs + 2 * hourMs + 40 * minuteMs);
    expect(named(found)).toContain("events silence");
  });

  test("what the day's decision finds as well is the same finding and the same incident", async () => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 720);
    await send(facts, liveMs + 2 * hourMs, 10_000, 22 * 360, { num: ["NULL"] });
    const soon = await lookAt(facts, liveMs + 3 * hourMs);
    const [fast] = soon.filter(({ signal }) => signal === "missing");
    await send(facts, liveMs + dayMs, 10_000, 360, { num: ["NULL"] });
    const later = await lookAt(facts, liveMs + dayMs + hourMs);
    const missing = later.filter(({ series, signal }) => series.feature === "amount" && signal === "missing");
    expect(missing).toHaveLength(1);
    expect(missing[0]).toMatchObject({
      findingId: fast!.findingId,
      incidentId: fast!.incidentId,
      evidence: { horizon: "short" },
    });
  });

  test("closes once it was calm for a quarter of an hour, also in another process", async () => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 720);
    await send(facts, liveMs + 2 * hourMs, 1000, 310, { num: ["-9999"] });
    expect(named(await lookAt(facts, liveMs + 2 * hourMs + 311_000))).toContain("amount out_of_range");
    await send(facts, liveMs + 2 * hourMs + 310_000, 1000, 1800);
    expect(named(await lookAt(facts, liveMs + 2 * hourMs + 35 * minuteMs))).not.toContain("amount out_of_range");
  });

  const evening = ["amount out_of_range", liveMs] as const;
  test.each<[string, number, readonly (readonly [string, number])[]]>([
    ["that is still to be decided", 3 * minuteMs, [evening]],
    ["that is decided at once", hourMs, [evening]],
  ])("a start sees what an earlier process did not come to in the first window, %s", async (_, afterMs, expected) => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 12 * 360);
    expect(await lookAt(facts, liveMs + 12 * hourMs)).toEqual([]);
    const faultMs = liveMs + 22 * hourMs;
    await send(facts, liveMs + 12 * hourMs, 10_000, 10 * 360);
    await send(facts, faultMs, 1000, 310, { num: ["-9999"] });
    await send(facts, faultMs + 310_000, 10_000, (2 * hourMs - 310_000 + afterMs) / 10_000);
    await lookAt(facts, liveMs + dayMs + afterMs);
    const ever = await facts.query<{ finding: string }>("SELECT finding FROM finding_history");
    const fast = ever
      .map((row) => JSON.parse(row.finding) as Finding)
      .filter(({ evidence, signal }) => evidence.horizon === "fast" && signal === "out_of_range");
    expect(
      fast.map(({ series, signal, openedWindowStartMs }) => [`${series.feature} ${signal}`, openedWindowStartMs]),
    ).toEqual(expected);
  });

  test("what could not be stored is found again by the next look", async () => {
    await using facts = await history();
    await send(facts, liveMs, 10_000, 720);
    let down = true;
    const failing: Facts = {
      ...facts,
      insertRows: async (table, rows, token) => {
        if (down && table === "finding_history")
          throw new LeewayError("store_unreachable", "down", { retryable: true });
        await facts.insertRows(table, rows, token);
      },
    };
    const clock = createManualClock(liveMs + 2 * hourMs + 311_000);
    await using detector = createDetector({
      facts: failing,
      models: () => [model],
      serviceClock: "wall",
      pollIntervalMs: 1000,
      clock,
      log: silentLogger,
      metrics: null,
    });
    await send(facts, liveMs + 2 * hourMs, 1000, 310, { num: ["-9999"] });
    expect((await detector.pass()).models[0]?.failure?.code).toBe("store_unreachable");
    down = false;
    clock.set(clock.now() + minuteMs);
    expect((await detector.pass()).models[0]?.failure).toBeNull();
    const [row] = await facts.query<{ finding: string }>("SELECT finding FROM finding_history LIMIT 1");
    expect(JSON.parse(row!.finding)).toMatchObject({ signal: "out_of_range", state: "open" });
  });
});

describe("one lasting change is one finding and one incident", () => {
  const incidentsOf = (findings: readonly Finding[]) => new Set(findings.map(({ incidentId }) => incidentId)).size;
  const ofAmount = (findings: readonly Finding[]) =>
    findings.filter(({ series, signal }) => series.feature === "amount" && signal === "missing");
  const everOf = async (facts: Facts) =>
    ofAmount(
      (
        await facts.query<{ finding: string }>(
          "SELECT finding FROM finding_history ORDER BY window_end, JSONExtractString(finding, 'evidence', 'horizon')",
        )
      ).map((row) => JSON.parse(row.finding) as Finding),
    );

  /** One process that looks now and again, or a process a look; `live` sends what has come by then. */
  const looks = {
    "one process": async (facts: Facts, live: AsyncIterable<number>) => {
      const clock = createManualClock(0);
      await using detector = createDetector({
        facts,
        models: () => [model],
        serviceClock: "wall",
        pollIntervalMs: 1000,
        lateCheckIntervalMs: 0,
        clock,
        log: silentLogger,
        metrics: null,
      });
      for await (const nowMs of live) {
        clock.set(nowMs);
        for (const { failure } of (await detector.pass()).models) if (failure !== null) throw failure;
      }
    },
    "a process a look": async (facts: Facts, live: AsyncIterable<number>) => {
      for await (const nowMs of live) await detectorPass(facts, { model, nowMs, serviceClock: "wall" });
    },
  } as const;
  const ways = Object.keys(looks) as (keyof typeof looks)[];

  /** Events every ten seconds: whole from `liveMs` to each fault, broken from its begin to its end; with a look at every moment. */
  async function* traffic(facts: Facts, faults: readonly (readonly [number, number])[], moments: readonly number[]) {
    let fromMs = liveMs;
    for (const moment of moments) {
      const cuts = [...faults.flat().filter((cut) => cut > fromMs && cut < moment), moment].toSorted((a, b) => a - b);
      for (const cut of cuts) {
        const isBroken = faults.some(([begin, end]) => fromMs >= begin && fromMs < end);
        await send(facts, fromMs, 10_000, (cut - fromMs) / 10_000, isBroken ? { num: ["NULL"] } : {});
        fromMs = cut;
      }
      yield moment;
    }
  }
  /** The day before it is decided by the first look. */
  const faultDayMs = liveMs + dayMs;
  const nextDayMs = faultDayMs + dayMs;
  const lastMinutesMs = nextDayMs - 4 * minuteMs;

  test.each(ways)("that began in the last minutes of a day, too late for the day's decision: %s", async (how) => {
    await using facts = await history();
    const moments = [-dayMs / 2, -minuteMs, 10 * minuteMs, 12 * hourMs, dayMs + 10 * minuteMs, dayMs + hourMs];
    const fault = [lastMinutesMs, Infinity] as const;
    await looks[how](
      facts,
      traffic(
        facts,
        [fault],
        moments.map((after) => nextDayMs + after),
      ),
    );
    const ever = await everOf(facts);
    expect(new Set(ever.map(({ findingId }) => findingId)).size).toBe(1);
    expect(incidentsOf(ever)).toBe(1);
    expect(new Set(ever.map(({ evidence }) => evidence.horizon))).toEqual(new Set(["fast", "short"]));
    expect(ever.filter(({ state }) => state !== "open")).toEqual([]);
    expect(ever.at(-1)).toMatchObject({ openedWindowStartMs: faultDayMs, evidence: { horizon: "short", current: 1 } });
  });

  test.each(ways)("when rows of it come late: %s", async (how) => {
    await using facts = await history();
    const moments = [-dayMs / 2, 10 * minuteMs, 12 * hourMs, dayMs + 10 * minuteMs];
    const live = traffic(
      facts,
      [[lastMinutesMs, Infinity]],
      moments.map((after) => nextDayMs + after),
    );
    async function* andLate() {
      yield* live;
      await send(facts, lastMinutesMs + 5000, 10_000, 20, { num: ["NULL"] });
      await send(facts, nextDayMs + 5000, 10_000, 500, { num: ["NULL"] });
      yield nextDayMs + dayMs + 20 * minuteMs;
    }
    await looks[how](facts, andLate());
    const ever = await everOf(facts);
    expect(ever.some(({ revision }) => revision > 0)).toBe(true);
    expect(new Set(ever.map(({ findingId }) => findingId)).size).toBe(1);
    expect(incidentsOf(ever)).toBe(1);
    expect(ever.filter(({ state }) => state !== "open")).toEqual([]);
  });

  test.each(ways)("that ends within a day stays open until the windows are calm: %s", async (how) => {
    await using facts = await history();
    const moments = [-11 * hourMs, 10 * minuteMs, 6 * hourMs, 13 * hourMs, dayMs + 10 * minuteMs, dayMs + 5 * hourMs];
    const fault = [nextDayMs - 12 * hourMs, nextDayMs + 12 * hourMs] as const;
    await looks[how](
      facts,
      traffic(
        facts,
        [fault],
        moments.map((after) => nextDayMs + after),
      ),
    );
    const ever = await everOf(facts);
    expect(new Set(ever.map(({ findingId }) => findingId)).size).toBe(1);
    expect(ever.filter(({ state }) => state !== "open")).toEqual([]);
    // Held by the windows from the first night on, it is not said again every five minutes.
    expect(
      ever.filter(({ evidence, windowEndMs }) => evidence.horizon === "fast" && windowEndMs > nextDayMs).length,
    ).toBeLessThanOrEqual(how === "one process" ? 0 : 1);
  });
});
