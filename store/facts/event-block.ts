import { closedItems, createArrayColumn, createMapColumn, type ArrayColumn, type MapColumn } from "./native/array.ts";
import { clearColumns, columnsCapacity, encodeBlock, type BlockColumn } from "./native/block.ts";
import type { RowSelection } from "./native/column.ts";
import { constantText, constantTime, constantUInt32 } from "./native/constant.ts";
import {
  createDateColumn,
  createFloat64Column,
  createInt64Column,
  createNullableFloat64Column,
  type DateColumn,
  type Float64Column,
  type Int64Column,
  type NullableFloat64Column,
} from "./native/fixed-width.ts";
import { createLowCardinalityColumn, type LowCardinalityColumn } from "./native/low-cardinality.ts";
import type { NativeSink } from "./native/sink.ts";
import { createStringColumn, truncateString, type StringColumn } from "./native/string.ts";

/** Rows of the table `events` being filled, column by column. A row is complete when every column has it. */
export interface EventBlock {
  readonly environment: LowCardinalityColumn;
  readonly model: LowCardinalityColumn;
  readonly version: LowCardinalityColumn;
  readonly arm: LowCardinalityColumn;
  readonly eventTime: Int64Column;
  readonly eventId: StringColumn;
  readonly schemaId: LowCardinalityColumn;
  readonly num: ArrayColumn<NullableFloat64Column>;
  readonly cat: ArrayColumn<LowCardinalityColumn>;
  readonly predictionNum: NullableFloat64Column;
  readonly predictionClass: LowCardinalityColumn;
  readonly scores: MapColumn<LowCardinalityColumn, Float64Column>;
  readonly entityKey: StringColumn;
  readonly traceId: StringColumn;
  readonly latencyMs: NullableFloat64Column;
  readonly weight: Float64Column;
  readonly cohorts: MapColumn<LowCardinalityColumn, LowCardinalityColumn>;
  readonly attributions: MapColumn<LowCardinalityColumn, Float64Column>;
  readonly extra: MapColumn<StringColumn, StringColumn>;
  readonly offset: Int64Column;
  readonly expiresOn: DateColumn;
  /** Bytes of `extra`'s keys and values that belong to complete rows. */
  extraKeyBytes: number;
  extraValueBytes: number;
}

/** What all rows of a block share. */
export interface BlockOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly ingestTimeMs: number;
  /** Of the span that stores the block; null leaves the column out, which costs nothing. */
  readonly traceparent: string | null;
}

export function createEventBlock(): EventBlock {
  const text = () => createLowCardinalityColumn({ nullable: false });
  return {
    environment: text(),
    model: text(),
    version: text(),
    arm: text(),
    eventTime: createInt64Column("DateTime64(3, 'UTC')"),
    eventId: createStringColumn(),
    schemaId: text(),
    num: createArrayColumn(createNullableFloat64Column()),
    cat: createArrayColumn(createLowCardinalityColumn({ nullable: true })),
    predictionNum: createNullableFloat64Column(),
    predictionClass: createLowCardinalityColumn({ nullable: true }),
    scores: createMapColumn(text(), createFloat64Column()),
    entityKey: createStringColumn(),
    traceId: createStringColumn(),
    latencyMs: createNullableFloat64Column(),
    weight: createFloat64Column(),
    cohorts: createMapColumn(text(), text()),
    attributions: createMapColumn(text(), createFloat64Column()),
    extra: createMapColumn(createStringColumn(), createStringColumn()),
    offset: createInt64Column("Int64"),
    expiresOn: createDateColumn(),
    extraKeyBytes: 0,
    extraValueBytes: 0,
  };
}

/** Takes back what an unfinished row has put into the nested columns. */
export function rollBackEventRow(block: EventBlock): void {
  block.num.items.length = closedItems(block.num);
  block.cat.items.length = closedItems(block.cat);
  const scores = closedItems(block.scores);
  block.scores.keys.length = scores;
  block.scores.values.length = scores;
  const cohorts = closedItems(block.cohorts);
  block.cohorts.keys.length = cohorts;
  block.cohorts.values.length = cohorts;
  const attributions = closedItems(block.attributions);
  block.attributions.keys.length = attributions;
  block.attributions.values.length = attributions;
  const extra = closedItems(block.extra);
  truncateString(block.extra.keys, extra, block.extraKeyBytes);
  truncateString(block.extra.values, extra, block.extraValueBytes);
}

function columnsOf(block: EventBlock, origin: BlockOrigin): readonly BlockColumn[] {
  return [
    { kind: "filled", name: "environment", column: block.environment },
    { kind: "filled", name: "model", column: block.model },
    { kind: "filled", name: "version", column: block.version },
    { kind: "filled", name: "arm", column: block.arm },
    { kind: "filled", name: "event_time", column: block.eventTime },
    { kind: "filled", name: "event_id", column: block.eventId },
    { kind: "filled", name: "schema_id", column: block.schemaId },
    { kind: "filled", name: "num", column: block.num },
    { kind: "filled", name: "cat", column: block.cat },
    { kind: "filled", name: "prediction_num", column: block.predictionNum },
    { kind: "filled", name: "prediction_class", column: block.predictionClass },
    { kind: "filled", name: "scores", column: block.scores },
    { kind: "filled", name: "entity_key", column: block.entityKey },
    { kind: "filled", name: "trace_id", column: block.traceId },
    { kind: "filled", name: "latency_ms", column: block.latencyMs },
    { kind: "filled", name: "weight", column: block.weight },
    { kind: "filled", name: "cohorts", column: block.cohorts },
    { kind: "filled", name: "attributions", column: block.attributions },
    { kind: "filled", name: "extra", column: block.extra },
    { kind: "constant", name: "topic", column: constantText(origin.topic) },
    { kind: "constant", name: "partition", column: constantUInt32(origin.partition) },
    { kind: "filled", name: "offset", column: block.offset },
    { kind: "constant", name: "ingest_time", column: constantTime(origin.ingestTimeMs) },
    { kind: "filled", name: "expires_on", column: block.expiresOn },
    ...(origin.traceparent === null
      ? []
      : [{ kind: "constant", name: "batch_traceparent", column: constantText(origin.traceparent) } as const]),
  ];
}

const anyOrigin: BlockOrigin = { topic: "", partition: 0, ingestTimeMs: 0, traceparent: null };

const untracedColumns: readonly string[] = columnsOf(createEventBlock(), anyOrigin).map(({ name }) => name);

/** The columns of a block of this origin, in its order: those of the table `events`. */
export function eventColumnNames({ traceparent }: BlockOrigin): readonly string[] {
  return traceparent === null ? untracedColumns : [...untracedColumns, "batch_traceparent"];
}

/** Empties a block for other rows; its buffers stay. */
export function clearEventBlock(block: EventBlock): void {
  clearColumns(columnsOf(block, anyOrigin));
  block.extraKeyBytes = 0;
  block.extraValueBytes = 0;
}

export function eventBlockCapacity(block: EventBlock): number {
  return columnsCapacity(columnsOf(block, anyOrigin));
}

/** @returns the block as `encodeBlock` writes it into the sink. */
export function encodeEventBlock(
  sink: NativeSink,
  block: EventBlock,
  origin: BlockOrigin,
  rows: RowSelection | null,
): Uint8Array {
  const stringBytes =
    block.eventId.sink.length + block.entityKey.sink.length + block.traceId.sink.length + block.extra.keys.sink.length;
  const expected =
    4096 + stringBytes + block.extra.values.sink.length + block.num.items.length * 9 + block.offset.length * 200;
  return encodeBlock(sink, columnsOf(block, origin), block.offset.length, rows, expected);
}
