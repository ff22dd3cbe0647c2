import { createHash } from "node:crypto";
import { Registry } from "prom-client";
import { type Alerting, createAlerting } from "../../alerting/alerting.ts";
import { createAlertingMetrics } from "../../alerting/metrics.ts";
import { startWebhookReceiver, type WebhookReceiver } from "../../alerting/testing/webhook-receiver.ts";
import { createManualClock, systemClock } from "../../core/clock.ts";
import { createFeatureSchema } from "../../core/feature-schema.ts";
import { silentLogger } from "../../core/logger.ts";
import { dayMs } from "../../core/window.ts";
import { createDetector } from "../../detectors/detector.ts";
import { testModel } from "../../detectors/testing/model.ts";
import type { Facts } from "../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import { createTestDatabase } from "../../store/facts/test-database.ts";
import { generateEvents, normalSql } from "../../store/facts/test-events.ts";
import { openState } from "../../store/state/state.ts";
import { createReadiness } from "../http/readiness.ts";
import { startHttpServer } from "../http/server.ts";
import { createLog } from "../telemetry/log.ts";
import { createRegistry, createServiceMetrics } from "../telemetry/metrics.ts";

const baselineDays = 14;
const rowsPerDay = 500;

/** Detector, alerting and the API in this process, over days of events of a model `m` that its detector really judges. */
export interface ActingService extends AsyncDisposable {
  readonly url: string;
  readonly facts: Facts;
  readonly alerting: Alerting;
  readonly receiver: WebhookReceiver;
  /** Start of a live day, counted from 0. */
  readonly dayMs: (day: number) => number;
  /** Stores so many further days with this mean (the baseline's is 100), decides them, and tells what is to be told. */
  readonly live: (days: number, mean: number) => Promise<void>;
}

/** @param options.token Where set, the API wants it; its holder is `grace`. */
export async function startActingService(options: { readonly token?: string } = {}): Promise<ActingService> {
  await using resources = new AsyncDisposableStack();
  const facts = resources.use(await createTestDatabase());
  const receiver = resources.use(await startWebhookReceiver());
  // Near the present: tables expire by evaluation time.
  const liveMs = Math.floor(Date.now() / dayMs) * dayMs - 26 * dayMs;
  const startMs = liveMs - baselineDays * dayMs;
  const schema = createFeatureSchema("m", [{ name: "amount", type: "numeric" }]);
  await writeFeatureSchemas(facts, [schema], startMs);
  const model = testModel({
    features: [{ name: "amount", type: "numeric", unit: null }],
    baseline: { kind: "range", fromMs: startMs, toMs: liveMs },
    // Whatever was stored is all there is: partitions are idle at once.
    monitoring: { idleAfterMs: 0 },
  });
  let days = 0;
  const store = async (count: number, mean: number) => {
    const first = days * rowsPerDay;
    days += count;
    await generateEvents(facts, {
      model: "m",
      schemaId: schema.schemaId,
      fromMs: startMs,
      stepMs: dayMs / rowsPerDay,
      count: days * rowsPerDay,
      where: `i >= ${first}`,
      num: [`${normalSql(1)} * 20 + ${mean}`],
    });
  };
  await store(baselineDays, 100);

  const detector = resources.use(
    createDetector({
      facts,
      models: () => [model],
      serviceClock: "watermark",
      pollIntervalMs: 1000,
      lateCheckIntervalMs: 0,
      clock: systemClock,
      log: silentLogger,
      metrics: null,
    }),
  );
  const registry = createRegistry({ version: "0", roles: ["alerting"] });
  const state = resources.use(openState(":memory:"));
  const clock = createManualClock(startMs);
  const alerting = resources.use(
    createAlerting({
      facts,
      state,
      models: () => [model],
      receivers: [{ name: "ops", webhook: { url: receiver.url, timeout: "2s" } }],
      route: { receiver: "ops" },
      externalUrl: "http://127.0.0.1:8686",
      clock,
      log: silentLogger,
      metrics: createAlertingMetrics(new Registry()),
      pollIntervalMs: 10,
      groupWaitMs: 0,
      notifyMaxAgeMs: 400 * dayMs,
      retry: { baseMs: 5, maxMs: 20, maxAttempts: 50 },
    }),
  );
  const { token } = options;
  const http = resources.use(
    await startHttpServer({
      config: {
        host: "127.0.0.1",
        port: 0,
        externalUrl: null,
        tokens: token === undefined ? null : [{ name: "grace", sha256: createHash("sha256").update(token).digest() }],
      },
      registry,
      metrics: createServiceMetrics(registry),
      readiness: createReadiness(),
      models: () => [model],
      incidents: () => alerting.incidents,
      actions: () => alerting.actions,
      log: createLog({ level: "silent" }),
    }),
  );
  const pass = async () => {
    // As alerting's loop does meanwhile: what people did reaches ClickHouse, where the detector reads it.
    await alerting.idle();
    const report = await detector.pass();
    for (const one of report.models) if (one.failure !== null) throw one.failure;
    clock.set(startMs + days * dayMs);
    await alerting.idle();
  };
  const held = resources.move();
  return {
    url: http.url,
    facts,
    alerting,
    receiver,
    dayMs: (day) => liveMs + day * dayMs,
    live: async (count, mean) => {
      await store(count, mean);
      await pass();
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
