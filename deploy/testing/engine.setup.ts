import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startEngine } from "../../store/engine/engine.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The ClickHouse that integration tests talk to, as `createFacts` takes it. */
    clickhouse: { readonly url: string; readonly token?: string };
  }
}

/** Starts one embedded engine for all integration tests, or uses the server that CLICKHOUSE_URL names. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const existing = process.env["CLICKHOUSE_URL"];
  if (existing !== undefined && existing !== "") {
    project.provide("clickhouse", { url: existing });
    return async () => {};
  }
  const dataDir = await mkdtemp(join(tmpdir(), "leeway-engine-"));
  const engine = await startEngine({ dataDir });
  project.provide("clickhouse", { url: engine.url, token: engine.token });
  return async () => {
    await engine[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  };
}
