import type { Span as ApiSpan } from "@opentelemetry/api";
import { LeewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { formatTraceparent, isSampled, spanIdOf, traceIdOf } from "../../core/traceparent.ts";
import { noTracing, type Span, type SpanOptions, type Tracing } from "../../core/tracing.ts";

/** The tracing of one process. Disposing it sends what waits. */
export interface ServiceTracing extends Tracing, AsyncDisposable {
  /**
   * `trace_id` and `span_id` of the span that is active here, for a line of the log; nothing outside of spans. Each call
   * gives an object of its own: pino writes the line's other fields into it.
   */
  readonly logFields: () => { readonly trace_id?: string; readonly span_id?: string };
}

export const tracingOff: ServiceTracing = {
  ...noTracing,
  logFields: () => ({}),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** A collector that does not answer must not hold a service that ends. */
const flushTimeoutMs = 3_000;
/** What OpenTelemetry complains of is said again after so long, not with each batch. */
const repeatComplaintMs = 3_600_000;

/**
 * Whether the environment asks for traces: it names where they go, `OTEL_EXPORTER_OTLP_ENDPOINT`,
 * `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_TRACES_EXPORTER`, and does not forbid them. `OTEL_SERVICE_NAME` and the like
 * alone do not: clusters set them for everybody, and nobody would listen at the default address.
 */
export function wantsTracing(environment: NodeJS.ProcessEnv): boolean {
  const given = (name: string) => environment[name]?.trim() ?? "";
  const exporter = given("OTEL_TRACES_EXPORTER");
  if (given("OTEL_SDK_DISABLED").toLowerCase() === "true" || exporter === "none") return false;
  return [exporter, given("OTEL_EXPORTER_OTLP_ENDPOINT"), given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")].some(
    (value) => value !== "",
  );
}

/**
 * Starts OpenTelemetry's SDK as the environment says (every `OTEL_*` variable that concerns traces is the SDK's own), or
 * nothing: then the SDK is not even loaded. Spans are sent in the background; what cannot be sent is dropped, and
 * said once an hour.
 *
 * @param options.environment The SDK reads `process.env`; this decides whether it is started.
 */
export async function startTracing(options: {
  readonly environment: NodeJS.ProcessEnv;
  readonly version: string;
  readonly log: Logger;
}): Promise<ServiceTracing> {
  const { environment, version, log } = options;
  if (!wantsTracing(environment)) return tracingOff;
  const [api, { NodeSDK }] = await Promise.all([import("@opentelemetry/api"), import("@opentelemetry/sdk-node")]);
  const sdk = new NodeSDK({
    ...(!namesService(environment) && { serviceName: "leeway" }),
    // Metrics have a way of their own (Prometheus), and so have logs.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  const level = environment["OTEL_LOG_LEVEL"]?.trim().toUpperCase() ?? "";
  api.diag.setLogger(diagnostics(log), {
    logLevel: Object.hasOwn(api.DiagLogLevel, level)
      ? api.DiagLogLevel[level as keyof typeof api.DiagLogLevel]
      : api.DiagLogLevel.WARN,
    suppressOverrideMessage: true,
  });
  sdk.start();
  const tracer = api.trace.getTracer("leeway", version);
  const kinds = {
    internal: api.SpanKind.INTERNAL,
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    consumer: api.SpanKind.CONSUMER,
    producer: api.SpanKind.PRODUCER,
  };

  const remote = (traceparent: string) => ({
    traceId: traceIdOf(traceparent),
    spanId: spanIdOf(traceparent),
    traceFlags: isSampled(traceparent) ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE,
    isRemote: true,
  });
  const spanOf = (span: ApiSpan): Span => {
    const { traceId, spanId, traceFlags } = span.spanContext();
    const sampled = (traceFlags & api.TraceFlags.SAMPLED) !== 0;
    return {
      traceparent: formatTraceparent({ traceId, spanId, sampled }),
      set: (attributes) => void span.setAttributes(attributes),
      fail: (reason) => void span.setStatus({ code: api.SpanStatusCode.ERROR, message: reason }),
    };
  };

  return {
    enabled: true,
    async span<Result>(name: string, of: SpanOptions, work: (span: Span) => Promise<Result>): Promise<Result> {
      const { kind = "internal", parent = null, links = [], attributes, startMs } = of;
      const active = api.context.active();
      const span = tracer.startSpan(
        name,
        {
          kind: kinds[kind],
          links: links.map((link) => ({ context: remote(link) })),
          ...(attributes !== undefined && { attributes }),
          ...(startMs !== undefined && { startTime: startMs }),
        },
        parent === null ? active : api.trace.setSpanContext(active, remote(parent)),
      );
      const described = spanOf(span);
      try {
        return await api.context.with(api.trace.setSpan(active, span), () => work(described));
      } catch (error) {
        // Its type alone: what an error says may hold what a message held.
        const type = error instanceof LeewayError ? error.code : error instanceof Error ? error.name : typeof error;
        span.setAttribute("error.type", type);
        described.fail(type);
        throw error;
      } finally {
        span.end();
      }
    },
    logFields: () => {
      const context = api.trace.getActiveSpan()?.spanContext();
      return context === undefined ? {} : { trace_id: context.traceId, span_id: context.spanId };
    },
    async [Symbol.asyncDispose]() {
      const { promise: late, resolve } = Promise.withResolvers<"late">();
      const timer = setTimeout(() => resolve("late"), flushTimeoutMs);
      const sent = sdk.shutdown().catch((error: unknown) => {
        log.warn({ error: String(error) }, "the last spans were not sent");
      });
      if ((await Promise.race([sent, late])) === "late") {
        log.warn(
          { afterMs: flushTimeoutMs },
          "the last spans were not sent: the OpenTelemetry collector does not answer",
        );
      }
      clearTimeout(timer);
    },
  };
}

/** The SDK takes a name from either; one given in code would win over both. */
function namesService(environment: NodeJS.ProcessEnv): boolean {
  const attributes = environment["OTEL_RESOURCE_ATTRIBUTES"] ?? "";
  return (environment["OTEL_SERVICE_NAME"] ?? "") !== "" || /(^|,)\s*service\.name\s*=/.test(attributes);
}

/** What OpenTelemetry says of itself, in the service's log; the same complaint at most once an hour. */
function diagnostics(log: Logger) {
  const saidAtMs = new Map<string, number>();
  const complain = (...said: readonly unknown[]) => {
    const detail = diagnosis(said);
    // Ports and times differ from one failure to the next.
    const key = detail.replaceAll(/\d+/g, "0");
    const nowMs = performance.now();
    if (nowMs - (saidAtMs.get(key) ?? -repeatComplaintMs) < repeatComplaintMs) return;
    saidAtMs.set(key, nowMs);
    log.warn({ detail }, "OpenTelemetry: spans may be missing; see OTEL_EXPORTER_OTLP_ENDPOINT (said once an hour)");
  };
  const remark = (...said: readonly unknown[]) => log.debug({ detail: diagnosis(said) }, "OpenTelemetry");
  return { error: complain, warn: complain, info: remark, debug: remark, verbose: remark };
}

/** The SDK's error handler says an error as JSON, stack included; its message is enough. */
function diagnosis(said: readonly unknown[]): string {
  const text = said.map((part) => (part instanceof Error ? part.message : String(part))).join(" ");
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string" && message !== "") return message.slice(0, 300);
  } catch {
    // Plain text.
  }
  return text.slice(0, 300);
}
