import { createHash } from "node:crypto";
import { Registry } from "prom-client";
import { createAlerting } from "../../../alerting/alerting.ts";
import { createAlertingMetrics } from "../../../alerting/metrics.ts";
import { startWebhookReceiver } from "../../../alerting/testing/webhook-receiver.ts";
import { createManualClock, systemClock } from "../../../core/clock.ts";
import { createFeatureSchema } from "../../../core/feature-schema.ts";
import { silentLogger } from "../../../core/logger.ts";
import type { ModelSpec } from "../../../core/model.ts";
import { dayMs, hourMs } from "../../../core/window.ts";
import { createDetector } from "../../../detectors/detector.ts";
import { testModel } from "../../../detectors/testing/model.ts";
import type { Facts } from "../../../store/facts/client.ts";
import { writeFeatureSchemas } from "../../../store/facts/feature-schemas.ts";
import { generateEvents, normalSql, uniformSql } from "../../../store/facts/test-events.ts";
import { openState } from "../../../store/state/state.ts";
import { createReadiness } from "../../http/readiness.ts";
import { startHttpServer } from "../../http/server.ts";
import { createLog } from "../../telemetry/log.ts";
import { createRegistry, createServiceMetrics } from "../../telemetry/metrics.ts";

const rowsPerDay = 1000;
const baselineDays = 14;
const liveDays = 12;
/** Days before the first live one are the baseline; the last live day is yesterday. */
const liveMs = Math.floor(Date.now() / dayMs) * dayMs - liveDays * dayMs;
const startMs = liveMs - baselineDays * dayMs;

/** Nothing but its name is wrong with this feature. */
export const hostileName = `<script>alert("pwned")</script>`;

const loanFields = [
  { name: "amount", type: "numeric" },
  { name: "age", type: "numeric" },
  { name: "city", type: "categorical" },
  { name: hostileName, type: "categorical" },
  { name: "weekday", type: "categorical" },
] as const;
const loanSchema = createFeatureSchema("loan-approval", loanFields);
const cardSchema = createFeatureSchema("card-fraud", [{ name: "amount", type: "numeric" }]);
const newSchema = createFeatureSchema("brand-new", [{ name: "amount", type: "numeric" }]);

const baseline = { kind: "range", fromMs: startMs, toMs: liveMs } as const;
// Whatever was stored is all there is: partitions are idle at once.
const monitoring = { idleAfterMs: 0 };

const fixtureModels: readonly ModelSpec[] = [
  testModel({
    name: "loan-approval",
    tags: { team: "credit", tier: "critical" },
    features: loanFields.map((field) => ({ ...field, unit: field.name === "amount" ? "EUR" : null })),
    cohorts: [{ attribute: "region", watch: false }],
    baseline,
    monitoring,
  }),
  testModel({ name: "card-fraud", features: [{ name: "amount", type: "numeric", unit: null }], baseline, monitoring }),
  testModel({ name: "brand-new", origin: "learning", task: { kind: "unknown" }, monitoring }),
  testModel({ name: "never-called", baseline, monitoring }),
];

const amount = `${normalSql(1)} * 20 + 100`;
const region = `if(${uniformSql(5)} < 0.3, 'north', 'south')`;
const city = `['Oslo', 'Bergen', 'Tromsø'][1 + toUInt8(pow(${uniformSql(3)}, 2) * 3)]`;

/**
 * The page over real stored data: three models with events, decided by a detector and told by alerting. In `loan-approval`
 * the south's amounts rise on the fifth live day, the scores with them; on the ninth cities begin to go missing.
 *
 * @param facts Migrated and empty.
 */
export async function startPageFixture(facts: Facts, options: { readonly token?: string } = {}) {
  await using resources = new AsyncDisposableStack();
  await writeFeatureSchemas(facts, [loanSchema, cardSchema, newSchema], startMs);
  await fill(facts);

  const clock = createManualClock(Date.now());
  const models = () => fixtureModels;
  const detector = resources.use(
    createDetector({
      facts,
      models,
      serviceClock: "watermark",
      pollIntervalMs: 1000,
      clock,
      log: silentLogger,
      metrics: null,
    }),
  );
  const report = await detector.pass();
  for (const one of report.models) if (one.failure !== null) throw one.failure;

  const receiver = resources.use(
    await startWebhookReceiver((_, path) => (path === "/broken" ? { status: 404 } : "ok")),
  );
  const state = resources.use(openState(":memory:"));
  const alerting = resources.use(
    createAlerting({
      facts,
      state,
      models,
      receivers: [
        { name: "credit-team", webhook: { url: receiver.url, timeout: "10s" } },
        { name: "old-pager", webhook: { url: `${receiver.url}/broken`, timeout: "10s" } },
      ],
      route: {
        receiver: "credit-team",
        routes: [{ match: { severity: "page" }, receiver: "old-pager", continue: true }, { receiver: "credit-team" }],
      },
      externalUrl: "http://127.0.0.1:8686",
      clock,
      log: silentLogger,
      metrics: createAlertingMetrics(new Registry()),
      pollIntervalMs: 1000,
      groupWaitMs: 0,
      notifyMaxAgeMs: 60 * dayMs,
      retry: { baseMs: 1, maxMs: 2, maxAttempts: 3 },
    }),
  );
  await alerting.idle();

  const registry = createRegistry({ version: "0", roles: ["alerting"] });
  const serve = async (config: { readonly token?: string; readonly empty?: boolean }) =>
    startHttpServer({
      config: {
        host: "127.0.0.1",
        port: 0,
        externalUrl: null,
        tokens:
          config.token === undefined
            ? null
            : [{ name: "night-shift", sha256: createHash("sha256").update(config.token).digest() }],
      },
      registry,
      metrics: createServiceMetrics(createRegistry({ version: "0", roles: [] })),
      readiness: createReadiness(),
      models,
      incidents: () => alerting.incidents,
      actions: () => alerting.actions,
      page: () => ({
        facts,
        models: config.empty === true ? () => [] : models,
        incidents: () => alerting.incidents,
        clock: systemClock,
        serviceClock: "watermark",
        url: "http://127.0.0.1:8686",
      }),
      log: createLog({ level: "silent" }),
    });
  const server = resources.use(await serve(options));
  const held = resources.move();
  return {
    url: server.url,
    alerting,
    /** Another server over the same data. */
    serve,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function fill(facts: Facts): Promise<void> {
  const all = (baselineDays + liveDays) * rowsPerDay;
  const day = `intDiv(i, ${rowsPerDay}) - ${baselineDays}`;
  const moved = `(${day} >= 4 AND ${region} = 'south')`;
  const score = `least(0.99, ${uniformSql(4)} * 0.5 + if(${moved}, 0.12, 0))`;
  await generateEvents(facts, {
    model: "loan-approval",
    schemaId: loanSchema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: all,
    num: [`${amount} + if(${moved}, 25, 0)`, `floor(${uniformSql(2)} * 60) + 18`],
    cat: [
      `if(${day} >= 8 AND ${uniformSql(9)} < 0.06, NULL, ${city})`,
      `if(${uniformSql(6)} < 0.5, '<b>yes</b>', 'no')`,
      `toString(intDiv(i, ${rowsPerDay}) % 7)`,
    ],
    version: `if(${day} < 7, '2026-01', '2026-02')`,
    score,
    predictionClass: `if(${score} > 0.4, 'yes', 'no')`,
    cohorts: { region },
  });
  await facts.command(
    `INSERT INTO labels (environment, model, label_time, event_id, label_class, ingest_time, expires_on)
     SELECT environment, model, event_time + INTERVAL 1 HOUR, event_id, if((sipHash64(event_id) % 100) < 85, prediction_class, 'no'),
       event_time, expires_on FROM events WHERE model = 'loan-approval' AND sipHash64(event_id, 1) % 10 < 7`,
    {},
    { async_insert: 0 },
  );
  await generateEvents(facts, {
    model: "card-fraud",
    schemaId: cardSchema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: all,
    num: [normalSql(7)],
    score: `${uniformSql(8)} * 0.2`,
    version: "'v3'",
  });
  await generateEvents(facts, {
    model: "brand-new",
    schemaId: newSchema.schemaId,
    fromMs: liveMs + (liveDays - 3) * dayMs,
    stepMs: 3 * hourMs,
    count: 24,
    num: [normalSql(11)],
  });
}
