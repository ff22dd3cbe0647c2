/** What the tests of the way over HTTP share: a source on a store of their own, and what came out of it. */
import { Registry } from "prom-client";
import { systemClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import { dayMs } from "../../core/window.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { type CollectorMetrics, createCollectorMetrics } from "../metrics.ts";
import { type BatchMaker, type BatchMakerOptions, createBatchMaker } from "../partition-batch.ts";
import { createHttpSource, type HttpSource, type RequestSink } from "../sources/http.ts";
import { createStoreSink } from "../sources/http-store.ts";

export interface TestHttpSource extends HttpSource {
  readonly metrics: CollectorMetrics;
  /** Sum of a counter by `topic`, and by reason where there is one. */
  counted(name: string): Promise<Record<string, number>>;
}

export async function startTestSource(options: {
  readonly facts: Facts;
  /** Without one, the store's. */
  readonly sink?: (parts: { readonly batchMaker: BatchMaker; readonly metrics: CollectorMetrics }) => RequestSink;
  readonly decoding?: Partial<BatchMakerOptions>;
  readonly maxBufferedBytes?: number;
  readonly learnt?: () => void;
}): Promise<TestHttpSource> {
  const { facts } = options;
  const registry = new Registry();
  const metrics = createCollectorMetrics(registry);
  const batchMaker = createBatchMaker({
    discovery: "auto",
    models: [],
    knownSchemas: await readFeatureSchemas(facts).catch(() => []),
    caps: { maxModels: 100, maxFeatures: 100 },
    maxValueBytes: 1_000_000,
    maxEventAgeMs: 800 * dayMs,
    defaultRetentionDays: 90,
    clock: systemClock,
    ...options.decoding,
  });
  const sink =
    options.sink?.({ batchMaker, metrics }) ??
    createStoreSink({ facts, batchMaker, clock: systemClock, metrics, learnt: options.learnt ?? (() => {}) });
  const source = createHttpSource({
    sink,
    facts,
    maxBufferedBytes: options.maxBufferedBytes ?? 64 * 1024 * 1024,
    clock: systemClock,
    log: silentLogger,
    metrics,
  });
  return {
    ...source,
    metrics,
    async counted(name) {
      const metric = await registry.getSingleMetric(name)?.get();
      return Object.fromEntries(
        (metric?.values ?? []).map(({ labels, value }) => [
          [labels["topic"], labels["reason"]].filter((label) => label !== undefined).join(" "),
          value,
        ]),
      );
    },
  };
}

export interface TestRequest {
  readonly kind: "events" | "labels";
  readonly messages: readonly Buffer[];
  readonly body: Buffer;
  readonly idempotencyKey: string | null;
}

export function requestOf(
  messages: readonly (object | string)[],
  changes: Partial<Pick<TestRequest, "kind" | "idempotencyKey">> = {},
): TestRequest {
  const texts = messages.map((message) => (typeof message === "string" ? message : JSON.stringify(message)));
  return {
    kind: "events",
    idempotencyKey: null,
    ...changes,
    messages: texts.map((text) => Buffer.from(text)),
    body: Buffer.from(texts.join("\n")),
  };
}

export function testEvent(id: string, changes: Readonly<Record<string, unknown>> = {}): object {
  return {
    event_id: id,
    model: "delay",
    event_time: Date.now(),
    features: { hour: 7, origin: "ORD" },
    prediction: "late",
    ...changes,
  };
}
