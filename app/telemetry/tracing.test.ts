import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { LeewayError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import { formatTraceparent, isSampled, spanIdOf, traceIdOf } from "../../core/traceparent.ts";
import { startOtlpReceiver } from "../testing/otlp-receiver.ts";
import { startTracing, wantsTracing } from "./tracing.ts";

const endpoint = "http://127.0.0.1:4318";

test.each<[boolean, string, Readonly<Record<string, string>>]>([
  [false, "nothing", {}],
  [
    false,
    "a name alone, which clusters set for everybody",
    { OTEL_SERVICE_NAME: "x", OTEL_RESOURCE_ATTRIBUTES: "a=b" },
  ],
  [false, "an endpoint that is empty", { OTEL_EXPORTER_OTLP_ENDPOINT: " " }],
  [false, "an endpoint for metrics", { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: endpoint }],
  [false, "no exporter", { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_EXPORTER: "none" }],
  [false, "the SDK forbidden", { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: "TRUE" }],
  [true, "an endpoint", { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }],
  [true, "an endpoint for traces", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces` }],
  [true, "an exporter", { OTEL_TRACES_EXPORTER: "console" }],
])("traces are wanted: %s, by %s", (wanted, _, environment) => {
  expect(wantsTracing(environment)).toBe(wanted);
});

/** What of OpenTelemetry a process loads that has everything `leeway serve` has. */
async function loadedBy(environment: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = new Set();
    registerHooks({
      resolve: (specifier, context, next) => {
        // prom-client has the API for its exemplars, whatever we do.
        const ours = !context.parentURL?.includes("/prom-client/");
        if (ours && specifier.startsWith("@opentelemetry/")) loaded.add(specifier);
        return next(specifier, context);
      },
    });
    await import("./app/lifecycle/serve.ts");
    const { startTracing } = await import("./app/telemetry/tracing.ts");
    const ignore = () => {};
    const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
    await using tracing = await startTracing({ environment: process.env, version: "0", log });
    await tracing.span("work", {}, async () => {});
    process.stdout.write(JSON.stringify([...loaded]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
    cwd: new URL("../..", import.meta.url),
    env: environment,
  });
  return JSON.parse(stdout) as string[];
}

test("without OTEL_* no part of OpenTelemetry is loaded", async () => {
  expect(await loadedBy({})).toEqual([]);
  expect(await loadedBy({ OTEL_TRACES_EXPORTER: "otlp", OTEL_TRACES_SAMPLER: "always_off" })).toContain(
    "@opentelemetry/sdk-node",
  );
}, 60_000);

test("a span has its parent, its links and what went wrong; what is active is in the log; the end sends all", async () => {
  await using receiver = await startOtlpReceiver();
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url);
  vi.stubEnv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
  vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "600000");
  const tracing = await startTracing({ environment: process.env, version: "1", log: silentLogger });
  const startMs = Date.now() - 5_000;
  const remote = (digit: string, sampled: boolean) =>
    formatTraceparent({ traceId: digit.repeat(32), spanId: digit.repeat(16), sampled });

  expect(tracing.logFields()).toEqual({});
  const failure = new LeewayError("store_busy", "it says what a message held");
  const failed = tracing.span("outer", { parent: remote("a", true), links: [remote("b", false)] }, async (outer) => {
    const here = { trace_id: "a".repeat(32), span_id: spanIdOf(outer.traceparent ?? "") };
    expect(tracing.logFields()).toEqual(here);
    // Whoever is given the fields may write into them.
    Object.assign(tracing.logFields(), { msg: "of one line" });
    expect(tracing.logFields()).toEqual(here);
    await tracing.span("inner", { kind: "client", attributes: { "leeway.rows": 3 }, startMs }, async (inner) => {
      expect(traceIdOf(inner.traceparent ?? "")).toBe("a".repeat(32));
      inner.set({ "leeway.findings.open": 1 });
      inner.fail("HTTP 503");
    });
    throw failure;
  });
  await expect(failed).rejects.toBe(failure);
  // The producer's decision holds: what it does not record is not recorded here, and says so to those who come after.
  await tracing.span("unrecorded", { parent: remote("c", false) }, async ({ traceparent }) => {
    expect(isSampled(traceparent ?? "")).toBe(false);
    expect(traceIdOf(traceparent ?? "")).toBe("c".repeat(32));
  });
  expect(receiver.spans).toEqual([]);
  await tracing[Symbol.asyncDispose]();

  const [inner, outer, ...others] = receiver.spans;
  expect(others).toEqual([]);
  expect(outer).toMatchObject({
    name: "outer",
    parentSpanId: "a".repeat(16),
    links: [{ traceId: "b".repeat(32), spanId: "b".repeat(16) }],
    attributes: { "error.type": "store_busy" },
    status: { code: 2, message: "store_busy" },
    resource: { "service.name": "leeway" },
  });
  expect(inner).toMatchObject({
    name: "inner",
    kind: 3,
    parentSpanId: outer?.spanId,
    startMs,
    status: { code: 2, message: "HTTP 503" },
  });
  expect(inner?.attributes).toEqual({ "leeway.rows": 3, "leeway.findings.open": 1 });
  vi.unstubAllEnvs();
}, 60_000);
