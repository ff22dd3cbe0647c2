import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import { migrate } from "../migrations/migrate.ts";
import { createFacts, type Facts } from "./client.ts";

/** A migrated database of its own on the integration tests' engine; dropped on disposal. */
export async function createTestDatabase(): Promise<Facts> {
  const server = inject("clickhouse");
  const database = `test_${randomUUID().replaceAll("-", "")}`;
  await using admin = createFacts(server);
  await admin.command(`CREATE DATABASE ${database}`);
  const facts = createFacts({ ...server, database });
  await migrate(facts);
  return {
    ...facts,
    [Symbol.asyncDispose]: async () => {
      await facts.command(`DROP DATABASE ${database}`);
      await facts[Symbol.asyncDispose]();
    },
  };
}
