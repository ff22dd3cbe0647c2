import { createHash } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { isTraceparent } from "../../core/traceparent.ts";
import type { Facts } from "../../store/facts/client.ts";
import type { CollectorMetrics } from "../metrics.ts";
import type { MessageKind, Verdict } from "../partition-batch.ts";
import { ingestPaths } from "./http-paths.ts";
import { createHttpProgress } from "./http-progress.ts";

/** A request under a name of its own: the same request, sent again, has the same name, place and offsets. */
export interface NamedRequest {
  readonly kind: MessageKind;
  readonly messages: readonly Buffer[];
  /** sha256 over the idempotency key or the body, in hex. */
  readonly name: string;
  /** Of the inflated body, in hex. */
  readonly bodySha256: string;
  readonly topic: string;
  readonly partition: number;
  /** Offset of the first message; the others follow. */
  readonly lo: number;
  /** The span that sent it; null if the request names none. */
  readonly traceparent: string | null;
}

export type RequestOutcome =
  | {
      readonly kind: "settled";
      /** What holds the messages now: the store, or Kafka, from where a collector stores them. */
      readonly keptIn: "clickhouse" | "kafka";
      /** An earlier request had this name. Its events are stored once all the same. */
      readonly repeated: boolean;
      /** One a message, in the request's order. */
      readonly verdicts: readonly Verdict[];
    }
  /** Another body came under this key before. */
  | { readonly kind: "key_reused" };

/** What becomes of a request's messages, with Kafka or without. */
export interface RequestSink extends AsyncDisposable {
  /** @throws LeewayError, retryable if the same request may be sent again as it is. */
  settle(request: NamedRequest): Promise<RequestOutcome>;
}

export interface HttpSource extends AsyncDisposable {
  /**
   * Memory for a request that is about to be read, given back on disposal; null if the budget is used up. A request that is
   * alone is always let in.
   */
  reserve(bytes: number): Disposable | null;
  /**
   * Resolves when every message of a request is safe: what it said is stored, or kept as a dead letter with its reason.
   *
   * @param request.idempotencyKey Names the request; without one, its body does.
   * @param request.traceparent The request's header; what is no valid one counts as absent.
   * @throws LeewayError: nothing is promised; the same request, sent again, stores each of its events once.
   */
  take(request: {
    readonly kind: MessageKind;
    readonly messages: readonly Buffer[];
    readonly body: Buffer;
    readonly idempotencyKey: string | null;
    readonly traceparent?: string | undefined;
  }): Promise<RequestOutcome>;
}

/** A request takes about so much of its body's size while it is under way: bytes, columns, encoded block. */
const memoryPerByte = 3;
/** Requests that are decoded and written at once; the others wait, within the budget. */
const parallelRequests = 4;
const offsetBits = 17;

/** Takes events and labels that come in requests. */
export function createHttpSource(options: {
  readonly sink: RequestSink;
  readonly facts: Facts;
  readonly maxBufferedBytes: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: CollectorMetrics;
}): HttpSource {
  const { sink, metrics } = options;
  const progress = createHttpProgress(options);
  /** By name: the same request may come again before the first is settled. */
  const underWay = new Map<string, { readonly bodySha256: string; readonly outcome: Promise<RequestOutcome> }>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let heldBytes = 0;

  const inTurn = async (request: NamedRequest): Promise<RequestOutcome> => {
    if (running >= parallelRequests) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await sink.settle(request);
    } finally {
      running--;
      waiting.shift()?.();
    }
  };

  return {
    reserve(bytes) {
      const held = bytes * memoryPerByte;
      if (heldBytes > 0 && heldBytes + held > options.maxBufferedBytes) return null;
      heldBytes += held;
      metrics.requestsHeld(heldBytes);
      let kept = true;
      return {
        [Symbol.dispose]: () => {
          if (!kept) return;
          kept = false;
          heldBytes -= held;
          metrics.requestsHeld(heldBytes);
        },
      };
    },

    async take(incoming) {
      const { kind, messages } = incoming;
      const request = namedRequest(incoming);
      const key = `${kind} ${request.name}`;
      const earlier = underWay.get(key);
      if (earlier !== undefined) {
        if (earlier.bodySha256 !== request.bodySha256) return { kind: "key_reused" };
        const outcome = await earlier.outcome;
        return outcome.kind === "settled" ? { ...outcome, repeated: true } : outcome;
      }
      const arrival = progress.arrived(kind, messages.length);
      const outcome = inTurn(request);
      underWay.set(key, { bodySha256: request.bodySha256, outcome });
      try {
        return await outcome;
      } finally {
        underWay.delete(key);
        arrival.settled();
      }
    },

    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...underWay.values()].map(({ outcome }) => outcome));
      await progress[Symbol.asyncDispose]();
      await sink[Symbol.asyncDispose]();
    },
  };
}

/**
 * Partition and offsets are cut from the name's hash, 68 bits of it, so that a message is known by them wherever and
 * whenever its request comes again. 5 MB hold fewer than 2^17 messages.
 */
function namedRequest(request: {
  readonly kind: MessageKind;
  readonly messages: readonly Buffer[];
  readonly body: Buffer;
  readonly idempotencyKey: string | null;
  readonly traceparent?: string | undefined;
}): NamedRequest {
  const { kind, messages, body, idempotencyKey, traceparent = "" } = request;
  const bodySha256 = createHash("sha256").update(body).digest("hex");
  const source = idempotencyKey === null ? `body\n${bodySha256}` : `key\n${idempotencyKey}`;
  const hash = createHash("sha256").update(source).digest();
  return {
    kind,
    messages,
    name: hash.toString("hex"),
    bodySha256,
    topic: ingestPaths[kind],
    partition: hash.readUInt32BE(0),
    lo: (hash.readUIntBE(4, 5) % 2 ** (53 - offsetBits)) * 2 ** offsetBits,
    traceparent: isTraceparent(traceparent) ? traceparent : null,
  };
}
