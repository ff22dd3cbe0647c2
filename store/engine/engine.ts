import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { LeewayError } from "../../core/errors.ts";
import { silentLogger, type Logger } from "../../core/logger.ts";

export interface EngineAddress {
  readonly url: string;
  /** For roles: reads and writes. */
  readonly token: string;
  /** For people: SELECT only, with limits on memory and time, and no way to files or the network. */
  readonly readerToken: string;
}

export interface Engine extends EngineAddress, AsyncDisposable {
  /** The child's process id; it changes when the engine is restarted after a crash. */
  readonly pid: () => number | undefined;
}

const remedy = "stop that process, or name another directory with --data";

const addressFile = (dataDir: string) => join(resolve(dataDir), "engine.json");

/** Any program may have the port by now: only our engine knows the token. */
async function answers({ url, readerToken }: EngineAddress): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${readerToken}` },
      body: "SELECT 1",
      signal: AbortSignal.timeout(5000),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/** The engine that serves a data directory now, or null. @throws nothing: an unreadable or stale file means "none". */
export async function findEngine(dataDir: string): Promise<EngineAddress | null> {
  try {
    const { url, token, readerToken } = JSON.parse(await readFile(addressFile(dataDir), "utf8")) as EngineAddress;
    return (await answers({ url, token, readerToken })) ? { url, token, readerToken } : null;
  } catch {
    return null;
  }
}

async function isStarterAlive(dataDir: string): Promise<boolean> {
  try {
    const { pid } = JSON.parse(await readFile(addressFile(dataDir), "utf8")) as { pid: number };
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** An engine goes within moments of its starter: so long the next one waits for the directory. */
const lockPatienceMs = 5000;

/**
 * Starts the embedded ClickHouse as a child process and writes its address to `DATA/engine.json` (mode 0600). One data
 * directory belongs to one engine. If the child dies it is started again under the same address and tokens, so clients
 * simply retry. The child ends with the process that started it.
 *
 * @throws LeewayError `engine_missing` if chdb is not installed, `engine_running` if another engine has the directory,
 *   `store_unreachable` if the engine does not come up.
 */
export async function startEngine(options: { readonly dataDir: string; readonly log?: Logger }): Promise<Engine> {
  const dataDir = resolve(options.dataDir);
  const log = options.log ?? silentLogger;
  try {
    createRequire(import.meta.url).resolve("chdb");
  } catch (cause) {
    const message =
      "the embedded engine is not installed: run `npm install chdb`, or set CLICKHOUSE_URL to a ClickHouse server";
    throw new LeewayError("engine_missing", message, { cause });
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const token = randomBytes(24).toString("base64url");
  const readerToken = randomBytes(24).toString("base64url");
  let port = 0;
  let child: ChildProcess | null = null;
  let stopping = false;

  const launch = async (): Promise<void> => {
    const started = spawn(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        join(import.meta.dirname, `child${import.meta.filename.endsWith(".ts") ? ".ts" : ".js"}`),
      ],
      {
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...process.env, UV_THREADPOOL_SIZE: "16" },
      },
    );
    child = started;
    let complaint = "";
    started.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-2000);
    });
    started.stdin.on("error", () => {});
    started.stdin.write(`${JSON.stringify({ dataDir, port, token, readerToken })}\n`);
    // "close" comes when its last words have been read, "exit" may not.
    const exited = once(started, "close").then(([code]: (number | null)[]) => {
      const reason = complaint.trim().split("\n").at(-1) ?? "";
      if (/Cannot lock file/.test(complaint)) {
        throw new LeewayError("engine_running", `${dataDir} is already served by another engine: ${remedy}`);
      }
      throw new LeewayError("store_unreachable", `the embedded engine in ${dataDir} ended with ${code}: ${reason}`);
    });
    const ready = once(createInterface({ input: started.stdout }), "line").then(([line]: string[]) => line ?? "");
    const line = await Promise.race([ready, exited]);
    port = (JSON.parse(line) as { port: number }).port;
    exited.catch((error: unknown) => {
      if (stopping) return;
      log.error({ err: error }, "the embedded engine ended by itself; starting it again");
      relaunch(0);
    });
  };

  const relaunch = (attempt: number): void => {
    if (stopping) return;
    launch().catch((error: unknown) => {
      log.error({ err: error, attempt }, "the embedded engine could not be started again");
      setTimeout(() => relaunch(attempt + 1), Math.min(10_000, 250 * 2 ** attempt)).unref();
    });
  };

  for (const deadline = Date.now() + lockPatienceMs; ; await sleep(50)) {
    const running = await findEngine(dataDir);
    if (running !== null) {
      if (!(await isStarterAlive(dataDir)) && Date.now() < deadline) continue;
      const message = `${dataDir} is already served by the engine at ${running.url}: ${remedy}`;
      throw new LeewayError("engine_running", message);
    }
    try {
      await launch();
      break;
    } catch (error) {
      if (!(error instanceof LeewayError) || error.code !== "engine_running" || Date.now() > deadline) throw error;
    }
  }
  const url = `http://127.0.0.1:${port}`;
  const temporary = `${addressFile(dataDir)}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify({ url, token, readerToken, pid: process.pid })}\n`, { mode: 0o600 });
  await rename(temporary, addressFile(dataDir));

  return {
    url,
    token,
    readerToken,
    pid: () => child?.pid,
    [Symbol.asyncDispose]: async () => {
      stopping = true;
      await rm(addressFile(dataDir), { force: true });
      const last = child;
      if (last !== null && last.exitCode === null && last.signalCode === null) {
        const ended = once(last, "exit");
        last.stdin?.end();
        await ended;
      }
    },
  };
}
