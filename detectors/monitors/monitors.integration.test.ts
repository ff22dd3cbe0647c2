import { describe, expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { Finding } from "../../core/finding.ts";
import type { Logger } from "../../core/logger.ts";
import type { ModelSpec, MonitorSpec } from "../../core/model.ts";
import { dayMs } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql } from "../../store/facts/test-events.ts";
import { detectorPass } from "../testing/detector-pass.ts";
import { testModel } from "../testing/model.ts";

// Near the present: tables expire by evaluation time.
const nowMs = Date.now();
const startMs = Math.floor(nowMs / dayMs) * dayMs - 40 * dayMs;
const rowsPerDay = 500;
const baselineDays = 14;
const liveMs = startMs + baselineDays * dayMs;
const schema = createFeatureSchema("m", [{ name: "amount", type: "numeric" }]);

const refunds: MonitorSpec = {
  kind: "sql",
  name: "refunds_per_order",
  sql: "SELECT countIf(cohorts['refund'] = 'yes') / count() FROM v_m",
  minChange: 0.1,
  harm: "performance_fell",
};

const model = (monitors: readonly MonitorSpec[]): ModelSpec =>
  testModel({
    task: { kind: "unknown" },
    features: [{ name: "amount", type: "numeric", unit: null }],
    monitors,
    baseline: { kind: "range", fromMs: startMs, toMs: liveMs },
    // Whatever was stored is all there is: partitions are idle at once.
    monitoring: { idleAfterMs: 0 },
  });

/** Days of events counted from the start of the baseline, of which every so manieth is refunded. */
async function fillDays(facts: Facts, firstDay: number, days: number, everyNth: number): Promise<void> {
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (firstDay + days) * rowsPerDay,
    where: `i >= ${firstDay * rowsPerDay}`,
    num: [normalSql(1)],
    // A little more or less each day.
    cohorts: { refund: `if(i % ${everyNth} = 0 OR (i % 97 = 0 AND intDiv(i, ${rowsPerDay}) % 2 = 0), 'yes', 'no')` },
  });
}

async function decide(facts: Facts, monitors: readonly MonitorSpec[], lines: string[] = []) {
  const log: Logger = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (_, message) => void lines.push(message ?? ""),
  };
  await writeFeatureSchemas(facts, [schema], startMs);
  const report = await detectorPass(facts, { model: model(monitors), nowMs, log });
  return report;
}

async function findings(facts: Facts): Promise<Finding[]> {
  const rows = await facts.query<{ finding: string }>("SELECT finding FROM finding_history ORDER BY window_end");
  return rows.map((row) => JSON.parse(row.finding) as Finding);
}

async function states(facts: Facts, feature: string): Promise<string[]> {
  const rows = await facts.query<{ state: string }>(
    "SELECT state FROM evaluations WHERE signal = 'custom' AND feature = {feature:String} ORDER BY window_start",
    { feature },
  );
  return rows.map((row) => row.state);
}

describe("a value of the user's own", () => {
  test("a change opens one finding, which ends after three calm windows; the numbers are the value's", async () => {
    await using facts = await createTestDatabase();
    await fillDays(facts, 0, baselineDays + 3, 10);
    await fillDays(facts, baselineDays + 3, 2, 5);
    await fillDays(facts, baselineDays + 5, 5, 10);
    await decide(facts, [refunds]);
    const found = await findings(facts);
    expect(new Set(found.map(({ findingId }) => findingId)).size).toBe(1);
    expect(found.map(({ state, windowEndMs }) => [state, (windowEndMs - liveMs) / dayMs - 1])).toEqual([
      ["open", 3],
      ["open", 4],
      ["open", 5],
      ["open", 6],
      ["closed", 7],
    ]);
    expect(found[0]).toMatchObject({
      signal: "custom",
      harm: "performance_fell",
      series: { role: "feature", feature: "refunds_per_order" },
      evidence: { referenceRows: 14, rows: rowsPerDay, contrast: "value of a window" },
    });
    expect(found[0]!.evidence.reference).toBeCloseTo(0.105, 2);
    expect(found[0]!.evidence.current).toBeCloseTo(0.2, 2);
    expect(await states(facts, "refunds_per_order")).toEqual([
      "ok",
      "ok",
      "ok",
      "drift",
      "drift",
      "drift",
      "drift",
      "ok",
      "ok",
      "ok",
    ]);
  });

  test("a window without a value is not measured; a statement that fails is told once and stops nobody else", async () => {
    await using facts = await createTestDatabase();
    await fillDays(facts, 0, baselineDays + 3, 10);
    const lines: string[] = [];
    const never: MonitorSpec = { ...refunds, name: "never", sql: "SELECT amount FROM v_m WHERE amount > 1e9" };
    const wrong: MonitorSpec = { ...refunds, name: "wrong", sql: "SELECT nothing FROM v_m" };
    const report = await decide(facts, [wrong, never, refunds], lines);
    expect(report.windowsDecided).toBe(3);
    expect(await states(facts, "wrong")).toEqual(["insufficient_data", "insufficient_data", "insufficient_data"]);
    expect(await states(facts, "never")).toEqual(["insufficient_data", "insufficient_data", "insufficient_data"]);
    expect(await states(facts, "refunds_per_order")).toEqual(["ok", "ok", "ok"]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^monitors of model m give no value: wrong: .*nothing.*Correct sql/);
  });

  test("what the baseline said is remembered when its rows have gone", async () => {
    await using facts = await createTestDatabase();
    await fillDays(facts, 0, baselineDays + 1, 10);
    await decide(facts, [refunds]);
    await facts.command("DELETE FROM events WHERE event_time < fromUnixTimestamp64Milli({at:Int64}, 'UTC')", {
      at: startMs + 10 * dayMs,
    });
    await fillDays(facts, baselineDays + 1, 1, 10);
    await decide(facts, [refunds]);
    expect(await states(facts, "refunds_per_order")).toEqual(["ok", "ok"]);
    const [row] = await facts.query<{ reference_rows: number }>(
      "SELECT reference_rows FROM evaluations WHERE signal = 'custom' ORDER BY window_start DESC LIMIT 1",
    );
    expect(row?.reference_rows).toBe(14);
  });
});
