import { describe, expect, test } from "vitest";
import { createFeatureSchema } from "../core/feature-schema.ts";
import type { Finding } from "../core/finding.ts";
import { dayMs, hourMs, minuteMs } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { writeFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql, type GeneratedEvents } from "../store/facts/test-events.ts";
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

/** What one pass at a moment says: the newest record of each finding. */
async function lookAt(facts: Facts, nowMs: number): Promise<Finding[]> {
  await detectorPass(facts, { model, nowMs, serviceClock: "wall" });
  const rows = await facts.query<{ finding: string }>(
    "SELECT finding FROM finding_history ORDER BY finding_id, window_end DESC, ingest_time DESC LIMIT 1 BY finding_id",
  );
  return rows.map((row) => JSON.parse(row.finding) as Finding).filter((finding) => finding.state === "open");
}

const named = (findings: readonly Finding[]) =>
  findings.map(({ series, signal }) => `${series.feature || "events"} ${signal}`).toSorted();

describe("the fast cadence", { timeout: 60_000 }, () => {
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
});
