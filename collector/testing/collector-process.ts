/**
 * One collector as a process of its own, for tests that kill it. Its argument is JSON; it prints `ready` when it has
 * started, and ends in good order on SIGTERM.
 */
import { once } from "node:events";
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../core/logger.ts";
import { createFacts } from "../../store/facts/client.ts";
import { startTestCollector, type TestTopics } from "./collector-fixture.ts";

export interface CollectorProcessOptions {
  readonly brokers: string;
  readonly topics: TestTopics;
  readonly clickhouse: { readonly url: string; readonly token?: string; readonly database: string };
  readonly maxRows: number;
  readonly maxAgeMs: number;
  readonly sessionTimeoutMs: number;
  readonly maxValueBytes?: number;
}

/** Starts it and waits until it is ready. */
export async function spawnCollector(options: CollectorProcessOptions): Promise<ChildProcess> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(() => Promise.reject(new Error("the collector process ended at its start")));
  ended.catch(() => {});
  await Promise.race([once(child.stdout, "data"), ended]);
  return child;
}

const complaints: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};

async function main(options: CollectorProcessOptions): Promise<void> {
  const parent = process.ppid;
  await using facts = createFacts(options.clickhouse);
  await using collector = await startTestCollector({ ...options, facts, log: complaints });
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  process.on("SIGTERM", ask);
  const watch = setInterval(() => process.ppid !== parent && process.exit(1), 500);
  process.stdout.write("ready\n");
  await Promise.race([asked, collector.stopped]);
  clearInterval(watch);
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? "{}") as CollectorProcessOptions);
