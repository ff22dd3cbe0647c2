/**
 * A collector in a process of its own, for the benchmark: started, awaited and stopped by messages, any number of times,
 * so that a backlog can be made while a warmed-up process waits.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startTracing } from "../../app/telemetry/tracing.ts";
import { silentLogger } from "../../core/logger.ts";
import { createFacts } from "../../store/facts/client.ts";
import { startTestCollector, type TestCollector } from "./collector-fixture.ts";
import type { CollectorProcessOptions } from "./collector-process.ts";

type Order = "start" | "catch up" | "stop";

export interface BenchProcess extends AsyncDisposable {
  readonly pid: number;
  readonly start: () => Promise<void>;
  readonly catchUp: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** What `bin/leeway.js` gives to `leeway serve`. */
const nursery = ["--max-semi-space-size=64", "--min-semi-space-size=64"] as const;

/** @param environment What it has besides this process's: `OTEL_*` makes it trace. */
export function forkCollector(
  options: CollectorProcessOptions,
  environment: Readonly<Record<string, string>> = {},
): BenchProcess {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [JSON.stringify(options)], {
    execArgv: [...nursery],
    env: { ...process.env, ...environment },
  });
  const ended = once(child, "exit").then(() => Promise.reject(new Error("the collector process ended")));
  ended.catch(() => {});
  const order = (what: Order) => async () => {
    child.send(what);
    await Promise.race([once(child, "message"), ended]);
  };
  return {
    pid: child.pid as number,
    start: order("start"),
    catchUp: order("catch up"),
    stop: order("stop"),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return;
      child.disconnect();
      await ended.catch(() => {});
    },
  };
}

async function serve(options: CollectorProcessOptions): Promise<void> {
  const tracing = await startTracing({ environment: process.env, version: "bench", log: silentLogger });
  const facts = createFacts(options.clickhouse);
  let collector: TestCollector | null = null;
  const carryOut = async (what: Order) => {
    if (what === "start") collector = await startTestCollector({ ...options, facts, tracing });
    if (what === "catch up") await collector?.caughtUp();
    if (what === "stop") await collector?.[Symbol.asyncDispose]();
    process.send?.("done");
  };
  process.on("message", (what: Order) => {
    carryOut(what).catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    });
  });
  process.on("disconnect", () => process.exit(0));
}

if (import.meta.main) await serve(JSON.parse(process.argv[2] ?? "{}") as CollectorProcessOptions);
