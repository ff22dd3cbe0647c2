import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { formOf, readBody } from "../../collector/sources/http-body.ts";
import { ingestPaths } from "../../collector/sources/http-paths.ts";
import type { HttpSource, RequestOutcome } from "../../collector/sources/http.ts";
import { LeewayError } from "../../core/errors.ts";
import type { Log } from "../telemetry/log.ts";
import { type ProblemCode, sendProblem } from "./problem.ts";

/** Before and after it is inflated. */
export const maxBodyBytes = 5 * 1024 * 1024;
/** The shortest event has some 60 bytes. */
const maxMessages = 100_000;
const maxKeyLength = 255;
/** Seconds after which to try again, by what is in the way. */
const retryAfter = { busy: 2, unreachable: 5 } as const;

export interface IngestOptions {
  /** Null while it starts or ends. Left out of the server: this process does not have the collector role. */
  readonly source: () => HttpSource | null;
}

/** The memory of a request between its first byte and its answer. */
interface Hold {
  readonly memory: Disposable;
  working: boolean;
}

type Settled = Extract<RequestOutcome, { readonly kind: "settled" }>;

/**
 * `POST /v1/events` and `/v1/labels`. Answered with 202 once every message is safe; an answer that is a problem promises
 * nothing, and the same request may be sent again. docs/ingest.md is the contract.
 */
export function registerIngestRoutes(server: FastifyInstance, ingest: IngestOptions | undefined, log: Log): void {
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit: maxBodyBytes },
      async (_: unknown, body: Buffer) => body,
    );
    scope.setErrorHandler((error, request, reply) => answerError(error, request, reply, log));
    const holds = new WeakMap<FastifyRequest, Hold>();
    // Before the body is read: whoever must be turned away need not send it.
    scope.addHook("onRequest", async (request, reply) => {
      const memory = await admit(ingest, request, reply);
      if (memory === null) return;
      const hold: Hold = { memory, working: false };
      holds.set(request, hold);
      // A client that goes away ends the reading of its body, but not the work on it.
      reply.raw.once("close", () => hold.working || memory[Symbol.dispose]());
    });
    for (const kind of ["events", "labels"] as const) {
      scope.post(ingestPaths[kind], async (request, reply) => {
        const hold = holds.get(request);
        using _ = hold?.memory;
        if (hold !== undefined) hold.working = true;
        const source = ingest?.source() ?? null;
        if (source === null) return sendStarting(reply);
        const key = idempotencyKey(request);
        if (key.kind === "wrong") return sendProblem(reply, "request_invalid", key.detail);
        const reading = await readBody({
          bytes: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
          contentType: request.headers["content-type"],
          contentEncoding: request.headers["content-encoding"],
          maxBytes: maxBodyBytes,
        });
        if (reading.kind !== "messages") return sendProblem(reply, bodyProblems[reading.kind], reading.detail);
        const { messages, body } = reading;
        if (messages.length > maxMessages) {
          const detail = `the body has ${messages.length.toLocaleString("en")} ${kind}, more than ${maxMessages.toLocaleString("en")}; send it in parts`;
          return sendProblem(reply, "body_too_large", detail);
        }
        const traceparent = [request.headers["traceparent"]].flat()[0];
        const outcome = await source.take({ kind, messages, body, idempotencyKey: key.value, traceparent });
        if (outcome.kind === "key_reused") {
          const detail = "this Idempotency-Key came with another body before; a new body needs a new key";
          return sendProblem(reply, "idempotency_key_reused", detail);
        }
        return reply.code(202).send(receipt(outcome, wantsLittle(request)));
      });
    }
  });
}

const bodyProblems = {
  malformed: "request_invalid",
  too_large: "body_too_large",
  unsupported: "media_type_unsupported",
} as const satisfies Record<string, ProblemCode>;

/** @returns The memory that the request may take, or null if it has been answered. */
async function admit(
  ingest: IngestOptions | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Disposable | null> {
  if (ingest === undefined) {
    const detail = "events and labels are taken by a process with the collector role; send them there";
    await sendProblem(reply, "role_absent", detail);
    return null;
  }
  const source = ingest.source();
  if (source === null) {
    await sendStarting(reply);
    return null;
  }
  const form = formOf(request.headers["content-type"]);
  if (typeof form !== "string") {
    await sendProblem(reply, "media_type_unsupported", form.detail);
    return null;
  }
  // What is compressed, or comes without its length, may become as large as a body may be.
  const encoded = !["", "identity"].includes(request.headers["content-encoding"] ?? "");
  const length = Number(request.headers["content-length"] ?? Number.NaN);
  const memory = source.reserve(Number.isFinite(length) && !encoded ? Math.min(length, maxBodyBytes) : maxBodyBytes);
  if (memory !== null) return memory;
  const detail = "too many requests are under way (collector.max_buffered); send this one again after Retry-After";
  await sendRetry(reply, "busy", retryAfter.busy, detail);
  return null;
}

/** RFC 7240: `Prefer: return=minimal` leaves the verdicts `stored` out of the answer. */
function wantsLittle(request: FastifyRequest): boolean {
  return /(^|,)\s*return=minimal\b/i.test([request.headers["prefer"] ?? ""].flat().join(","));
}

function receipt({ keptIn, repeated, verdicts }: Settled, little: boolean): object {
  const counts = { stored: 0, dropped: 0, dead_letter: 0 };
  for (const { kind } of verdicts) counts[kind]++;
  return {
    received: verdicts.length,
    ...counts,
    kept_in: keptIn,
    repeated,
    verdicts: verdicts.flatMap(({ kind: verdict, ...why }, index) =>
      little && verdict === "stored" ? [] : [{ index, verdict, ...why }],
    ),
  };
}

function idempotencyKey(
  request: FastifyRequest,
): { readonly kind: "given"; readonly value: string | null } | { readonly kind: "wrong"; readonly detail: string } {
  const given = request.headers["idempotency-key"];
  if (given === undefined) return { kind: "given", value: null };
  const value = String(given).trim();
  if (value !== "" && value.length <= maxKeyLength) return { kind: "given", value };
  const detail = `Idempotency-Key has ${value.length} characters; send 1 to ${maxKeyLength}, such as a UUID, or leave it out`;
  return { kind: "wrong", detail };
}

async function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): Promise<FastifyReply> {
  if (error instanceof LeewayError) {
    switch (error.code) {
      case "store_busy":
        return sendRetry(reply, "busy", retryAfter.busy, `${error.message}; send this request again after Retry-After`);
      case "store_unreachable":
      case "kafka_unreachable":
        return sendRetry(reply, error.code, retryAfter.unreachable, `${error.message}; send this request again later`);
      case "store_full":
        return sendProblem(reply, "store_full", `${error.message}; then send this request again`);
      default:
    }
  }
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    const detail = `the body has more than ${maxBodyBytes.toLocaleString("en")} bytes; send it in parts`;
    return sendProblem(reply, "body_too_large", detail);
  }
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) return sendProblem(reply, "request_invalid", (error as Error).message);
  log.error({ err: error, route: request.routeOptions.url }, "a request failed");
  return sendProblem(reply, "internal", "see the log of this process; the request may be sent again");
}

function sendStarting(reply: FastifyReply): FastifyReply {
  const detail = "this process is starting or ending; send the request again after Retry-After";
  return sendRetry(reply, "not_ready", retryAfter.unreachable, detail);
}

function sendRetry(reply: FastifyReply, code: ProblemCode, seconds: number, detail: string): FastifyReply {
  return sendProblem(reply.header("retry-after", String(seconds)), code, detail);
}
