import type { LabelBlock } from "../store/facts/label-block.ts";
import { appendDate, appendInt64, appendNullableFloat64 } from "../store/facts/native/fixed-width.ts";
import { appendKey, appendLowCardinality, nullKey } from "../store/facts/native/low-cardinality.ts";
import { appendString } from "../store/facts/native/string.ts";
import type { LabelFields } from "./validation/label.ts";

/** Appends a valid label as one row. @param expiresOn Days since 1970-01-01. */
export function appendLabel(block: LabelBlock, fields: LabelFields, offset: number, expiresOn: number): void {
  appendLowCardinality(block.environment, fields.environment);
  appendLowCardinality(block.model, fields.modelName);
  appendInt64(block.labelTime, fields.labelTimeMs);
  appendString(block.eventId, fields.eventId);
  appendString(block.entityKey, fields.entityKey);
  appendLowCardinality(block.name, fields.name);
  if (typeof fields.label === "number") {
    appendNullableFloat64(block.labelNum, fields.label);
    appendKey(block.labelClass, nullKey);
  } else {
    appendNullableFloat64(block.labelNum, null);
    appendLowCardinality(block.labelClass, fields.label);
  }
  appendInt64(block.offset, offset);
  appendDate(block.expiresOn, expiresOn);
}
