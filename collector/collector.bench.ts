/**
 * What one event costs: CPU time of the collector and the engine together, from Kafka to stored and merged, beside
 * JSON.parse alone on the same events in the same run. CPU time, not wall time: other programs may be running.
 *
 *     npm run bench:collector -- [--events 300000] [--models 1,1000] [--rate EVENTS_PER_SECOND] [--traceparent | --tracing] [--json]
 *
 * With --traceparent every message names a span of its own; with --tracing the collector traces as well, to a receiver here.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startOtlpReceiver } from "../app/testing/otlp-receiver.ts";
import { systemClock } from "../core/clock.ts";
import { formatTraceparent } from "../core/traceparent.ts";
import { dayMs, hourMs } from "../core/window.ts";
import { startBroker } from "../deploy/kafka/broker.ts";
import { startEngine } from "../store/engine/engine.ts";
import { createFacts } from "../store/facts/client.ts";
import { migrate } from "../store/migrations/migrate.ts";
import { benchEvents } from "./bench-events.ts";
import { createBatchMaker } from "./partition-batch.ts";
import { connectTestKafka, type TestKafka } from "./testing/collector-fixture.ts";
import { forkCollector } from "./testing/bench-process.ts";

const partitions = 4;
const warmUpEvents = 60_000;
const flush = { maxRows: 50_000, maxAgeMs: 1000 };

/** User and system time of a process in µs. Linux counts it in ticks of 10 ms. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Mean CPU µs per event of `work`, garbage collection included, after a round that warms up. */
function meanCpu(events: number, rounds: number, work: () => void): number {
  work();
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / events / rounds;
}

interface Decoding {
  readonly bytes: number;
  readonly parse: number;
  readonly decodeAndEncode: number;
}

/** JSON.parse alone, of strings; and from the bytes of a message to a Native block. */
function measureDecoding(events: readonly Buffer[]): Decoding {
  const texts = events.map((event) => event.toString());
  const maker = createBatchMaker({
    discovery: "auto",
    models: [],
    knownSchemas: [],
    caps: { maxModels: 2000, maxFeatures: 100 },
    maxValueBytes: 1 << 20,
    maxEventAgeMs: 800 * dayMs,
    defaultRetentionDays: 90,
    clock: systemClock,
  });
  const rounds = 4;
  return {
    bytes: events.reduce((bytes, event) => bytes + event.length, 0) / events.length,
    parse: meanCpu(events.length, rounds, () => {
      for (const text of texts) JSON.parse(text);
    }),
    decodeAndEncode: meanCpu(events.length, rounds, () => {
      const batch = maker.createBatch("events");
      for (const [offset, value] of events.entries()) {
        batch.add({ topic: "bench", partition: 0, offset, value, timestampMs: 0 });
      }
      batch.blocks();
      batch.release();
    }),
  };
}

interface Whole {
  readonly rows: number;
  readonly blocks: number;
  readonly eventsPerSecond: number;
  readonly collector: number;
  /** Until everything is stored, and until the merges have ended. */
  readonly engineStored: number;
  readonly engineMerged: number;
}

async function measureWhole(
  test: TestKafka,
  brokers: string,
  events: readonly Buffer[],
  options: {
    readonly rate: number | null;
    /** Whether messages carry one. */
    readonly traceparent: boolean;
    /** Where the collector's spans go; empty: nowhere. */
    readonly otel: Readonly<Record<string, string>>;
  },
): Promise<Whole> {
  const { rate, traceparent, otel } = options;
  const dataDir = await mkdtemp(join(tmpdir(), "leeway-bench-"));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(dataDir, { recursive: true, force: true }));
  const engine = cleanUp.use(await startEngine({ dataDir }));
  const enginePid = () => engine.pid() as number;
  const facts = cleanUp.use(createFacts({ url: engine.url, token: engine.token }));
  await migrate(facts);
  const topics = await test.topics(partitions);
  const clickhouse = { url: engine.url, token: engine.token, database: facts.database };
  const collector = cleanUp.use(
    forkCollector({ brokers, topics, clickhouse, ...flush, sessionTimeoutMs: 30_000 }, otel),
  );

  let sent = 0;
  const send = async (messages: readonly Buffer[]) => {
    const started = performance.now();
    const chunk = 2000;
    for (let at = 0; at < messages.length; at += chunk) {
      const values = messages.slice(at, at + chunk).map((value) => ({
        value,
        ...(traceparent && { headers: { traceparent: randomTraceparent() } }),
      }));
      await test.send(topics.events, values);
      sent += values.length;
      const ahead = rate === null ? 0 : ((at + values.length) / rate) * 1000 - (performance.now() - started);
      if (ahead > 0) await delay(ahead);
    }
  };
  const untilMerged = async () => {
    for (let quiet = 0, last = cpuOf(enginePid()); quiet < 3;) {
      await delay(500);
      const [merges] = await facts.query<{ count: number }>("SELECT count() AS count FROM system.merges");
      const now = cpuOf(enginePid());
      quiet = merges?.count === 0 && now - last < 50_000 ? quiet + 1 : 0;
      last = now;
    }
  };

  // V8 and the engine are warm before anything is counted.
  await collector.start();
  await send(events.slice(0, warmUpEvents));
  await collector.catchUp();
  await untilMerged();

  // Without a rate the events lie in Kafka before the collector comes back: how fast others are does not matter then.
  if (rate === null) {
    await collector.stop();
    await send(events);
  }
  const before = { collector: cpuOf(collector.pid), engine: cpuOf(enginePid()) };
  const started = performance.now();
  if (rate === null) await collector.start();
  else await send(events);
  await collector.catchUp();
  const seconds = (performance.now() - started) / 1000;
  const stored = { collector: cpuOf(collector.pid), engine: cpuOf(enginePid()) };
  await untilMerged();
  const merged = cpuOf(enginePid());

  const [count] = await facts.query<{ rows: number; distinct: number }>(
    "SELECT count() AS rows, uniqExact(partition, offset) AS distinct FROM events",
  );
  const expected = sent;
  if (count?.rows !== expected || count.distinct !== expected) {
    throw new Error(`${expected} events were sent and ${count?.rows} stored, ${count?.distinct} of them distinct`);
  }
  // Of all inserts, the warm-up's too: each takes one number.
  const [blocks] = await facts.query<{ count: number }>(
    "SELECT max(max_block_number) AS count FROM system.parts WHERE table = 'events' AND active",
  );
  return {
    rows: count.rows,
    blocks: blocks?.count ?? 0,
    eventsPerSecond: events.length / seconds,
    collector: (stored.collector - before.collector) / events.length,
    engineStored: (stored.engine - before.engine) / events.length,
    engineMerged: (merged - before.engine) / events.length,
  };
}

function randomTraceparent(): string {
  const ids = { traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") };
  return formatTraceparent({ ...ids, sampled: true });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      events: { type: "string", default: "300000" },
      models: { type: "string", default: "1,1000" },
      rate: { type: "string" },
      traceparent: { type: "boolean", default: false },
      tracing: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const count = Number(values.events);
  const rate = values.rate === undefined ? null : Number(values.rate);
  const progress = (line: string) => process.stderr.write(`${line}\n`);

  await using broker = await startBroker({ progress });
  await using test = await connectTestKafka(broker.brokers);
  const results: (Decoding & Whole & { readonly models: number; readonly total: number })[] = [];
  await using receiver = values.tracing ? await startOtlpReceiver() : null;
  const otel: Record<string, string> =
    receiver === null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
  const traceparent = values.traceparent || values.tracing;
  for (const models of values.models.split(",").map(Number)) {
    const events = benchEvents({ count, models, fromTimeMs: Date.now() - 2 * hourMs });
    progress(`${models} model(s): JSON.parse, decode and encode`);
    const sample = events.slice(0, 50_000);
    const earlier = measureDecoding(sample);
    progress(`${models} model(s): ${count} events through ${partitions} partitions`);
    const whole = await measureWhole(test, broker.brokers, events, { rate, traceparent, otel });
    // Before and after the whole, since what else the machine does changes meanwhile.
    const later = measureDecoding(sample);
    results.push({
      models,
      bytes: earlier.bytes,
      parse: (earlier.parse + later.parse) / 2,
      decodeAndEncode: (earlier.decodeAndEncode + later.decodeAndEncode) / 2,
      ...whole,
      total: whole.collector + whole.engineMerged,
    });
  }

  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}`;
  if (values.json || results.length !== 2) {
    const spans = receiver?.spans.length ?? 0;
    process.stdout.write(`${JSON.stringify({ machine, events: count, rate, spans, results }, null, 2)}\n`);
    return;
  }
  const [one, thousand] = results;
  if (one === undefined || thousand === undefined) return;
  const row = (name: string, pick: (result: (typeof results)[number]) => number, digits = 2) =>
    `| ${name} | ${pick(one).toFixed(digits)} | ${pick(thousand).toFixed(digits)} |`;
  process.stdout.write(
    `${[
      `${machine}; ${count} events of ${one.bytes.toFixed(0)} B, 30 features`,
      "",
      "| CPU µs per event | 1 model | 1,000 models |",
      "| --- | ---: | ---: |",
      row("JSON.parse alone", (result) => result.parse),
      row("decode + encode (JSON.parse included)", (result) => result.decodeAndEncode),
      row("collector process (the above, kafkajs, protocol)", (result) => result.collector),
      row("engine, until stored", (result) => result.engineStored),
      row("engine, merges included", (result) => result.engineMerged),
      row("**whole: collector + engine with merges**", (result) => result.total),
      row("**whole ÷ JSON.parse**", (result) => result.total / result.parse),
      row("decode + encode ÷ JSON.parse", (result) => result.decodeAndEncode / result.parse),
      row("blocks inserted", (result) => result.blocks, 0),
      row("events per second", (result) => result.eventsPerSecond, 0),
      "",
      `1,000 models ÷ 1 model: ${(thousand.total / one.total).toFixed(2)}`,
    ].join("\n")}\n`,
  );
}

await main();
