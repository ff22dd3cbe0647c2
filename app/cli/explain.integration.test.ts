import { expect, inject, test } from "vitest";
import { createManualClock } from "../../core/clock.ts";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import { silentLogger } from "../../core/logger.ts";
import { dayMs } from "../../core/window.ts";
import { createDetector } from "../../detectors/detector.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql } from "../../store/facts/test-events.ts";
import { requireConfig } from "../config/load.ts";
import { complaints, createLeewayFolder } from "../testing/leeway-process.ts";

const startMs = Math.floor(Date.now() / dayMs) * dayMs - 30 * dayMs;
const day = (days: number) => new Date(startMs + days * dayMs).toISOString().slice(0, 10);
const rowsPerDay = 2000;
const baselineDays = 14;

interface ExplainedSeries {
  readonly feature: string;
  readonly signal: string;
  readonly state: string;
  readonly conclusion: string;
  readonly effect: number | null;
  readonly p_value: number | null;
  readonly minimum_detectable_effect: number | null;
  readonly gates: readonly { readonly gate: string; readonly verdict: string; readonly detail: string }[];
}

test("each window is explained from what is stored: what fired, what did not, and what was not measured", async () => {
  await using facts = await createTestDatabase();
  const { url, token } = inject("clickhouse");
  using folder = createLeewayFolder({
    "leeway.yaml": JSON.stringify({
      models: ["m.yaml"],
      idle_after: "1s",
      store: { url, database: facts.database, ...(token !== undefined && { user: "default", password: token }) },
    }),
    "m.yaml": JSON.stringify({
      model: "m",
      features: { amount: { type: "numeric" }, age: { type: "numeric" } },
      baseline: { kind: "range", from: `${day(0)}T00:00:00Z`, to: `${day(baselineDays)}T00:00:00Z` },
      monitoring: { window: "1d" },
    }),
  });
  const schema = createFeatureSchema("m", [
    { name: "amount", type: "numeric" },
    { name: "age", type: "numeric" },
  ]);
  await writeFeatureSchemas(facts, [schema], startMs);
  const fill = (firstDay: number, days: number, amount: string, where = "true") =>
    generateEvents(facts, {
      model: "m",
      schemaId: schema.schemaId,
      fromMs: startMs,
      stepMs: dayMs / rowsPerDay,
      count: (firstDay + days) * rowsPerDay,
      where: `i >= ${firstDay * rowsPerDay} AND ${where}`,
      num: [amount, normalSql(2)],
    });
  await fill(0, baselineDays + 1, normalSql(1));
  // One quiet day, one on which amount moved by half a standard deviation, one with ten rows.
  await fill(baselineDays + 1, 1, `${normalSql(1)} + 0.5`);
  await fill(baselineDays + 2, 1, normalSql(1), `i % ${rowsPerDay / 10} = 0`);
  const { models } = requireConfig({ path: null, environment: {}, cwd: folder.path });
  await using detector = createDetector({
    facts,
    models: () => models,
    serviceClock: "watermark",
    pollIntervalMs: 1000,
    clock: createManualClock(Date.now()),
    log: silentLogger,
    metrics: null,
  });
  expect((await detector.pass()).windowsDecided).toBe(3);

  const explain = async (at: string) => {
    const end = await folder.run(["explain", "--model", "m", "--at", at, "--json"]);
    expect(end.code, end.stderr).toBe(0);
    return JSON.parse(end.stdout) as { readonly measured_again: boolean; readonly series: readonly ExplainedSeries[] };
  };
  const seriesOf = (explanation: { readonly series: readonly ExplainedSeries[] }, feature: string) =>
    explanation.series.find((one) => one.feature === feature && one.signal === "distribution");
  const verdicts = (one: ExplainedSeries | undefined) =>
    Object.fromEntries(one?.gates.map(({ gate, verdict }) => [gate, verdict]) ?? []);

  const quiet = await explain(day(baselineDays));
  const calm = seriesOf(quiet, "amount");
  expect(verdicts(calm)).toMatchObject({
    baseline: "passed",
    rows: "passed",
    significance: "failed",
    effect: "failed",
  });
  expect(calm?.conclusion).toBe("no finding: neither significant nor large enough");
  // It says as well what it would have seen.
  expect(calm?.minimum_detectable_effect).toBeGreaterThan(0.02);
  expect(calm?.minimum_detectable_effect).toBeLessThan(0.15);

  const moved = await explain(day(baselineDays + 1));
  const drifted = seriesOf(moved, "amount");
  expect(drifted?.state).toBe("drift");
  expect(verdicts(drifted)).toMatchObject({ significance: "passed", effect: "passed", persistence: "passed" });
  expect(drifted?.effect).toBeGreaterThan(drifted?.minimum_detectable_effect ?? 1);
  expect(seriesOf(moved, "age")?.state).not.toBe("drift");
  // Measured again, the numbers are those that were decided by.
  const [stored] = await facts.query<{ p: number }>(
    "SELECT p_value AS p FROM evaluations WHERE feature = 'age' AND signal = 'distribution' ORDER BY window_start DESC LIMIT 1 OFFSET 1",
  );
  expect(moved.measured_again).toBe(true);
  expect(seriesOf(moved, "age")?.p_value).toBeCloseTo(stored?.p ?? Number.NaN, 12);

  const thin = await explain(day(baselineDays + 2));
  const unknown = seriesOf(thin, "age");
  expect(unknown?.state).toBe("insufficient_data");
  expect(verdicts(unknown)).toMatchObject({ rows: "not_measured" });
  expect(unknown?.conclusion).toBe("not measured: too few rows, which does not say that nothing changed");

  const page = await folder.run(["explain", "--model", "m", "--at", day(baselineDays + 1), "--feature", "amount"]);
  expect(page.stdout).toContain("α comes from the budget: 0.05 false incidents a week");
  expect(page.stdout).toMatch(/significance +passed +p = /);
  // Nothing alerts in this test, so there is nobody to ask who was told.
  expect(complaints(page)).toEqual([expect.stringContaining("who was told is not known here")]);

  const wrong = await Promise.all(
    [
      ["--model", "n"],
      ["--model", "m", "--at", "2001-01-01"],
      ["--model", "m", "--at", "yesterday"],
      ["--model", "m", "--feature", "amuont"],
      [],
    ].map((args) => folder.run(["explain", ...args])),
  );
  expect(wrong.map(({ code }) => code)).toEqual([1, 1, 2, 2, 2]);
  expect(wrong.flatMap(complaints)).toEqual([
    'leeway: no model is called "n"; did you mean m?',
    `leeway: no window of m in production holds 2001-01-01 00:00; decided are ${day(baselineDays)} 00:00 to ${day(baselineDays + 3)} 00:00`,
    'leeway: --at: "yesterday" is not a time; write 2026-11-23 or 2026-11-23T14:00:00Z',
    'leeway: --feature: m has no feature "amuont" here; did you mean amount?',
    "leeway: explain: name an incident, or a model with --model; leeway incidents lists them",
  ]);
});
