import { describe, expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import type { Finding } from "../../core/finding.ts";
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
const rowsPerDay = 1500;
const baselineDays = 12;
const liveMs = startMs + baselineDays * dayMs;
const names = ["income", "rent", "age"] as const;
const schema = createFeatureSchema(
  "m",
  names.map((name) => ({ name, type: "numeric" })),
);

const model = testModel({
  task: { kind: "unknown" },
  features: names.map((name) => ({ name, type: "numeric", unit: null })),
  monitors: [{ kind: "domain_classifier", name: "joint", minChange: 0.05, harm: "inputs_moved" }],
  baseline: { kind: "range", fromMs: startMs, toMs: liveMs },
  // Whatever was stored is all there is: partitions are idle at once.
  monitoring: { idleAfterMs: 0 },
});

/** Income and rent go together, or against each other: each alone is a standard normal either way. */
async function fillDays(
  facts: Facts,
  firstDay: number,
  days: number,
  { sign = 1, age = 0 }: { sign?: 1 | -1; age?: number } = {},
): Promise<void> {
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (firstDay + days) * rowsPerDay,
    where: `i >= ${firstDay * rowsPerDay}`,
    num: schema.fields.map(({ name }) =>
      name === "income"
        ? normalSql(1)
        : name === "rent"
          ? `0.6 * ${sign} * ${normalSql(1)} + 0.8 * ${normalSql(2)}`
          : `${normalSql(3)} + ${age}`,
    ),
  });
}

async function decided(facts: Facts): Promise<{ findings: Finding[]; states: string[] }> {
  await writeFeatureSchemas(facts, [schema], startMs);
  await detectorPass(facts, { model, nowMs });
  const rows = await facts.query<{ finding: string }>("SELECT finding FROM finding_history ORDER BY window_end");
  const states = await facts.query<{ state: string }>(
    "SELECT state FROM evaluations WHERE signal = 'joint' ORDER BY window_start",
  );
  return {
    findings: rows.map((row) => JSON.parse(row.finding) as Finding),
    states: states.map(({ state }) => state),
  };
}

describe("features together", () => {
  test("a correlation that turns round opens one finding that names the two features, and no feature alone does", async () => {
    await using facts = await createTestDatabase();
    await fillDays(facts, 0, baselineDays + 2);
    await fillDays(facts, baselineDays + 2, 2, { sign: -1 });
    const { findings, states } = await decided(facts);
    expect(states).toEqual(["ok", "ok", "drift", "drift"]);
    expect(findings.map(({ signal, state }) => [signal, state])).toEqual([
      ["joint", "open"],
      ["joint", "open"],
    ]);
    expect(findings[0]!.evidence.contrast.split(" with ").toSorted()).toEqual(["income", "rent"]);
    expect(findings[0]!.evidence.effectLow).toBeGreaterThan(0.05);
  });

  test("what one feature shows alone is told by that feature alone", async () => {
    await using facts = await createTestDatabase();
    await fillDays(facts, 0, baselineDays + 1);
    await fillDays(facts, baselineDays + 1, 2, { age: 1.5 });
    const { findings, states } = await decided(facts);
    expect(new Set(findings.map(({ signal, series }) => `${series.feature} ${signal}`))).toEqual(
      new Set(["age distribution"]),
    );
    expect(states[0]).toBe("ok");
  });
});
