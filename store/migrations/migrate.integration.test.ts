import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { createFacts, type Facts } from "../facts/client.ts";
import { checkSchema, migrate, schemaVersion } from "./migrate.ts";

async function createEmptyDatabase(): Promise<Facts> {
  const server = inject("clickhouse");
  const database = `test_${randomUUID().replaceAll("-", "")}`;
  await using admin = createFacts(server);
  await admin.command(`CREATE DATABASE ${database}`);
  const facts = createFacts({ ...server, database });
  const dispose = async () => {
    await facts.command(`DROP DATABASE ${database}`);
    await facts[Symbol.asyncDispose]();
  };
  return { ...facts, [Symbol.asyncDispose]: dispose };
}

const tables = "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name";

test("migrating makes every table of the design, and again changes nothing", async () => {
  await using facts = await createEmptyDatabase();
  expect(await migrate(facts)).toBe(0);
  const made = (await facts.query<{ name: string }>(tables)).map((row) => row.name);
  expect(made).toEqual(
    expect.arrayContaining([
      "events",
      "labels",
      "feature_schemas",
      "models",
      "baselines",
      "profiles",
      "profile_weight_squares",
      "decision_states",
      "evaluations",
      "finding_history",
      "incident_history",
      "state_history",
      "audit",
      "ingest_requests",
      "dead_letters",
      "fast_references",
      "learnt_references",
      "performance_states",
      "schema_migrations",
    ]),
  );
  expect(await migrate(facts)).toBe(schemaVersion);
  expect((await facts.query<{ name: string }>(tables)).map((row) => row.name)).toEqual(made);
});

test("three roles that start at once all succeed", async () => {
  await using facts = await createEmptyDatabase();
  await Promise.all([migrate(facts), migrate(facts), migrate(facts)]);
  await expect(checkSchema(facts)).resolves.toBeUndefined();
});

test("tables that are missing, or of a newer program, are refused by name", async () => {
  await using facts = await createEmptyDatabase();
  await expect(checkSchema(facts)).rejects.toMatchObject({ code: "schema_outdated", exitCode: 2 });
  await expect(checkSchema(facts)).rejects.toThrow(/leeway migrate/);
  await migrate(facts);
  await checkSchema(facts);
  await facts.insertRows("schema_migrations", [{ version: schemaVersion + 1 }], null);
  await expect(checkSchema(facts)).rejects.toThrow(/update leeway/);
  await expect(migrate(facts)).rejects.toMatchObject({ code: "schema_outdated" });
});

test("a store of before squares of weights keeps its profiles, and gets a table for those to come", async () => {
  await using facts = await createEmptyDatabase();
  await migrate(facts);
  await facts.command("DROP TABLE profile_weight_squares");
  await facts.command("ALTER TABLE schema_migrations DELETE WHERE version >= 7 SETTINGS mutations_sync = 2");
  await facts.command(
    `INSERT INTO profiles (environment, model, baseline_id, kind, window_start, window_end, role, feature, rows, weight, weight_squares, expires_on)
     VALUES ('production', 'm', 'b', 'live', 1, 2, 'feature', 'f', 2, 4, 10, '2149-06-01')`,
  );
  expect(await migrate(facts)).toBe(6);
  await checkSchema(facts);
  expect(await facts.query("SELECT rows, weight, weight_squares FROM profiles")).toEqual([
    { rows: 2, weight: 4, weight_squares: 10 },
  ]);
  expect(await facts.query("SELECT count() AS count FROM profile_weight_squares")).toEqual([{ count: 0 }]);
});

test("a migration that stopped half-way is finished by the next start", async () => {
  await using facts = await createEmptyDatabase();
  await migrate(facts);
  await facts.command("DROP TABLE audit");
  await facts.command("TRUNCATE TABLE schema_migrations");
  expect(await migrate(facts)).toBe(0);
  expect(await facts.query("EXISTS TABLE audit")).toEqual([{ result: 1 }]);
});
