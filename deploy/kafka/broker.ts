/**
 * One real Apache Kafka broker on loopback, for tests, the demo and development. Needs java and, the first time, mvn.
 *
 *     node deploy/kafka/broker.ts [--data DIR] [--port N] [--partitions N]
 *
 * prints one line of JSON, `{"brokers":"127.0.0.1:PORT"}`, when the broker answers, and stops on SIGTERM, SIGINT or when
 * its parent process ends.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve as resolvePath } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { exists, fetchKafkaJars, installHint, type KafkaJars } from "./jars.ts";
import { clusterIdAt } from "./metadata.ts";

const here = dirname(fileURLToPath(import.meta.url));
const readyTimeoutMs = 60_000;
const stopTimeoutMs = 15_000;

export interface Broker extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as kafkajs and `KAFKA_BROKERS` take it. */
  readonly brokers: string;
  /** Settles when the broker's process has ended, whoever ended it. */
  readonly ended: Promise<void>;
}

/**
 * Starts a broker and returns when it answers as itself. Disposing stops it; the data go too unless `dataDir` was given.
 *
 * @param options.dataDir Kept between runs. Left out: a temporary folder.
 * @param options.port Left out: any free port.
 * @param options.partitions Of topics that are made by themselves (4).
 * @throws Error that says what to install, or the end of the broker's log if it did not become ready.
 */
export async function startBroker(
  options: {
    readonly dataDir?: string;
    readonly port?: number;
    readonly partitions?: number;
    readonly progress?: (line: string) => void;
  } = {},
): Promise<Broker> {
  const progress = options.progress ?? ((line) => process.stderr.write(`${line}\n`));
  checkJava();
  const jars = await fetchKafkaJars(progress);
  const archive = join(jars.folder, "app.jsa");
  if (!(await exists(archive))) await archiveClasses(jars, archive, progress);

  const keep = options.dataDir !== undefined;
  const folder = keep ? resolvePath(options.dataDir) : await mkdtemp(join(tmpdir(), "leeway-kafka-"));
  const server = await prepare(folder, options.port ?? null, options.partitions ?? 4);
  const child = runJava(jars, folder, [`-XX:SharedArchiveFile=${archive}`]);
  const ended = once(child, "close").then(() => undefined);

  const stop = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await ended;
    clearTimeout(timer);
    if (!keep) await rm(folder, { recursive: true, force: true });
  };
  try {
    await ready(child, server, folder);
  } catch (error) {
    await stop("SIGKILL");
    throw error;
  }
  return {
    brokers: `127.0.0.1:${server.port}`,
    ended,
    // Data that are thrown away need no orderly end.
    [Symbol.asyncDispose]: () => stop(keep ? "SIGTERM" : "SIGKILL"),
  };
}

interface ServerFiles {
  readonly port: number;
  readonly clusterId: string;
}

function checkJava(): void {
  const { error } = spawnSync("java", ["-version"], { stdio: "ignore" });
  if (error !== undefined) {
    throw new Error(`java is needed to run Apache Kafka and is not installed: ${installHint}, or set KAFKA_BROKERS`, {
      cause: error,
    });
  }
}

/** Writes server.properties and, instead of Kafka's `format` step, meta.properties. */
async function prepare(folder: string, wantedPort: number | null, partitions: number): Promise<ServerFiles> {
  const data = join(folder, "data");
  await mkdir(data, { recursive: true });
  const metaFile = join(data, "meta.properties");
  const known = (await readFile(metaFile, "utf8").catch(() => "")).match(/^cluster\.id=(.+)$/m)?.[1];
  const clusterId = known ?? randomBytes(16).toString("base64url");
  if (known === undefined) await writeFile(metaFile, `version=1\nnode.id=1\ncluster.id=${clusterId}\n`);

  const [anyPort = 0, controllerPort = 0] = await freePorts(2);
  const port = wantedPort ?? anyPort;
  const properties = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": data,
    "num.partitions": partitions,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    // With the default of 9 s a restarted broker needs 12 s to come back, so it needs 2 to 3.
    "broker.session.timeout.ms": 1500,
    "broker.heartbeat.interval.ms": 250,
    "controller.quorum.election.timeout.ms": 500,
    "controller.quorum.fetch.timeout.ms": 1000,
    "log.cleaner.dedupe.buffer.size": 2_097_152,
    "log.cleaner.io.buffer.size": 65_536,
    "num.network.threads": 1,
    "num.io.threads": 2,
    "background.threads": 2,
  };
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(folder, "server.properties"), lines.join(""));
  return { port, clusterId };
}

async function freePorts(count: number): Promise<number[]> {
  // All are held at once, so that they differ.
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

function runJava(jars: KafkaJars, folder: string, extra: readonly string[]): ChildProcess {
  const java = [
    "java",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    ...extra,
    `-Dlog4j2.configurationFile=${join(here, "log4j2.xml")}`,
    "-cp",
    jars.classPath,
    "kafka.Kafka",
    join(folder, "server.properties"),
  ];
  // The kernel ends java when we are killed by -9, where it can.
  const bound = process.platform === "linux" && spawnSync("setpriv", ["--version"]).error === undefined;
  const command = bound ? ["setpriv", "--pdeathsig", "KILL", ...java] : java;
  const child = spawn(command[0] as string, command.slice(1), { stdio: ["ignore", "pipe", "pipe"], cwd: folder });
  const log = createWriteStream(join(folder, "broker.log"), { flags: "a" });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  child.on("close", () => log.end());
  // A failed spawn shows as an early end.
  child.on("error", (error) => log.write(`${error.message}\n`));
  return child;
}

async function ready(child: ChildProcess, server: ServerFiles, folder: string): Promise<void> {
  const deadlineMs = Date.now() + readyTimeoutMs;
  for (;;) {
    if ((await clusterIdAt(server.port, 2_000)) === server.clusterId) return;
    const over = child.exitCode !== null || child.signalCode !== null;
    if (over || Date.now() > deadlineMs) {
      const log = await readFile(join(folder, "broker.log"), "utf8").catch(() => "");
      const what = over ? "ended before it was ready" : `was not ready after ${readyTimeoutMs / 1000} s`;
      throw new Error(`Apache Kafka ${what} on port ${server.port}; the end of its log:\n${log.trim().slice(-2000)}`);
    }
    await delay(25);
  }
}

/** One run that leaves an archive of loaded classes behind; it saves about a second at each later start. */
async function archiveClasses(jars: KafkaJars, archive: string, progress: (line: string) => void): Promise<void> {
  progress("Apache Kafka: preparing faster starts, once …");
  const folder = await mkdtemp(join(tmpdir(), "leeway-kafka-archive-"));
  try {
    const server = await prepare(folder, null, 1);
    const made = join(jars.folder, `app-${process.pid}.jsa`);
    const child = runJava(jars, folder, [`-XX:ArchiveClassesAtExit=${made}`]);
    const ended = once(child, "close");
    try {
      await ready(child, server, folder);
    } finally {
      child.kill("SIGTERM");
      await ended;
    }
    if (await exists(made)) await rename(made, archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: "string" }, port: { type: "string" }, partitions: { type: "string" } },
  });
  const parent = process.ppid;
  await using broker = await startBroker({
    ...(values.data === undefined ? {} : { dataDir: values.data }),
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
    ...(values.partitions === undefined ? {} : { partitions: Number(values.partitions) }),
  });
  process.stdout.write(`${JSON.stringify({ brokers: broker.brokers })}\n`);
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  process.on("SIGTERM", ask);
  process.on("SIGINT", ask);
  // Nobody tells a process that its parent has died; it is given another one.
  const watch = setInterval(() => process.ppid !== parent && ask(), 500);
  const outcome = await Promise.race([asked.then(() => "asked" as const), broker.ended.then(() => "ended" as const)]);
  clearInterval(watch);
  if (outcome === "ended") {
    process.stderr.write("Apache Kafka ended by itself; see broker.log in its data folder\n");
    process.exitCode = 3;
  }
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 3;
  });
}
