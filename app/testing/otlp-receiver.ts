import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A span as it came over OTLP, its ids in hex. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it has none. */
  readonly parentSpanId: string;
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2 is an error. */
  readonly status: { readonly code?: number; readonly message?: string };
  readonly startMs: number;
  readonly endMs: number;
  /** Of the process that sent it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface OtlpReceiver extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Resolves with the spans once they are as wanted. */
  readonly until: (wanted: (spans: readonly ReceivedSpan[]) => boolean) => Promise<readonly ReceivedSpan[]>;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Request {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

interface WireSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly links?: ReceivedSpan["links"];
  readonly attributes?: readonly Attribute[];
  readonly status?: ReceivedSpan["status"];
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

/** Takes traces by OTLP over HTTP in JSON (`OTEL_EXPORTER_OTLP_PROTOCOL=http/json`), on loopback. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const arrived = new EventTarget();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.url !== "/v1/traces" || request.headers["content-type"] !== "application/json") {
        response.writeHead(404).end();
        return;
      }
      for (const { resource, scopeSpans } of (JSON.parse(Buffer.concat(chunks).toString()) as Request).resourceSpans) {
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push(received(span, resource.attributes));
      }
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
      arrived.dispatchEvent(new Event("spans"));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    until: async (wanted) => {
      while (!wanted(spans)) await once(arrived, "spans");
      return spans;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function received(span: WireSpan, resource: readonly Attribute[]): ReceivedSpan {
  return {
    name: span.name,
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? "",
    kind: span.kind,
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
    attributes: valuesOf(span.attributes ?? []),
    status: span.status ?? {},
    startMs: wholeMs(span.startTimeUnixNano),
    endMs: wholeMs(span.endTimeUnixNano),
    resource: valuesOf(resource),
  };
}

/** Nanoseconds since the epoch are beyond what a number holds exactly. */
function wholeMs(nanoseconds: string): number {
  return Number((BigInt(nanoseconds) + 500_000n) / 1_000_000n);
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
