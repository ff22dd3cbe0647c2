import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { FeatureSchema } from "../core/feature-schema.ts";
import type { DeadLetterReason, DropReason } from "../core/inference-event.ts";
import type { ModelSpec } from "../core/model.ts";
import { traceIdOf } from "../core/traceparent.ts";
import { dayMs } from "../core/window.ts";
import { encodeEventBlock, eventColumnNames, type EventBlock } from "../store/facts/event-block.ts";
import { encodeLabelBlock, labelColumnNames, type LabelBlock } from "../store/facts/label-block.ts";
import type { RowSelection } from "../store/facts/native/column.ts";
import type { Int64Column } from "../store/facts/native/fixed-width.ts";
import type { NativeSink } from "../store/facts/native/sink.ts";
import { createBlockPool } from "./block-pool.ts";
import { createEventRows, type MisfitCounts } from "./event-rows.ts";
import { createFeatureDiscovery, type DiscoveredModel, type Discovery } from "./feature-discovery.ts";
import { formats, type FormatName } from "./formats/registry.ts";
import { appendLabel } from "./label-rows.ts";
import { createProducerTraces, type ProducerTraces } from "./producer-traces.ts";
import type { Fault } from "./validation/fault.ts";
import { createEventFields, readEventFields } from "./validation/inference-event.ts";
import { createLabelFields, readLabelFields } from "./validation/label.ts";

/** One message of a Kafka partition. */
export interface RawMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly value: Buffer | null;
  /** Kafka's own time of the message. */
  readonly timestampMs: number;
  /** The span that sent it: a valid W3C `traceparent`, as the message's headers carry it. */
  readonly traceparent?: string | null;
}

/** What becomes of a message; every message gets exactly one. */
export type Verdict =
  | { readonly kind: "stored" }
  | { readonly kind: "dropped"; readonly reason: DropReason }
  | { readonly kind: "dead_letter"; readonly reason: DeadLetterReason; readonly detail: string };

export type MessageKind = "events" | "labels";

/** Rows of one table and one month of event (label) time, encoded. */
export interface Block {
  readonly table: MessageKind;
  /** 202611 */
  readonly month: string;
  readonly columns: readonly string[];
  /** ClickHouse's Native format. */
  readonly body: Uint8Array;
  readonly rows: number;
}

export interface DeadLetter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: DeadLetterReason;
  readonly detail: string;
  /** The message, or its first 256 KB. */
  readonly value: Buffer;
  /** Of the whole message, in hex. */
  readonly sha256: string;
  readonly timestampMs: number;
}

export interface Decoding {
  /**
   * 16 hex digits over the decoder's version, the configuration that matters and the (model, schema) pairs used: equal
   * hashes decode the same messages alike.
   */
  readonly hash: string;
  /** Schemas and models of this batch that nobody has stored yet: store them, then tell the maker (`markStored`). */
  readonly newSchemas: readonly FeatureSchema[];
  readonly newModels: readonly string[];
}

/** Messages of one partition on their way to the store. */
export interface PartitionBatch {
  readonly add: (message: RawMessage) => Verdict;
  /** Messages added, whatever their verdicts. */
  readonly messages: number;
  /** Rows that `blocks` holds. */
  readonly rows: number;
  /** Memory held, estimated from above. */
  readonly bytes: number;
  /** −1 if nothing has been added. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly decoding: () => Decoding;
  /** The traces that its messages came in, whatever their verdicts. */
  readonly traces: ProducerTraces;
  /**
   * Encodes the rows: one block per month, those of offsets in `except` left out. May be called again.
   *
   * @param options.traceparent Of the span that stores them, kept with the events so that others can go on from it.
   */
  readonly blocks: (options?: {
    readonly except?: ReadonlySet<number>;
    readonly traceparent?: string | null;
  }) => readonly Block[];
  readonly deadLetters: readonly DeadLetter[];
  /**
   * Gives the batch's buffers to later batches: call it when its blocks are stored. Neither the batch nor the bodies of
   * its blocks may be used afterwards. A batch that is dropped without it is left to the garbage collector.
   */
  readonly release: () => void;
}

export interface BatchMakerOptions {
  readonly discovery: Discovery;
  readonly models: readonly ModelSpec[];
  /** By the time they were stored: of two equally wide schemas of a model the later is used on. */
  readonly knownSchemas: readonly FeatureSchema[];
  readonly caps: { readonly maxModels: number; readonly maxFeatures: number };
  readonly maxValueBytes: number;
  readonly maxEventAgeMs: number;
  readonly defaultRetentionDays: number;
  readonly clock: Clock;
  readonly format?: FormatName;
}

/** Makes the batches of one process, which share what is known of models and features. */
export interface BatchMaker {
  /**
   * @param ingestTimeMs What the decoding takes for now (the clock's by default). A batch that must equal an earlier one
   *   names the earlier one's, since too old and too far ahead depend on it.
   */
  readonly createBatch: (kind: MessageKind, ingestTimeMs?: number) => PartitionBatch;
  /** Feature values of all batches so far that are kept in `extra` because they did not fit. */
  readonly misfits: Readonly<MisfitCounts>;
  /** What a `Decoding` called new has been stored. */
  readonly markStored: (stored: {
    readonly schemas: readonly FeatureSchema[];
    readonly models: readonly string[];
  }) => void;
}

/** Raised whenever the same message would become another row. */
const decoderVersion = 2;

/** Buffers kept for later batches; the budget for messages in flight is the collector's. */
const pooledBytes = 128 * 1024 * 1024;

/** Bytes of a message that its dead letter carries. */
export const deadLetterBytes = 256 * 1024;

const stored: Verdict = { kind: "stored" };
const tombstone: Verdict = { kind: "dropped", reason: "tombstone" };

/** Rows of one month. */
interface MonthOf<Rows> {
  readonly month: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly block: Rows;
}

export function createBatchMaker(options: BatchMakerOptions): BatchMaker {
  const { clock, maxValueBytes } = options;
  const maxAgeMs = options.maxEventAgeMs;
  const discovery = createFeatureDiscovery(options);
  const formatName = options.format ?? "leeway-json";
  const format = formats[formatName];
  const eventRows = createEventRows(discovery);
  const pool = createBlockPool(pooledBytes);
  const eventFields = createEventFields();
  const labelFields = createLabelFields();
  const configuration = [decoderVersion, formatName, maxValueBytes, maxAgeMs, discovery.configHash];

  function createBatch(kind: MessageKind, ingestTimeMs = clock.now()): PartitionBatch {
    const eventMonths: MonthOf<EventBlock>[] = [];
    const labelMonths: MonthOf<LabelBlock>[] = [];
    const sinks: NativeSink[] = [];
    const used = new Map<string, FeatureSchema>();
    const usedModels = new Set<string>();
    const deadLetters: DeadLetter[] = [];
    const traces = createProducerTraces();
    const ingestDay = Math.floor(ingestTimeMs / dayMs);
    const bounds = { nowMs: ingestTimeMs, maxAgeMs };
    let topic = "";
    let partition = 0;
    let messages = 0;
    let rows = 0;
    let bytes = 0;
    let firstOffset = -1;
    let lastOffset = -1;
    let refused: Fault | null = null;
    let eventMonth: MonthOf<EventBlock> | null = null;
    let labelMonth: MonthOf<LabelBlock> | null = null;
    let lastSchema: FeatureSchema | null = null;

    const takeSink = (): NativeSink => {
      const sink = pool.takeSink();
      sinks.push(sink);
      return sink;
    };

    const refuse = (reason: DeadLetterReason, detail: string): null => {
      refused = { reason, detail };
      return null;
    };

    function addEvent(message: RawMessage, value: Buffer): Fault | null {
      const object = format.parse(value, refuse);
      if (object === null) return refused;
      const fault = readEventFields(object, eventFields, bounds);
      if (fault !== null) return fault;
      const { traceparent = null } = message;
      if (eventFields.traceId === "" && traceparent !== null) eventFields.traceId = traceIdOf(traceparent);
      let model: DiscoveredModel | undefined = discovery.modelOf(eventFields.modelName);
      if (model === undefined) {
        const candidate = discovery.candidate(eventFields.modelName);
        if (candidate.kind === "refused") return candidate.fault;
        model = candidate.model;
      }
      const { eventTimeMs } = eventFields;
      if (eventMonth === null || eventTimeMs < eventMonth.startMs || eventTimeMs >= eventMonth.endMs) {
        eventMonth = monthOf(eventMonths, eventTimeMs, pool.takeEvents);
      }
      const invalid = eventRows.append(eventMonth.block, object, eventFields, model, message.offset, ingestDay);
      if (invalid !== null) return invalid;
      const { layout } = model;
      if (layout.schema !== lastSchema) {
        lastSchema = layout.schema;
        used.set(lastSchema.schemaId, lastSchema);
        usedModels.add(model.name);
      }
      bytes += layout.numericCount * 9 + layout.categoricalCount * 4;
      return null;
    }

    function addLabel(message: RawMessage, value: Buffer): Fault | null {
      const object = format.parse(value, refuse);
      if (object === null) return refused;
      const fault = readLabelFields(object, labelFields, bounds);
      if (fault !== null) return fault;
      const retentionDays = discovery.retentionOfLabels(labelFields.modelName);
      if (retentionDays === null) return discovery.undeclared(labelFields.modelName);
      const { labelTimeMs } = labelFields;
      if (labelMonth === null || labelTimeMs < labelMonth.startMs || labelTimeMs >= labelMonth.endMs) {
        labelMonth = monthOf(labelMonths, labelTimeMs, pool.takeLabels);
      }
      appendLabel(labelMonth.block, labelFields, message.offset, ingestDay + retentionDays);
      return null;
    }

    return {
      add: (message) => {
        if (messages === 0) {
          topic = message.topic;
          partition = message.partition;
          firstOffset = message.offset;
        }
        messages++;
        lastOffset = message.offset;
        const { value, traceparent = null } = message;
        if (traceparent !== null) traces.add(traceparent);
        if (value === null) return tombstone;
        const fault =
          value.length > maxValueBytes
            ? tooLarge(value, maxValueBytes)
            : kind === "events"
              ? addEvent(message, value)
              : addLabel(message, value);
        if (fault === null) {
          rows++;
          bytes += value.length + bytesPerRow;
          return stored;
        }
        const letter = createDeadLetter(message, value, fault);
        deadLetters.push(letter);
        bytes += letter.value.length + bytesPerRow;
        return { kind: "dead_letter", reason: fault.reason, detail: fault.detail };
      },
      get messages() {
        return messages;
      },
      get rows() {
        return rows;
      },
      get bytes() {
        return bytes;
      },
      get firstOffset() {
        return firstOffset;
      },
      get lastOffset() {
        return lastOffset;
      },
      decoding: () => {
        const pairs = [...used.values()].map((schema) => [schema.model, schema.schemaId].join("\n")).toSorted();
        return {
          hash: createHash("sha256")
            .update(JSON.stringify([kind, configuration, pairs]))
            .digest("hex")
            .slice(0, 16),
          newSchemas: [...used.values()].filter((schema) => !discovery.isStoredSchema(schema.schemaId)),
          newModels: [...usedModels].filter((model) => !discovery.isStoredModel(model)),
        };
      },
      traces,
      blocks: ({ except, traceparent = null } = {}) => {
        const origin = { topic, partition, ingestTimeMs, traceparent };
        const blocks: Block[] = [];
        for (const { month, block } of eventMonths) {
          const selection = rowsWithout(block.offset, except);
          const count = selection?.length ?? block.offset.length;
          if (count === 0) continue;
          const body = encodeEventBlock(takeSink(), block, origin, selection);
          blocks.push({ table: "events", month, columns: eventColumnNames(origin), body, rows: count });
        }
        for (const { month, block } of labelMonths) {
          const selection = rowsWithout(block.offset, except);
          const count = selection?.length ?? block.offset.length;
          if (count === 0) continue;
          const body = encodeLabelBlock(takeSink(), block, origin, selection);
          blocks.push({ table: "labels", month, columns: labelColumnNames, body, rows: count });
        }
        return blocks;
      },
      deadLetters,
      release: () => {
        for (const { block } of eventMonths.splice(0)) pool.giveEvents(block);
        for (const { block } of labelMonths.splice(0)) pool.giveLabels(block);
        for (const sink of sinks.splice(0)) pool.giveSink(sink);
        eventMonth = null;
        labelMonth = null;
      },
    };
  }

  return {
    createBatch,
    misfits: eventRows.misfits,
    markStored: discovery.markStored,
  };
}

/** What a row takes beside the bytes of its message: fixed columns, array ends, and the slack of buffers that double. */
const bytesPerRow = 400;

function tooLarge(value: Buffer, maxValueBytes: number): Fault {
  return { reason: "too_large", detail: `the message has ${value.length} bytes, more than ${maxValueBytes}` };
}

function createDeadLetter(message: RawMessage, value: Buffer, fault: Fault): DeadLetter {
  return {
    topic: message.topic,
    partition: message.partition,
    offset: message.offset,
    reason: fault.reason,
    detail: fault.detail,
    // A copy: the message is a slice of a whole fetch, which would otherwise be kept alive.
    value: Buffer.from(value.subarray(0, deadLetterBytes)),
    sha256: createHash("sha256").update(value).digest("hex"),
    timestampMs: message.timestampMs,
  };
}

/** The month that a time lies in, made if need be. */
function monthOf<Rows>(months: MonthOf<Rows>[], timeMs: number, createRows: () => Rows): MonthOf<Rows> {
  const known = months.find(({ startMs, endMs }) => timeMs >= startMs && timeMs < endMs);
  if (known !== undefined) return known;
  const time = new Date(timeMs);
  const year = time.getUTCFullYear();
  const month = time.getUTCMonth();
  const made: MonthOf<Rows> = {
    month: String(year * 100 + month + 1),
    startMs: Date.UTC(year, month),
    endMs: Date.UTC(year, month + 1),
    block: createRows(),
  };
  months.push(made);
  return made;
}

/** @returns null if all rows are wanted. */
function rowsWithout(offsets: Int64Column, except: ReadonlySet<number> | undefined): RowSelection | null {
  if (except === undefined || except.size === 0) return null;
  const rows: number[] = [];
  for (let row = 0; row < offsets.length; row++) {
    const low = offsets.words[row * 2] as number;
    const high = offsets.words[row * 2 + 1] as number;
    if (!except.has(high * 4294967296 + low)) rows.push(row);
  }
  return Uint32Array.from(rows);
}
