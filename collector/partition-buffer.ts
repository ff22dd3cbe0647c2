import type { Clock } from "../core/clock.ts";
import type { DropReason } from "../core/inference-event.ts";
import type { Intent } from "./intent.ts";
import type { LogBatch, Place } from "./log-consumer.ts";
import type { MessageKind, PartitionBatch } from "./partition-batch.ts";

/** A run of a partition's messages that is written, committed and counted as one. */
export interface Segment {
  readonly place: Place;
  readonly kind: MessageKind;
  readonly batch: PartitionBatch;
  /** The offset committed before it. */
  readonly lo: number;
  readonly firstTimestampMs: number;
  /** On the monotonic clock, for its age. */
  readonly openedAtMs: number;
  /** On the wall clock, for its decoding. */
  readonly decodedAtMs: number;
  /** What its predecessor said it would write; null for a range of our own. */
  readonly recovered: Intent | null;
  readonly dropped: ReadonlyMap<DropReason, number>;
}

/** One assigned partition between fetch and commit. It belongs to one generation and is thrown away with it. */
export interface PartitionBuffer {
  readonly place: Place;
  readonly kind: MessageKind;
  readonly generation: number;
  /** The offset that the next batch must begin with; null until the first one says. */
  readonly nextOffset: number | null;
  /** Everything before is stored; null until known. */
  readonly storedThrough: number | null;
  /** Memory held, the segments being written included. */
  readonly bytes: number;
  /** Messages that wait for a write. */
  readonly waiting: number;
  readonly recovering: boolean;
  /** When the oldest waiting message came, ms; null if none waits for a write that could begin. */
  readonly oldestAtMs: number | null;
  /** Offsets that Kafka has and that are not read yet, as of the last batch. */
  readonly unread: number;
  /** Kafka timestamp of the oldest message that is not stored, or of the latest one that is; null if none was seen. */
  readonly lagTimestampMs: number | null;
  /** Whether a whole range waits that must not be added to. */
  readonly sealed: boolean;
  /** Takes the batch's messages; `nowMs` is on the monotonic clock. The caller has checked that it begins at `nextOffset`. */
  add(batch: LogBatch, nowMs: number): void;
  /** Offsets without messages were passed over. */
  pass(nextOffset: number): void;
  /** A predecessor's range ends here although its last message did not come: the log no longer has it. */
  endRecovery(): void;
  /** Hands over what is to be written next; nothing while an earlier segment is not done. */
  take(): Segment | null;
  /** The taken segment is written and committed. */
  done(segment: Segment): void;
}

interface OpenSegment extends Segment {
  readonly dropped: Map<DropReason, number>;
}

/**
 * @param options.committed The committed offset, or null: then the first batch says where the partition begins.
 * @param options.recovered A predecessor's intent: exactly its range is formed first, whatever its size.
 */
export function createPartitionBuffer(options: {
  readonly place: Place;
  readonly kind: MessageKind;
  readonly generation: number;
  readonly committed: number | null;
  readonly recovered: Intent | null;
  readonly createBatch: (kind: MessageKind, ingestTimeMs: number) => PartitionBatch;
  readonly clock: Clock;
}): PartitionBuffer {
  const { place, kind, generation, createBatch, clock } = options;
  let recovered = options.recovered;
  let nextOffset = options.committed;
  // Where the next segment begins: the committed offset once all earlier ones are done.
  let lo = options.committed;
  let open: OpenSegment | null = null;
  const sealed: Segment[] = [];
  let writing: Segment | null = null;
  let lastTimestampMs: number | null = null;
  let highWatermark = 0;

  const seal = () => {
    if (open === null) return;
    lo = (open.recovered?.hi ?? open.batch.lastOffset) + 1;
    sealed.push(open);
    open = null;
  };
  const sealAfter = (offset: number) => {
    if (recovered === null || offset <= recovered.hi) return;
    recovered = null;
    seal();
  };
  const openSegment = (firstTimestampMs: number, nowMs: number): OpenSegment => {
    const decodedAtMs = recovered?.decodedAtMs ?? clock.now();
    return {
      place,
      kind,
      batch: createBatch(kind, decodedAtMs),
      lo: lo ?? 0,
      firstTimestampMs,
      openedAtMs: nowMs,
      decodedAtMs,
      recovered,
      dropped: new Map(),
    };
  };
  const segments = () => [writing, ...sealed, open].filter((segment) => segment !== null);

  return {
    place,
    kind,
    generation,
    get nextOffset() {
      return nextOffset;
    },
    get storedThrough() {
      return segments()[0]?.lo ?? nextOffset;
    },
    get bytes() {
      let bytes = open?.batch.bytes ?? 0;
      for (const segment of sealed) bytes += segment.batch.bytes;
      return bytes + (writing?.batch.bytes ?? 0);
    },
    get waiting() {
      let messages = open?.batch.messages ?? 0;
      for (const segment of sealed) messages += segment.batch.messages;
      return messages;
    },
    get recovering() {
      return recovered !== null;
    },
    get oldestAtMs() {
      if (writing !== null) return null;
      return sealed[0]?.openedAtMs ?? (recovered === null ? (open?.openedAtMs ?? null) : null);
    },
    get unread() {
      return nextOffset === null ? 0 : Math.max(0, highWatermark - nextOffset);
    },
    get lagTimestampMs() {
      return segments()[0]?.firstTimestampMs ?? lastTimestampMs;
    },
    get sealed() {
      return sealed.length > 0;
    },

    add(batch, nowMs) {
      lo ??= batch.fetchedOffset;
      for (const message of batch.messages) {
        sealAfter(message.offset);
        open ??= openSegment(message.timestampMs, nowMs);
        const verdict = open.batch.add(message);
        if (verdict.kind === "dropped") {
          open.dropped.set(verdict.reason, (open.dropped.get(verdict.reason) ?? 0) + 1);
        }
      }
      lastTimestampMs = batch.messages.at(-1)?.timestampMs ?? lastTimestampMs;
      nextOffset = batch.nextOffset;
      highWatermark = batch.highWatermark;
      sealAfter(nextOffset);
    },

    pass(next) {
      if (nextOffset !== null && next <= nextOffset) return;
      lo ??= next;
      nextOffset = next;
      sealAfter(next);
    },

    endRecovery() {
      if (recovered !== null) sealAfter(recovered.hi + 1);
    },

    take() {
      if (writing !== null) return null;
      if (sealed.length === 0 && recovered === null) seal();
      writing = sealed.shift() ?? null;
      return writing;
    },

    done(segment) {
      if (writing === segment) writing = null;
    },
  };
}
