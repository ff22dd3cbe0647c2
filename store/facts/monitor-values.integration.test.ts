import { describe, expect, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import { dayMs } from "../../core/window.ts";
import { monitorValue } from "./monitor-values.ts";
import { createTestDatabase } from "./test-database.ts";
import { generateEvents } from "./test-events.ts";

const schema = createFeatureSchema("m", [{ name: "amount", type: "numeric" }]);
const model = {
  name: "m",
  task: { kind: "binary", positive: "yes", labelDelayMs: 0, labelWindowMs: dayMs },
  features: [{ name: "amount", type: "numeric", unit: null }],
} as const;
const fromMs = Date.UTC(2026, 2, 1);

async function filled() {
  const facts = await createTestDatabase();
  const rows = { model: "m", schemaId: schema.schemaId, fromMs, stepMs: dayMs / 100, num: ["i"] };
  await generateEvents(facts, { ...rows, count: 300 });
  await generateEvents(facts, { ...rows, count: 300, environment: "shadow" });
  await generateEvents(facts, { ...rows, count: 100, environment: "baseline-1" });
  return facts;
}

const secondDay = { environment: "production", model: "m", fromMs: fromMs + dayMs, toMs: fromMs + 2 * dayMs };

describe("the value of a statement", () => {
  test("the model's view holds the rows of the window alone, wherever the statement reads it", async () => {
    await using facts = await filled();
    const value = (sql: string, scope = secondDay) => monitorValue(facts, scope, { model, schemas: [schema], sql });
    expect(await value("SELECT count() FROM v_m")).toEqual({ kind: "value", value: 100 });
    expect(await value("SELECT min(amount) FROM v_m -- of the day")).toEqual({ kind: "value", value: 100 });
    expect(await value("WITH a AS (SELECT amount FROM v_m) SELECT max(amount) FROM a;")).toEqual({
      kind: "value",
      value: 199,
    });
    expect(
      await value(
        "SELECT count() / (SELECT count() FROM `v_m`) FROM v_m WHERE event_time >= {from:DateTime64(3)} AND event_time < {to:DateTime64(3)} AND environment = {environment:String}",
      ),
    ).toEqual({ kind: "value", value: 1 });
    expect(await value("SELECT countIf(label_class IS NULL) FROM v_m_labelled")).toEqual({ kind: "value", value: 100 });
    const file = { ...secondDay, environment: "baseline-1", fromMs, toMs: fromMs + dayMs };
    expect(await value("SELECT avg(amount) FROM v_m", file)).toEqual({ kind: "value", value: 49.5 });
  });

  test("no row, NULL and NaN are no value", async () => {
    await using facts = await filled();
    for (const sql of ["SELECT amount FROM v_m WHERE amount > 1e9", "SELECT NULL FROM v_m LIMIT 1", "SELECT 0 / 0"]) {
      expect(await monitorValue(facts, secondDay, { model, schemas: [schema], sql })).toEqual({ kind: "none" });
    }
  });

  test("what cannot be run, or is not one number, fails and says why", async () => {
    await using facts = await filled();
    const failures = [
      ["SELECT amount FROM v_m", /several rows/],
      ["SELECT 1 AS a, 2 AS b", /2 columns \(a, b\)/],
      ["SELECT 'much'", /a number is wanted/],
      ["SELECT nothing FROM v_m", /refused.*nothing/],
      ["SELEC 1", /refused/],
      ["INSERT INTO events SELECT * FROM events", /refused/],
    ] as const;
    for (const [sql, why] of failures) {
      const failed = await monitorValue(facts, secondDay, { model, schemas: [schema], sql });
      expect(failed, sql).toMatchObject({ kind: "failed", why: expect.stringMatching(why) as string });
    }
  });
});
