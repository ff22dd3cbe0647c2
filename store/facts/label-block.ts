import type { BlockOrigin as EventBlockOrigin } from "./event-block.ts";
import { clearColumns, columnsCapacity, encodeBlock, type BlockColumn } from "./native/block.ts";
import type { RowSelection } from "./native/column.ts";
import { constantText, constantTime, constantUInt32 } from "./native/constant.ts";
import {
  createDateColumn,
  createInt64Column,
  createNullableFloat64Column,
  type DateColumn,
  type Int64Column,
  type NullableFloat64Column,
} from "./native/fixed-width.ts";
import { createLowCardinalityColumn, type LowCardinalityColumn } from "./native/low-cardinality.ts";
import type { NativeSink } from "./native/sink.ts";
import { createStringColumn, type StringColumn } from "./native/string.ts";

/** Rows of the table `labels` being filled, column by column. */
export interface LabelBlock {
  readonly environment: LowCardinalityColumn;
  readonly model: LowCardinalityColumn;
  readonly labelTime: Int64Column;
  readonly eventId: StringColumn;
  readonly entityKey: StringColumn;
  readonly name: LowCardinalityColumn;
  readonly labelNum: NullableFloat64Column;
  readonly labelClass: LowCardinalityColumn;
  readonly offset: Int64Column;
  readonly expiresOn: DateColumn;
}

export function createLabelBlock(): LabelBlock {
  return {
    environment: createLowCardinalityColumn({ nullable: false }),
    model: createLowCardinalityColumn({ nullable: false }),
    labelTime: createInt64Column("DateTime64(3, 'UTC')"),
    eventId: createStringColumn(),
    entityKey: createStringColumn(),
    name: createLowCardinalityColumn({ nullable: false }),
    labelNum: createNullableFloat64Column(),
    labelClass: createLowCardinalityColumn({ nullable: true }),
    offset: createInt64Column("Int64"),
    expiresOn: createDateColumn(),
  };
}

/** Whoever reads a label looks for its event, and goes on from there. */
type BlockOrigin = Omit<EventBlockOrigin, "traceparent">;

function columnsOf(block: LabelBlock, origin: BlockOrigin): readonly BlockColumn[] {
  return [
    { kind: "filled", name: "environment", column: block.environment },
    { kind: "filled", name: "model", column: block.model },
    { kind: "filled", name: "label_time", column: block.labelTime },
    { kind: "filled", name: "event_id", column: block.eventId },
    { kind: "filled", name: "entity_key", column: block.entityKey },
    { kind: "filled", name: "name", column: block.name },
    { kind: "filled", name: "label_num", column: block.labelNum },
    { kind: "filled", name: "label_class", column: block.labelClass },
    { kind: "constant", name: "topic", column: constantText(origin.topic) },
    { kind: "constant", name: "partition", column: constantUInt32(origin.partition) },
    { kind: "filled", name: "offset", column: block.offset },
    { kind: "constant", name: "ingest_time", column: constantTime(origin.ingestTimeMs) },
    { kind: "filled", name: "expires_on", column: block.expiresOn },
  ];
}

const anyOrigin: BlockOrigin = { topic: "", partition: 0, ingestTimeMs: 0 };

/** The columns of a block, in its order: those of the table `labels`. */
export const labelColumnNames: readonly string[] = columnsOf(createLabelBlock(), anyOrigin).map(({ name }) => name);

/** Empties a block for other rows; its buffers stay. */
export function clearLabelBlock(block: LabelBlock): void {
  clearColumns(columnsOf(block, anyOrigin));
}

export function labelBlockCapacity(block: LabelBlock): number {
  return columnsCapacity(columnsOf(block, anyOrigin));
}

/** @returns the block as `encodeBlock` writes it into the sink. */
export function encodeLabelBlock(
  sink: NativeSink,
  block: LabelBlock,
  origin: BlockOrigin,
  rows: RowSelection | null,
): Uint8Array {
  const expected = 4096 + block.eventId.sink.length + block.entityKey.sink.length + block.offset.length * 64;
  return encodeBlock(sink, columnsOf(block, origin), block.offset.length, rows, expected);
}
