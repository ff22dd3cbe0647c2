import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createManualClock } from "../core/clock.ts";
import { createFeatureSchema } from "../core/feature-schema.ts";
import type { Finding } from "../core/finding.ts";
import { silentLogger } from "../core/logger.ts";
import type { ModelSpec } from "../core/model.ts";
import { dayMs, hourMs } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { writeFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { writePartitionProgress } from "../store/facts/partition-progress.ts";
import { createTestDatabase } from "../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../store/facts/test-events.ts";
import { createDetector } from "./detector.ts";
import { testModel } from "./testing/model.ts";

// Near the present: tables expire by evaluation time.
const nowMs = Date.now();
const startMs = Math.floor(nowMs / dayMs) * dayMs - 40 * dayMs;
const rowsPerDay = 2000;
const stepMs = dayMs / rowsPerDay;
const baselineDays = 14;
const liveMs = startMs + baselineDays * dayMs;
const schema = createFeatureSchema("m", [
  { name: "amount", type: "numeric" },
  { name: "age", type: "numeric" },
  { name: "city", type: "categorical" },
  { name: "weekday", type: "categorical" },
]);
const features = [
  { name: "amount", type: "numeric", unit: "EUR" },
  { name: "age", type: "numeric", unit: null },
  { name: "city", type: "categorical", unit: null },
] as const;

const model = testModel({
  features,
  cohorts: [{ attribute: "region", watch: false }],
  baseline: { kind: "range", fromMs: startMs, toMs: liveMs },
  // Whatever was stored is all there is: partitions are idle at once.
  monitoring: { idleAfterMs: 0 },
});

const values = {
  amount: `${normalSql(1)} * 20 + 100`,
  age: `floor(${uniformSql(2)} * 60) + 18`,
  city: `['Oslo', 'Bergen', 'Tromsø'][1 + toUInt8(pow(${uniformSql(3)}, 2) * 3)]`,
  weekday: `toString(intDiv(i, ${rowsPerDay}) % 7)`,
  score: `${uniformSql(4)} * 0.5`,
  region: `if(${uniformSql(5)} < 0.3, 'north', 'south')`,
};

/** Rows of whole days counted from the start of the baseline; numbers go on, so that every day is drawn anew. */
async function fillDays(
  facts: Facts,
  firstDay: number,
  days: number,
  changes: Partial<typeof values> & { readonly where?: string; readonly weight?: string } = {},
): Promise<void> {
  const { where, weight, ...changed } = changes;
  const sql = { ...values, ...changed };
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs,
    count: (firstDay + days) * rowsPerDay,
    where: [`i >= ${firstDay * rowsPerDay}`, ...(where === undefined ? [] : [where])].join(" AND "),
    num: [sql.amount, sql.age],
    cat: [sql.city, sql.weekday],
    score: sql.score,
    predictionClass: `if(${sql.score} > 0.4, 'yes', 'no')`,
    cohorts: { region: sql.region },
    ...(weight === undefined ? {} : { weight }),
  });
}

async function database(): Promise<Facts> {
  const facts = await createTestDatabase();
  await writeFeatureSchemas(facts, [schema], startMs);
  return facts;
}

function detectorOf(facts: Facts, options: { model?: ModelSpec; nowMs?: number } = {}) {
  const clock = createManualClock(options.nowMs ?? nowMs);
  const detector = createDetector({
    facts,
    models: () => [options.model ?? model],
    serviceClock: "watermark",
    pollIntervalMs: 1000,
    lateCheckIntervalMs: 0,
    clock,
    log: silentLogger,
    metrics: null,
  });
  return { detector, clock };
}

async function pass(facts: Facts, options: { model?: ModelSpec; nowMs?: number } = {}) {
  await using detector = detectorOf(facts, options).detector;
  const report = await detector.pass();
  for (const one of report.models) if (one.failure !== null) throw one.failure;
  return report;
}

async function history(facts: Facts): Promise<Finding[]> {
  const rows = await facts.query<{ finding: string }>(
    "SELECT finding FROM finding_history ORDER BY revision, window_end, ingest_time, finding_id",
  );
  return rows.map((row) => JSON.parse(row.finding) as Finding);
}

/** By series and signal: on which live days (from 0) the finding was open. */
async function openDays(facts: Facts): Promise<Record<string, number[]>> {
  const days: Record<string, number[]> = {};
  for (const finding of await history(facts)) {
    if (finding.state !== "open") continue;
    const name = `${finding.series.feature || "model"} ${finding.signal}`;
    (days[name] ??= []).push((finding.windowEndMs - liveMs) / dayMs - 1);
  }
  return days;
}

async function decidedDays(facts: Facts): Promise<number[]> {
  const rows = await facts.query<{ start: number }>(
    "SELECT DISTINCT toUnixTimestamp64Milli(window_start) AS start FROM decision_states ORDER BY start",
  );
  return rows.map((row) => (row.start - liveMs) / dayMs);
}

describe("deciding", () => {
  test("each day after a range baseline is decided once it is complete, and quiet days open nothing", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 10);
    const report = await pass(facts);
    expect(report.windowsDecided).toBe(10);
    expect(await decidedDays(facts)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await openDays(facts)).toEqual({});
  });

  test("a feature that is a function of time ends as too variable and never opens", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 8);
    await pass(facts, {
      model: { ...model, features: [...features, { name: "weekday", type: "categorical", unit: null }] },
    });
    const states = await facts.query<{ feature: string; states: string[] }>(
      "SELECT feature, arraySort(groupUniqArray(state)) AS states FROM evaluations WHERE role = 'feature' AND signal = 'distribution' AND feature != '' GROUP BY feature ORDER BY feature",
    );
    expect(states.find((row) => row.feature === "weekday")?.states).toEqual(["too_variable"]);
    expect(states.find((row) => row.feature === "amount")?.states).not.toContain("too_variable");
  });

  test("a step of one feature that stays is one finding, from its first day on, with the evidence a reader needs", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 3);
    // Only the south is moved, by half a standard deviation of the whole.
    await fillDays(facts, baselineDays + 3, 4, { amount: `${values.amount} + if(${values.region} = 'south', 15, 0)` });
    await pass(facts);
    expect(await openDays(facts)).toEqual({ "amount distribution": [3, 4, 5, 6] });
    const findings = await history(facts);
    expect(new Set(findings.map((finding) => finding.findingId)).size).toBe(1);
    const [first] = findings;
    expect(first).toMatchObject({
      environment: "production",
      model: "m",
      harm: "inputs_moved",
      state: "open",
      openedWindowStartMs: liveMs + 3 * dayMs,
      openedWindowEndMs: liveMs + 4 * dayMs,
      closedWindowEndMs: null,
      provisional: false,
    });
    const evidence = first!.evidence;
    expect(evidence.rows).toBe(rowsPerDay);
    expect(evidence.effectLow).toBeGreaterThan(0.02);
    expect(evidence.contributors[0]?.name).toMatch(/EUR$/);
    expect(evidence.summary["current_mean"]! - evidence.summary["reference_mean"]!).toBeCloseTo(10.5, -0.5);
    expect(evidence.methods["psi"]).toBeGreaterThan(0.05);
    expect(evidence.slices[0]?.name).toBe("region=south");
    expect(evidence.slices[0]?.carried).toBeGreaterThan(0.9);
    expect(evidence.predictions.verdict).not.toBe("moved");
  });

  test("missing values mean broken data, and name the slice that has them", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 1);
    await fillDays(facts, baselineDays + 1, 1, {
      city: `if(${values.region} = 'north' AND ${uniformSql(9)} < 0.15, NULL, ${values.city})`,
    });
    await pass(facts);
    expect(await openDays(facts)).toEqual({ "city missing": [1] });
    const [finding] = await history(facts);
    expect(finding?.harm).toBe("data_broken");
    expect(finding?.evidence.methods["reference_missing_share"]).toBe(0);
    expect(finding?.evidence.methods["missing_share"]).toBeCloseTo(0.045, 1);
    expect(finding?.evidence.slices).toHaveLength(1);
    expect(finding?.evidence.slices[0]).toMatchObject({ name: "region=north", reference: 0, carried: 1 });
    expect(finding?.evidence.slices[0]?.current).toBeCloseTo(0.15, 1);
  });

  test("a score that moved is a finding of its own, and other findings say so", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 2);
    await fillDays(facts, baselineDays + 2, 1, {
      amount: `${values.amount} + 15`,
      score: `least(0.99, ${values.score} + 0.2)`,
    });
    await pass(facts);
    const opened = await openDays(facts);
    expect(Object.keys(opened).toSorted()).toEqual(["amount distribution", "class distribution", "score distribution"]);
    for (const finding of await history(facts)) {
      expect(finding.harm).toBe("predictions_moved");
      expect(finding.series.version).toBe(finding.series.role === "feature" ? "" : "v1");
      expect(finding.evidence.predictions.verdict).toBe("moved");
    }
  });

  test("half a day of silence is a finding although no value is wrong", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 1);
    await fillDays(facts, baselineDays + 1, 1, { where: `i % ${rowsPerDay} < ${rowsPerDay / 2}` });
    await fillDays(facts, baselineDays + 2, 1);
    await pass(facts);
    const findings = await history(facts);
    expect(findings[0]).toMatchObject({
      signal: "silence",
      harm: "data_broken",
      openedWindowStartMs: liveMs + dayMs,
      series: { feature: "" },
    });
    expect(findings[0]?.evidence.methods["longest_gap_seconds"]).toBeCloseTo(43_200, -3);
    expect(findings.every((finding) => finding.signal === "silence")).toBe(true);
  });

  test("a watched slice that moves is found on its own", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 1);
    await fillDays(facts, baselineDays + 1, 1, { age: `${values.age} + if(${values.region} = 'north', 12, 0)` });
    await pass(facts, { model: { ...model, cohorts: [{ attribute: "region", watch: true }] } });
    const slices = (await history(facts)).map((finding) => finding.series.slice);
    expect(slices).toContain("region=north");
    expect(slices).not.toContain("region=south");
  });
});

describe("time", () => {
  test("a day that is not over, or whose partition is behind, is not decided", async () => {
    await using facts = await database();
    const partitioned = { ...model, monitoring: { ...model.monitoring, idleAfterMs: 60_000 } };
    await fillDays(facts, 0, baselineDays + 2);
    const events = { model: "m", schemaId: schema.schemaId, stepMs, topic: "events", num: ["1", "1"], cat: ["'Oslo'"] };
    await generateEvents(facts, {
      ...events,
      fromMs: liveMs + 2 * dayMs,
      count: 1500,
      partition: "i % 2",
      ingestTimeMs: nowMs - hourMs,
    });
    const report = (lag: number, reportedAtMs: number) =>
      writePartitionProgress(
        facts,
        "g",
        [0, 1].map((partition) => ({
          topic: "events",
          partition,
          nextOffset: 1,
          lag: partition === 1 ? lag : 0,
          lastMessageAtMs: nowMs - hourMs,
          reportedAtMs,
        })),
      );
    // Partition 1 has messages left: nothing after its newest event is known to be complete.
    await report(10, nowMs - 1000);
    expect((await pass(facts, { model: partitioned, nowMs })).models[0]?.decidedThroughMs).toBe(liveMs + 2 * dayMs);
    // A collector that stopped reporting says nothing, however small its last lag.
    await report(0, nowMs - 40_000);
    expect((await pass(facts, { model: partitioned, nowMs })).windowsDecided).toBe(0);
    await report(0, nowMs);
    expect((await pass(facts, { model: partitioned, nowMs })).models[0]?.decidedThroughMs).toBe(liveMs + 3 * dayMs);
  });

  test("on the watermark clock no empty window after the data's end is decided, on the wall clock they are", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 1);
    await pass(facts);
    expect(await decidedDays(facts)).toEqual([0]);
    await using detector = createDetector({
      facts,
      models: () => [model],
      serviceClock: "wall",
      pollIntervalMs: 1000,
      clock: createManualClock(liveMs + 3 * dayMs + hourMs),
      log: silentLogger,
      metrics: null,
    });
    await detector.pass();
    expect(await decidedDays(facts)).toEqual([0, 1, 2]);
    const [last] = (await history(facts)).slice(-1);
    expect(last).toMatchObject({ signal: "silence", state: "open" });
  });

  test("the first window is left out if the first event lies well inside it", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays);
    await fillDays(facts, baselineDays, 3, { where: `i >= ${(baselineDays + 0.25) * rowsPerDay}` });
    // The same rows as a baseline that ends a day earlier: then nothing joins the first live event to it.
    const gap = { ...model, baseline: { kind: "range" as const, fromMs: startMs, toMs: liveMs - hourMs } };
    await generateEvents(facts, { model: "other", schemaId: "", fromMs: 0, stepMs: 1, count: 1 });
    await pass(facts, { model: gap });
    expect(await decidedDays(facts)).toEqual([0, 1, 2]);
    await facts.command("TRUNCATE TABLE decision_states");
    await facts.command(
      "ALTER TABLE events DELETE WHERE event_time >= fromUnixTimestamp64Milli({at:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC')",
      { at: liveMs - hourMs, to: liveMs },
      { mutations_sync: 1 },
    );
    await pass(facts, { model: gap });
    expect(await decidedDays(facts)).toEqual([1, 2]);
  });

  test("a restart goes on from the latest state and repeats nothing", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 2, {});
    await fillDays(facts, baselineDays + 2, 3, { amount: `${values.amount} + 15` });
    // Once in one go, once stopped after each day.
    await pass(facts);
    const whole = await history(facts);
    const state = () => facts.query("SELECT state FROM decision_states ORDER BY window_start, revision");
    const wholeState = await state();
    for (const table of ["decision_states", "finding_history", "evaluations", "profiles"]) {
      await facts.command(`TRUNCATE TABLE ${table}`);
    }
    await facts.command("DELETE FROM baselines WHERE true");
    await facts.command(
      "ALTER TABLE events DELETE WHERE event_time >= fromUnixTimestamp64Milli({at:Int64}, 'UTC')",
      { at: liveMs },
      { mutations_sync: 1 },
    );
    for (let day = 0; day < 5; day++) {
      await fillDays(facts, baselineDays + day, 1, day < 2 ? {} : { amount: `${values.amount} + 15` });
      expect((await pass(facts)).windowsDecided).toBe(1);
      expect((await pass(facts)).windowsDecided).toBe(0);
    }
    expect(await state()).toEqual(wholeState);
    const plain = (findings: readonly Finding[]) => findings.map((finding) => ({ ...finding, evaluatedAtMs: 0 }));
    expect(plain(await history(facts))).toEqual(plain(whole));
  });

  test("a pass that was killed before a window's state was stored writes the same findings once", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays);
    await fillDays(facts, baselineDays, 1, { amount: `${values.amount} + 15` });
    await pass(facts);
    const before = await history(facts);
    await facts.command("TRUNCATE TABLE decision_states");
    expect((await pass(facts)).windowsDecided).toBe(1);
    expect(await history(facts)).toEqual(before);
  });
});

describe("late rows", () => {
  test("make a new revision of their window and of those after it, and a finding that they explain is withdrawn", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 2);
    // The day lacks its small amounts at first: they are late.
    await fillDays(facts, baselineDays + 2, 1, { where: `${values.amount} > 90` });
    await fillDays(facts, baselineDays + 3, 1);
    const { detector } = detectorOf(facts);
    await using running = detector;
    await running.pass();
    const opened = await history(facts);
    expect(opened[0]).toMatchObject({ state: "open", revision: 0, openedWindowStartMs: liveMs + 2 * dayMs });
    expect(opened.some((finding) => finding.series.feature === "amount")).toBe(true);

    await fillDays(facts, baselineDays + 2, 1, { where: `${values.amount} <= 90` });
    const report = await running.pass();
    expect(report.windowsRevised).toBe(2);
    const rewritten = (await history(facts)).filter((finding) => finding.revision === 1);
    expect(new Set(rewritten.map((finding) => finding.state))).toEqual(new Set(["withdrawn"]));
    expect(new Set(rewritten.map((finding) => finding.findingId))).toEqual(
      new Set(opened.map((finding) => finding.findingId)),
    );
    const rows = await facts.query<{ rows: number; revision: number }>(
      "SELECT rows, revision FROM decision_states ORDER BY window_start, revision DESC LIMIT 1 BY window_start",
    );
    expect(rows).toEqual([
      { rows: 2000, revision: 0 },
      { rows: 2000, revision: 0 },
      { rows: 2000, revision: 1 },
      { rows: 2000, revision: 1 },
    ]);
    expect((await running.pass()).windowsRevised).toBe(0);
  });

  test("can open a finding in a window that was quiet", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 2);
    const { detector } = detectorOf(facts);
    await using running = detector;
    await running.pass();
    await fillDays(facts, baselineDays, 1, { amount: `${values.amount} + 60` });
    await running.pass();
    const findings = await history(facts);
    expect(findings[0]).toMatchObject({ state: "open", revision: 1, openedWindowStartMs: liveMs });
  });

  test("behind the late horizon are stored and change nothing", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 10);
    const { detector } = detectorOf(facts);
    await using running = detector;
    await running.pass();
    await fillDays(facts, baselineDays, 1, { amount: `${values.amount} + 60` });
    expect((await running.pass()).windowsRevised).toBe(0);
    expect(await history(facts)).toEqual([]);
  });
});

describe("baselines", () => {
  test("a file and a range with the same rows are the same reference", async () => {
    await using facts = await database();
    await fillDays(facts, 0, baselineDays + 3);
    const folder = await mkdtemp(join(tmpdir(), "leeway-baseline-"));
    try {
      const path = join(folder, "reference.csv");
      const rows = await facts.query<Record<string, unknown>>(
        `SELECT toUnixTimestamp64Milli(event_time) AS at, num[1] AS amount, num[2] AS age, cat[1] AS city, cat[2] AS weekday,
           scores['yes'] AS score, prediction_class AS decided, cohorts['region'] AS region
         FROM events WHERE event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC') ORDER BY event_time`,
        { to: liveMs },
      );
      const names = Object.keys(rows[0] ?? {});
      await writeFile(path, `${[names, ...rows.map((row) => names.map((name) => row[name]))].join("\n")}\n`);
      await pass(facts);
      const { rows: _, ...file } = {
        rows: 0,
        kind: "file" as const,
        path,
        time: "at",
        prediction: "decided",
        score: "score",
        label: "decided",
      };
      const events = await facts.query<{ n: number }>("SELECT count() AS n FROM events");
      for (const again of [1, 2]) {
        if (again === 2) await facts.command("DELETE FROM baselines WHERE JSONExtractString(spec, 'kind') = 'file'");
        await pass(facts, { model: { ...model, baseline: file } });
        const after = await facts.query<{ n: number }>("SELECT count() AS n FROM events");
        expect(after[0]!.n).toBe(events[0]!.n + baselineDays * rowsPerDay);
        // What happened is stored as labels of the file's rows, once too.
        expect(await facts.query("SELECT count() AS n, uniqExact(event_id) AS ids FROM labels")).toEqual([
          { n: baselineDays * rowsPerDay, ids: baselineDays * rowsPerDay },
        ]);
      }
      const profiles = await facts.query<{ baselines: number; different: number; profiles: number }>(
        `SELECT uniqExact(baseline_id) AS baselines, count() AS profiles, uniqExact(counted) AS different FROM (
           SELECT baseline_id, (window_start, role, feature, slice, rows, present_rows, missing, bin_index, bin_weight, min, max) AS counted
           FROM profiles WHERE kind = 'reference' ORDER BY computed_at LIMIT 1 BY baseline_id, window_start, role, feature)`,
      );
      expect(profiles).toEqual([{ baselines: 2, profiles: 2 * 5 * baselineDays, different: 5 * baselineDays }]);
      const series = await facts.query<{ n: number }>(
        `SELECT uniqExact((role, feature, kind, edges, decile_edges, categories, distinct, singletons)) AS n FROM baseline_series`,
      );
      expect(series).toEqual([{ n: 5 }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("a file without a feature's column is refused, naming file, column and what to do", async () => {
    await using facts = await database();
    await fillDays(facts, 0, 1);
    const folder = await mkdtemp(join(tmpdir(), "leeway-baseline-"));
    try {
      const path = join(folder, "reference.csv");
      await writeFile(path, "amount,age,weekday\n1,2,x\n");
      const file = { kind: "file" as const, path, time: null, prediction: null, score: null, label: null };
      const { detector } = detectorOf(facts, { model: { ...model, baseline: file } });
      await using running = detector;
      const [report] = (await running.pass()).models;
      expect(report?.failure?.code).toBe("baseline_unreadable");
      expect(report?.failure?.message).toContain(path);
      expect(report?.failure?.message).toContain('no column "city"');
      // Without a reference the windows are still counted, and nobody says that they are fine.
      const states = await facts.query("SELECT DISTINCT state, rows FROM evaluations WHERE signal != 'performance'");
      expect(states).toEqual([{ state: "no_baseline", rows: rowsPerDay }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("a file without times is a reference too, and its windows warm up", async () => {
    await using facts = await database();
    await fillDays(facts, 0, 3);
    const folder = await mkdtemp(join(tmpdir(), "leeway-baseline-"));
    try {
      const path = join(folder, "reference.ndjson");
      const rows = await facts.query<object>(
        "SELECT num[1] AS amount, num[2] AS age, cat[1] AS city, cat[2] AS weekday FROM events",
      );
      await writeFile(path, rows.map((row) => JSON.stringify(row)).join("\n"));
      const file = { kind: "file" as const, path, time: null, prediction: null, score: null, label: null };
      await pass(facts, { model: { ...model, baseline: file } });
      const states = await facts.query<{ state: string }>(
        "SELECT DISTINCT state FROM evaluations WHERE feature = 'amount' AND signal = 'distribution'",
      );
      expect(states).toEqual([{ state: "warming_up" }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("a model that registered itself is counted, not judged", async () => {
    await using facts = await database();
    await fillDays(facts, 0, 3);
    await pass(facts, { model: { ...model, origin: "learning", features: [] } });
    const states = await facts.query("SELECT DISTINCT state, rows FROM evaluations WHERE signal != 'performance'");
    expect(states).toEqual([{ state: "no_baseline", rows: rowsPerDay }]);
  });
});

test("PSI of a stored evaluation is the sum over the reference's deciles", async () => {
  await using facts = await database();
  await fillDays(facts, 0, baselineDays);
  await fillDays(facts, baselineDays, 1, { amount: `${values.amount} * 1.3` });
  await pass(facts);
  const [evaluation] = await facts.query<{ psi: number }>(
    "SELECT methods['psi'] AS psi FROM evaluations WHERE feature = 'amount' AND signal = 'distribution'",
  );
  const numbers = async (from: number, to: number) => {
    const rows = await facts.query<{ x: number }>(
      "SELECT num[1] AS x FROM events WHERE event_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND event_time < fromUnixTimestamp64Milli({to:Int64}, 'UTC') ORDER BY x",
      { from, to },
    );
    return rows.map((row) => row.x);
  };
  const reference = await numbers(startMs, liveMs);
  const live = await numbers(liveMs, liveMs + dayMs);
  const deciles = Array.from({ length: 9 }, (_, index) => {
    const position = ((index + 1) / 10) * (reference.length - 1);
    const low = Math.floor(position);
    return reference[low]! + (position - low) * (reference[low + 1]! - reference[low]!);
  });
  const shares = (of: readonly number[]) => {
    const counts = new Array<number>(10).fill(0);
    for (const x of of) counts[deciles.filter((decile) => decile < x).length]! += 1;
    return counts.map((count) => count / of.length);
  };
  const before = shares(reference);
  const psi = shares(live).reduce((sum, now, cell) => sum + (now - before[cell]!) * Math.log(now / before[cell]!), 0);
  expect(evaluation?.psi).toBeCloseTo(psi, 9);
});
