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

test("a migration that stopped half-way is finished by the next start", async () => {
  await using facts = await createEmptyDatabase();
  await migrate(facts);
  await facts.command("DROP TABLE audit");
  await facts.command("TRUNCATE TABLE schema_migrations");
  expect(await migrate(facts)).toBe(0);
  expect(await facts.query("EXISTS TABLE audit")).toEqual([{ result: 1 }]);
});
