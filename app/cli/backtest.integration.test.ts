import { expect, inject, test } from "vitest";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import { dayMs } from "../../core/window.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql, uniformSql } from "../../store/facts/test-events.ts";
import type { BacktestResult } from "../backtest/result.ts";
import { complaints, createLeewayFolder } from "../testing/leeway-process.ts";

const startMs = Math.floor(Date.now() / dayMs) * dayMs - 30 * dayMs;
const day = (days: number) => new Date(startMs + days * dayMs).toISOString().slice(0, 10);
const rowsPerDay = 1000;
const baselineDays = 14;

test("the store's past is decided again under two configurations; its tables stay as they were", async () => {
  await using facts = await createTestDatabase();
  const { url, token } = inject("clickhouse");
  const config = (model: string) =>
    JSON.stringify({
      models: [model],
      store: { url, database: facts.database, ...(token !== undefined && { user: "default", password: token }) },
    });
  const model = (effectFloor: number) =>
    JSON.stringify({
      model: "m",
      task: { kind: "binary", positive: "yes" },
      features: { amount: { type: "numeric" }, age: { type: "numeric" } },
      baseline: { kind: "range", from: `${day(0)}T00:00:00Z`, to: `${day(baselineDays)}T00:00:00Z` },
      monitoring: { window: "1d", effect_floor: effectFloor },
    });
  using folder = createLeewayFolder({
    "leeway.yaml": config("m.yaml"),
    "m.yaml": model(0.02),
    "coarse.yaml": config("coarse-m.yaml"),
    "coarse-m.yaml": model(0.6),
  });
  const schema = createFeatureSchema("m", [
    { name: "amount", type: "numeric" },
    { name: "age", type: "numeric" },
  ]);
  await writeFeatureSchemas(facts, [schema], startMs);
  const changed = (baselineDays + 2) * rowsPerDay;
  await generateEvents(facts, {
    model: "m",
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: (baselineDays + 4) * rowsPerDay,
    num: [`${normalSql(1)} + if(i >= ${changed}, 1, 0)`, normalSql(2)],
    score: uniformSql(5),
    positive: "yes",
    predictionClass: `if(${uniformSql(5)} >= 0.5, 'yes', 'no')`,
  });
  // An event is positive as often as its score says.
  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, entity_key, label_class, topic, partition, offset, ingest_time, expires_on)
    SELECT environment, model, event_time, event_id, '', if(sipHash64(event_id) % 1000 / 1000 < scores['yes'], 'yes', 'no'), '', 0, offset, event_time, expires_on FROM events`,
    {},
    { max_partitions_per_insert_block: 0 },
  );

  const span = ["--from", day(baselineDays), "--to", day(baselineDays + 4)];
  const end = await folder.run(["backtest", "--config", "leeway.yaml", ...span, "--compare", "coarse.yaml", "--json"]);
  expect(end.code, end.stderr).toBe(0);
  const { configs } = JSON.parse(end.stdout) as { configs: readonly (BacktestResult & { readonly config: string })[] };
  expect(configs.map(({ config: name }) => name)).toEqual(["leeway.yaml", "coarse.yaml"]);
  const [fine, coarse] = [configs[0]!, configs[1]!];
  expect(fine.windows.map(({ rows, state }) => [rows, state])).toEqual([
    [rowsPerDay, "ok"],
    [rowsPerDay, "ok"],
    [rowsPerDay, "drift"],
    [rowsPerDay, "drift"],
  ]);
  expect(fine.incidents).toMatchObject([{ opened_window: 2, closed_window: null, features: ["amount"] }]);
  // A floor of 60 % of the rows is above what a shift of one standard deviation moves.
  expect(coarse.incidents).toEqual([]);
  const accuracy = fine.performance.filter(({ metric }) => metric === "accuracy");
  expect(accuracy).toHaveLength(4);
  for (const { realised, estimated } of accuracy) expect(Math.abs(realised! - estimated!)).toBeLessThan(0.06);

  const [stored] = await facts.query<{ profiles: number; findings: number; states: number }>(
    `SELECT (SELECT count() FROM profiles) AS profiles, (SELECT count() FROM finding_history) AS findings,
      (SELECT count() FROM decision_states) AS states`,
  );
  expect(stored).toEqual({ profiles: 0, findings: 0, states: 0 });

  // Later labels take the place of earlier ones: of the last day they contradict what was decided.
  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, label_class, offset, ingest_time, expires_on)
    SELECT environment, model, event_time + INTERVAL 1 HOUR, event_id, if(prediction_class = 'yes', 'no', 'yes'), offset, event_time, expires_on
    FROM events WHERE offset >= ${(baselineDays + 3) * rowsPerDay} AND offset % 2 = 0`,
    {},
    { max_partitions_per_insert_block: 0 },
  );
  const fallen = await folder.run(["backtest", "--config", "leeway.yaml", ...span, "--json"]);
  expect(fallen.code, fallen.stderr).toBe(0);
  const { findings, incidents } = JSON.parse(fallen.stdout) as BacktestResult;
  const falls = findings.filter(({ signal }) => signal === "performance");
  expect(falls.map(({ opened_window: opened }) => opened)).toEqual([3, 3]);
  expect(falls.map(({ feature }) => feature).toSorted()).toEqual(["accuracy", "roc_auc"]);
  // They join the incident of the day before, as in the service.
  expect(incidents).toHaveLength(1);
  expect(incidents[0]!.features.toSorted()).toEqual(["accuracy", "amount", "roc_auc"]);

  const inside = await folder.run(["backtest", "--config", "leeway.yaml", "--from", day(3), "--to", day(20)]);
  expect(inside.code).toBe(2);
  expect(complaints(inside).join("\n")).toContain("which lies within --from and --to; begin at its end");
}, 180_000);
