/**
 * What traces cost an event on its way to a block: messages without a `traceparent`, with one and nothing that traces, and
 * with one while the collector traces to a receiver. The three take turns in one process, so that whatever else the machine
 * does falls on all of them alike.
 *
 *     node collector/traces.bench.ts
 */
import { randomBytes } from "node:crypto";
import type { IHeaders } from "kafkajs";
import { startTracing } from "../app/telemetry/tracing.ts";
import { startOtlpReceiver } from "../app/testing/otlp-receiver.ts";
import { systemClock } from "../core/clock.ts";
import { silentLogger } from "../core/logger.ts";
import { formatTraceparent } from "../core/traceparent.ts";
import { noTracing, type Tracing } from "../core/tracing.ts";
import { dayMs, hourMs } from "../core/window.ts";
import { benchEvents } from "./bench-events.ts";
import { createBatchMaker } from "./partition-batch.ts";
import { traceparentOf } from "./sources/kafka.ts";

const eventsPerBatch = 50_000;
const rounds = 16;
const warmUpRounds = 4;

const events = benchEvents({ count: eventsPerBatch, models: 1, fromTimeMs: Date.now() - 2 * hourMs });
const named = events.map(() => {
  const ids = { traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") };
  return { traceparent: Buffer.from(formatTraceparent({ ...ids, sampled: true })) };
});
const unnamed = {};
const maker = createBatchMaker({
  discovery: "auto",
  models: [],
  knownSchemas: [],
  caps: { maxModels: 1000, maxFeatures: 100 },
  maxValueBytes: 1 << 20,
  maxEventAgeMs: 800 * dayMs,
  defaultRetentionDays: 90,
  clock: systemClock,
});

async function fillAndEncode(tracing: Tracing, headersOf: (index: number) => IHeaders): Promise<void> {
  const batch = maker.createBatch("events");
  for (const [offset, value] of events.entries()) {
    const traceparent = traceparentOf(headersOf(offset));
    batch.add({ topic: "bench", partition: 0, offset, value, timestampMs: 0, traceparent });
  }
  const options = { parent: batch.traces.parent(), links: batch.traces.links() };
  await tracing.span("process bench", options, async (span) => void batch.blocks({ traceparent: span.traceparent }));
  batch.release();
}

/** CPU µs per event, garbage collection included. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / eventsPerBatch;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

await using receiver = await startOtlpReceiver();
process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.url;
process.env["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/json";
await using tracing = await startTracing({ environment: process.env, version: "bench", log: silentLogger });
const ways: readonly (readonly [string, () => Promise<void>])[] = [
  ["no traceparent, tracing off", () => fillAndEncode(noTracing, () => unnamed)],
  ["traceparents, tracing off", () => fillAndEncode(noTracing, (index) => named[index] ?? unnamed)],
  ["traceparents, tracing on", () => fillAndEncode(tracing, (index) => named[index] ?? unnamed)],
];
const figures = new Map(ways.map(([name]) => [name, [] as number[]]));
for (let round = 0; round < rounds; round++) {
  for (let turn = 0; turn < ways.length; turn++) {
    const [name, work] = ways[(turn + round) % ways.length]!;
    const cpu = await cpuOf(work);
    if (round >= warmUpRounds) figures.get(name)?.push(cpu);
  }
}
const medians = [...figures].map(([name, values]) => ({ name, cpu: median(values) }));
const lines = medians.map(
  ({ name, cpu }) => `| ${name} | ${cpu.toFixed(2)} | ${(cpu / (medians[0]?.cpu ?? 1)).toFixed(2)} |`,
);
process.stdout.write(`| decode + encode | CPU µs per event | ratio |\n| --- | ---: | ---: |\n${lines.join("\n")}\n`);
