import type { EventBlock } from "../store/facts/event-block.ts";
import { rollBackEventRow } from "../store/facts/event-block.ts";
import { endArray } from "../store/facts/native/array.ts";
import {
  appendDate,
  appendFloat64,
  appendInt64,
  appendNullableFloat64,
  reserveNullableFloat64,
} from "../store/facts/native/fixed-width.ts";
import {
  appendKey,
  appendLowCardinality,
  dictionaryKey,
  nullKey,
  reserveKeys,
} from "../store/facts/native/low-cardinality.ts";
import { appendString } from "../store/facts/native/string.ts";
import {
  booleanSlot,
  categoricalSlot,
  codeSlot,
  noSlot,
  nonFiniteNumber,
  numericSlot,
  slotKinds,
  type DiscoveredModel,
  type FeatureDiscovery,
  type FeatureLayout,
} from "./feature-discovery.ts";
import { fieldCountOf, isContractField, type EventFields } from "./validation/inference-event.ts";
import { describeValue, quoteName, type Fault, type WireObject } from "./validation/fault.ts";

/** Features that did not fit their model's schema and are kept in `extra`. */
export interface MisfitCounts {
  /** Undeclared, or beyond `max_features`. */
  unlisted: number;
  wrongType: number;
}

/**
 * Appends events to blocks. The features and maps of an event are validated while they are appended, in one pass; an
 * event that turns out to be invalid is taken back.
 */
export interface EventRows {
  /** @returns null if the block has one row more, else why not. */
  readonly append: (
    block: EventBlock,
    message: WireObject,
    fields: EventFields,
    model: DiscoveredModel,
    offset: number,
    ingestDay: number,
  ) => Fault | null;
  readonly misfits: Readonly<MisfitCounts>;
}

// After so many events in another order than the layout's, the order is learnt anew.
const disorderLimit = 4;

export function createEventRows(discovery: FeatureDiscovery): EventRows {
  const misfits: MisfitCounts = { unlisted: 0, wrongType: 0 };
  // Of the event being appended: whether it has features that its model's schema could take in.
  let unknownFeatures = 0;
  let wrongTypes = 0;

  function appendFeatures(block: EventBlock, features: WireObject | null, layout: FeatureLayout): Fault | null {
    const num = block.num.items;
    const cat = block.cat.items;
    const firstNum = reserveNullableFloat64(num, layout.numericCount);
    const firstCat = reserveKeys(cat, layout.categoricalCount);
    if (features === null) return null;
    const { nulls, values } = num;
    const { keys } = cat;
    const { order, orderSlots } = layout;
    let index = 0;
    let inOrder = true;
    for (const name in features) {
      const value = features[name];
      let slot: number;
      if (index < order.length && order[index] === name) {
        slot = orderSlots[index] as number;
      } else {
        inOrder = false;
        slot = layout.slots.get(name) ?? noSlot;
      }
      index++;
      if (value === null) continue;
      const kind = slot === noSlot ? noSlot : slot % slotKinds;
      const at = slot >> 2;
      if (typeof value === "number") {
        if (kind === numericSlot) {
          nulls[firstNum + at] = 0;
          values[firstNum + at] = value;
          continue;
        }
        if (kind === codeSlot) {
          keys[firstCat + at] = dictionaryKey(cat, String(value));
          continue;
        }
      } else if (typeof value === "string") {
        if (kind === categoricalSlot || kind === codeSlot) {
          keys[firstCat + at] = dictionaryKey(cat, value);
          continue;
        }
        if (kind === numericSlot) {
          const number = nonFiniteNumber(value);
          if (!Number.isNaN(number) || value === "NaN") {
            nulls[firstNum + at] = 0;
            values[firstNum + at] = number;
            continue;
          }
        }
      } else if (typeof value === "boolean") {
        if (kind === booleanSlot || kind === codeSlot) {
          keys[firstCat + at] = dictionaryKey(cat, value ? "true" : "false");
          continue;
        }
      } else {
        return { reason: "features_invalid", detail: `features.${quoteName(name)} is ${describeValue(value)}` };
      }
      if (slot === noSlot) unknownFeatures++;
      else wrongTypes++;
      appendExtra(block, name, String(value));
    }
    if (!inOrder) learnOrder(layout, features);
    else if (index > 0) layout.disorder = 0;
    return null;
  }

  function appendNested(
    block: EventBlock,
    message: WireObject,
    fields: EventFields,
    layout: FeatureLayout,
  ): Fault | null {
    unknownFeatures = 0;
    wrongTypes = 0;
    let fault: Fault | null = null;
    if (fields.extra !== null) fault = appendExtras(block, fields.extra);
    if (fault === null && fieldCountOf(message) !== fields.fieldCount) fault = appendUnknownFields(block, message);
    if (fault === null) fault = appendFeatures(block, fields.features, layout);
    if (fault === null && fields.scores !== null) {
      fault = appendNumbers(block.scores, fields.scores, "scores", "scores_invalid");
    }
    if (fault === null && fields.cohorts !== null) fault = appendCohorts(block, fields.cohorts);
    if (fault === null && fields.attributions !== null) {
      fault = appendNumbers(block.attributions, fields.attributions, "attributions", "field_invalid");
    }
    return fault;
  }

  return {
    misfits,
    append: (block, message, fields, model, offset, ingestDay) => {
      let fault = appendNested(block, message, fields, model.layout);
      if (fault === null && (!model.registered || (unknownFeatures > 0 && !model.layout.full))) {
        // Valid, so its news may be learnt; then it is appended again under what it has taught.
        discovery.grow(model, fields.features ?? {});
        rollBackEventRow(block);
        fault = appendNested(block, message, fields, model.layout);
      }
      if (fault !== null) {
        rollBackEventRow(block);
        return fault;
      }
      misfits.unlisted += unknownFeatures;
      misfits.wrongType += wrongTypes;

      endArray(block.num, block.num.items.length);
      endArray(block.cat, block.cat.items.length);
      endArray(block.scores, block.scores.keys.length);
      endArray(block.cohorts, block.cohorts.keys.length);
      endArray(block.attributions, block.attributions.keys.length);
      endArray(block.extra, block.extra.keys.length);
      block.extraKeyBytes = block.extra.keys.sink.length;
      block.extraValueBytes = block.extra.values.sink.length;

      appendLowCardinality(block.environment, fields.environment);
      appendLowCardinality(block.model, model.name);
      appendLowCardinality(block.version, fields.version);
      appendLowCardinality(block.arm, fields.arm);
      appendInt64(block.eventTime, fields.eventTimeMs);
      appendString(block.eventId, fields.eventId);
      appendLowCardinality(block.schemaId, model.layout.schema.schemaId);
      appendNullableFloat64(block.predictionNum, typeof fields.prediction === "number" ? fields.prediction : null);
      if (typeof fields.prediction === "string") appendLowCardinality(block.predictionClass, fields.prediction);
      else appendKey(block.predictionClass, nullKey);
      appendString(block.entityKey, fields.entityKey);
      appendString(block.traceId, fields.traceId);
      appendNullableFloat64(block.latencyMs, fields.latencyMs);
      appendFloat64(block.weight, fields.weight);
      appendInt64(block.offset, offset);
      appendDate(block.expiresOn, ingestDay + model.retentionDays);
      return null;
    },
  };
}

function learnOrder(layout: FeatureLayout, features: WireObject): void {
  if (++layout.disorder < disorderLimit && layout.order.length > 0) return;
  layout.disorder = 0;
  layout.order = Object.keys(features).slice(0, layout.slots.size);
  layout.orderSlots = layout.order.map((name) => layout.slots.get(name) ?? noSlot);
}

function appendNumbers(
  column: EventBlock["scores"],
  numbers: WireObject,
  field: string,
  reason: Fault["reason"],
): Fault | null {
  for (const name in numbers) {
    const value = numbers[name];
    if (typeof value !== "number" || !Number.isFinite(value)) {
      return { reason, detail: `${field}.${quoteName(name)} is ${describeValue(value)}, not a finite number` };
    }
    appendLowCardinality(column.keys, name);
    appendFloat64(column.values, value);
  }
  return null;
}

function appendCohorts(block: EventBlock, cohorts: WireObject): Fault | null {
  for (const name in cohorts) {
    const value = cohorts[name];
    if (typeof value === "object") {
      if (value === null) continue;
      return { reason: "field_invalid", detail: `cohorts.${quoteName(name)} is ${describeValue(value)}` };
    }
    appendLowCardinality(block.cohorts.keys, name);
    appendLowCardinality(block.cohorts.values, typeof value === "string" ? value : String(value));
  }
  return null;
}

function appendExtra(block: EventBlock, name: string, text: string): void {
  appendString(block.extra.keys, name);
  appendString(block.extra.values, text);
}

function appendExtras(block: EventBlock, extra: WireObject): Fault | null {
  for (const name in extra) {
    const fault = appendExtraValue(block, name, extra[name], "extra.");
    if (fault !== null) return fault;
  }
  return null;
}

/** Fields that the contract does not name are kept rather than lost: a later version may name them. */
function appendUnknownFields(block: EventBlock, message: WireObject): Fault | null {
  for (const name in message) {
    if (isContractField(name)) continue;
    const fault = appendExtraValue(block, name, message[name], "");
    if (fault !== null) return fault;
  }
  return null;
}

function appendExtraValue(block: EventBlock, name: string, value: unknown, path: string): Fault | null {
  if (typeof value === "string") {
    appendExtra(block, name, value);
    return null;
  }
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // JSON.parse takes any depth; JSON.stringify ends with the stack.
    return { reason: "field_invalid", detail: `${path}${quoteName(name)} is nested too deeply` };
  }
  appendExtra(block, name, text);
  return null;
}
