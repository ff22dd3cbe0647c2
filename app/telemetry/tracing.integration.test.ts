import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Message } from "kafkajs";
import { expect, inject, test } from "vitest";
import { startWebhookReceiver } from "../../alerting/testing/webhook-receiver.ts";
import { connectTestKafka, eventMessage } from "../../collector/testing/collector-fixture.ts";
import { isTraceparent, spanIdOf, traceIdOf } from "../../core/traceparent.ts";
import { dayMs, hourMs } from "../../core/window.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { createLeewayFolder, eventually } from "../testing/leeway-process.ts";
import { startOtlpReceiver } from "../testing/otlp-receiver.ts";

const today = Math.floor(Date.now() / dayMs) * dayMs;
const baselineDays = 14;
const rowsPerDay = 400;

const trace = (name: number, span: number) =>
  `00-${name.toString(16).padStart(32, "0")}-${span.toString(16).padStart(16, "0")}-01`;

/** A model with a baseline of two weeks, and a receiver for what is told of it. */
async function monitoredFolder(webhook: string) {
  await using resources = new AsyncDisposableStack();
  const kafka = resources.use(await connectTestKafka(inject("kafkaBrokers")));
  const facts = resources.use(await createTestDatabase());
  const { url, token } = inject("clickhouse");
  const topics = await kafka.topics(1);
  const rows = Array.from({ length: baselineDays * rowsPerDay }, (_, index) => {
    const time = today - (3 + baselineDays) * dayMs + (index / rowsPerDay) * dayMs;
    return `${new Date(time).toISOString()},${((index * 7919) % 1000) / 10}`;
  });
  const folder = createLeewayFolder({
    "leeway.yaml": JSON.stringify({
      models: ["*.model.yaml"],
      // Old windows are replayed: ages count from their events.
      clock: "watermark",
      idle_after: "1s",
      kafka: {
        brokers: inject("kafkaBrokers"),
        group_id: topics.groupId,
        topics: { events: [topics.events], labels: [topics.labels], dead_letters: topics.deadLetters },
      },
      store: { url, database: facts.database, ...(token !== undefined && { user: "default", password: token }) },
      http: { listen: "127.0.0.1:0" },
      collector: { flush_age: "200ms" },
      detector: { poll_interval: "200ms" },
      alerting: { poll_interval: "200ms", group_wait: "0s" },
      receivers: [{ name: "ops", webhook: { url: `${webhook}/alerts` } }],
      route: { receiver: "ops" },
    }),
    "fares.model.yaml": JSON.stringify({
      model: "fares",
      features: { amount: { type: "numeric" } },
      baseline: { kind: "file", path: "reference.csv", time: "event_time" },
      monitoring: { window: "1d", allowed_lateness: "0s" },
    }),
    "reference.csv": `event_time,amount\n${rows.join("\n")}\n`,
  });
  resources.use(folder);
  const held = resources.move();
  return { folder, topics, kafka, facts, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** A day's events, `daysAgo` days before today. */
function dayOf(daysAgo: number, amount: (index: number) => number | null, traceparent: (index: number) => string) {
  return Array.from({ length: rowsPerDay }, (_, index): Message => {
    const event_time = today - daysAgo * dayMs + (index / rowsPerDay) * dayMs;
    const features = { amount: amount(index) };
    const message = eventMessage(`${daysAgo}-${index}`, { model: "fares", event_time, features, scores: {} });
    return { ...message, headers: { traceparent: traceparent(index) } };
  });
}

const otelTo = (url: string) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: url,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  OTEL_BSP_SCHEDULE_DELAY: "100",
});

test("one trace leads from the producer of an event to the person who is told", async () => {
  await using otlp = await startOtlpReceiver();
  await using webhook = await startWebhookReceiver();
  await using parts = await monitoredFolder(webhook.url);
  const { folder, topics, kafka, facts } = parts;
  await using leeway = folder.start(["serve"], { ...otelTo(otlp.url), OTEL_SERVICE_NAME: "leeway-test" });
  await leeway.url;

  // A quiet day of many requests, each in a trace of its own.
  await kafka.send(
    topics.events,
    dayOf(
      3,
      (index) => ((index * 31) % 1000) / 10,
      (index) => trace(index + 1, 1),
    ),
  );
  const isBatch = ({ name }: { readonly name: string }) => name === `process ${topics.events}`;
  const counted = (spans: typeof otlp.spans) =>
    spans.filter(isBatch).reduce((sum, { attributes }) => sum + Number(attributes["leeway.rows"]), 0);
  await otlp.until((spans) => counted(spans) === rowsPerDay);
  const crowded = otlp.spans.find((span) => isBatch(span) && span.links.length > 1);
  expect(crowded?.parentSpanId).toBe("");
  expect(crowded?.links.length).toBeLessThanOrEqual(128);
  expect(crowded?.links[0]).toEqual({ traceId: traceIdOf(trace(1, 1)), spanId: spanIdOf(trace(1, 1)) });
  expect(crowded?.kind).toBe(5);
  expect(crowded?.endMs).toBeGreaterThanOrEqual(crowded?.startMs ?? Infinity);
  expect(crowded?.resource).toMatchObject({ "service.name": "leeway-test" });

  // Then a job that is one trace sends a day without amounts, and the next day begins.
  const producer = trace(0xf00d, 7);
  await kafka.send(topics.events, [
    ...dayOf(
      2,
      () => null,
      () => producer,
    ),
    eventMessage("later", { model: "fares", event_time: today - dayMs + hourMs, features: { amount: 1 }, scores: {} }),
  ]);
  await webhook.count(1);
  const [told] = webhook.requests;
  expect(told?.body).toMatchObject({ reason: "opened", incident: { model: "fares" } });
  const carried = String(told?.headers["traceparent"]);
  expect(isTraceparent(carried)).toBe(true);
  expect(traceIdOf(carried)).toBe(traceIdOf(producer));

  await otlp.until((spans) => spans.some(({ spanId }) => spanId === spanIdOf(carried)));
  const span = (spanId: string) => otlp.spans.find((one) => one.spanId === spanId);
  const notification = span(spanIdOf(carried));
  const finding = span(notification?.parentSpanId ?? "");
  const batch = span(finding?.parentSpanId ?? "");
  expect([notification, finding, batch].map((one) => [one?.name, one?.traceId])).toEqual([
    ["notify", traceIdOf(producer)],
    ["open finding", traceIdOf(producer)],
    [`process ${topics.events}`, traceIdOf(producer)],
  ]);
  expect(batch?.parentSpanId).toBe(spanIdOf(producer));
  expect(notification?.attributes).toMatchObject({ "leeway.receiver": "ops", "leeway.reason": "opened" });
  expect(finding?.attributes).toMatchObject({
    "leeway.model": "fares",
    "leeway.series": "amount",
    "leeway.signal": "missing",
    "leeway.example.trace_id": traceIdOf(producer),
  });

  // What is logged meanwhile names the span.
  const delivered = await eventually(
    async () => logLines(leeway.stderrSoFar()).find(({ msg }) => msg === "notification delivered"),
    (line) => line !== undefined,
  );
  expect(delivered).toMatchObject({ trace_id: traceIdOf(producer), span_id: spanIdOf(carried) });

  // Events are found by their trace, whether or not the payload names it.
  const [named] = await facts.query(
    "SELECT count() AS events, uniqExact(trace_id) AS traces FROM events WHERE trace_id != ''",
  );
  expect(named).toEqual({ events: 2 * rowsPerDay, traces: rowsPerDay + 1 });

  leeway.kill("SIGTERM");
  const end = await leeway.ended;
  expect(end.code).toBe(143);
  expect(logLines(end.stderr).filter(({ msg }) => msg.startsWith("OpenTelemetry"))).toEqual([]);
});

test("an OpenTelemetry collector that is not there costs one line of the log, and no event", async () => {
  await using parts = await monitoredFolder("http://127.0.0.1:1");
  const { folder, topics, kafka } = parts;
  // One that accepts and never answers is worse than one that refuses.
  const mute = createServer(() => {}).listen(0, "127.0.0.1");
  await once(mute, "listening");
  await using leeway = folder.start(["serve", "--roles", "collector"], {
    ...otelTo(`http://127.0.0.1:${(mute.address() as AddressInfo).port}`),
    OTEL_EXPORTER_OTLP_TIMEOUT: "300",
    OTEL_BSP_EXPORT_TIMEOUT: "300",
  });
  const url = await leeway.url;
  const complaintsOf = (stderr: string) => logLines(stderr).filter(({ msg }) => msg.startsWith("OpenTelemetry"));
  const day = dayOf(
    3,
    (index) => index % 100,
    () => trace(1, 1),
  );
  await kafka.send(topics.events, day.slice(0, 100));
  await untilStored(url, topics.events, 100);
  await eventually(
    async () => complaintsOf(leeway.stderrSoFar()),
    (lines) => lines.length > 0,
  );
  // Each of these is a batch whose span is lost as well.
  for (let at = 100; at < 400; at += 100) {
    await kafka.send(topics.events, day.slice(at, at + 100));
    await untilStored(url, topics.events, at + 100);
  }
  leeway.kill("SIGTERM");
  const end = await leeway.ended;
  mute.close();
  expect(end.code).toBe(143);
  expect(complaintsOf(end.stderr)).toHaveLength(1);
});

test("without OTEL_* nothing is traced, and an event keeps the trace that its header names", async () => {
  await using parts = await monitoredFolder("http://127.0.0.1:1");
  const { folder, topics, kafka, facts } = parts;
  await using leeway = folder.start(["serve", "--roles", "collector"]);
  const url = await leeway.url;
  const own = "4bf92f3577b34da6a3ce929d0e0e4736";
  await kafka.send(topics.events, [
    { ...eventMessage("header", { model: "fares" }), headers: { traceparent: trace(5, 1) } },
    { ...eventMessage("payload", { model: "fares", trace_id: own }), headers: { traceparent: trace(5, 1) } },
    { ...eventMessage("neither", { model: "fares" }), headers: { traceparent: "00-not-a-trace" } },
  ]);
  await untilStored(url, topics.events, 3);
  expect(await facts.query("SELECT event_id, trace_id, batch_traceparent FROM events ORDER BY event_id")).toEqual([
    { event_id: "header", trace_id: traceIdOf(trace(5, 1)), batch_traceparent: "" },
    { event_id: "neither", trace_id: "", batch_traceparent: "" },
    { event_id: "payload", trace_id: own, batch_traceparent: "" },
  ]);
  expect(leeway.stderrSoFar()).not.toContain("trace_id");
});

/** Resolves once so many messages of a topic have become rows. */
async function untilStored(url: string, topic: string, rows: number): Promise<void> {
  await eventually(
    async () => (await fetch(`${url}/metrics`)).text(),
    (metrics) => metrics.includes(`leeway_messages_stored_total{topic="${topic}"} ${rows}\n`),
  );
}

interface LogLine {
  readonly msg: string;
  readonly trace_id?: string;
  readonly span_id?: string;
}

function logLines(stderr: string): readonly LogLine[] {
  return stderr
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as LogLine);
}
