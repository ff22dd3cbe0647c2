import { defaultEnvironment, environmentFault, isEnvironment } from "./environment.ts";
import { describeValue, type Fault, modelNameFault, type WireObject } from "./fault.ts";
import { describeEmpty } from "./inference-event.ts";
import { futureToleranceMs, messageTimeFault, parseMessageTime } from "./message-time.ts";

/** The fields of one label, checked. One record is used for all labels: it is overwritten by the next. */
export interface LabelFields {
  eventId: string;
  entityKey: string;
  modelName: string;
  environment: string;
  /** Empty: what really happened. */
  name: string;
  label: number | string;
  labelTimeMs: number;
}

/** Names of outcomes: they become parts of metrics' names. */
const outcomeName = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;

export function createLabelFields(): LabelFields {
  return {
    eventId: "",
    entityKey: "",
    modelName: "",
    environment: defaultEnvironment,
    name: "",
    label: 0,
    labelTimeMs: 0,
  };
}

/**
 * Reads and checks a label into `fields`. A field that is null counts as left out; fields that the contract does not
 * name are passed over, since a label has nowhere to keep them.
 *
 * @returns null, or the first thing wrong: `fields` is then unusable.
 */
export function readLabelFields(
  message: WireObject,
  fields: LabelFields,
  bounds: { readonly nowMs: number; readonly maxAgeMs: number },
): Fault | null {
  const model = message["model"];
  if (typeof model !== "string" || model === "") {
    return { reason: "model_missing", detail: `model is ${describeEmpty(model)}` };
  }
  const nameFault = modelNameFault(model);
  if (nameFault !== null) return nameFault;
  fields.modelName = model;

  const eventId = message["event_id"] ?? "";
  if (typeof eventId !== "string") {
    return { reason: "field_invalid", detail: `event_id is ${describeValue(eventId)}, not a string` };
  }
  const entityKey = message["entity_key"] ?? "";
  if (typeof entityKey !== "string") {
    return { reason: "field_invalid", detail: `entity_key is ${describeValue(entityKey)}, not a string` };
  }
  if (eventId === "" && entityKey === "") {
    return { reason: "key_missing", detail: "the label names neither event_id nor entity_key" };
  }
  fields.eventId = eventId;
  fields.entityKey = entityKey;

  const time = message["label_time"];
  const timeMs = parseMessageTime(time);
  if (!(timeMs <= bounds.nowMs + futureToleranceMs && timeMs >= bounds.nowMs - bounds.maxAgeMs)) {
    return messageTimeFault("label_time", time, bounds);
  }
  fields.labelTimeMs = timeMs;

  const environment = message["environment"] ?? defaultEnvironment;
  if (typeof environment !== "string" || !isEnvironment(environment)) return environmentFault(environment);
  fields.environment = environment;

  const name = message["name"] ?? "";
  if (typeof name !== "string" || (name !== "" && !outcomeName.test(name))) {
    const detail = `name is ${describeValue(name)}: letters, digits, _ . and - name an outcome, at most 64 of them`;
    return { reason: "field_invalid", detail };
  }
  fields.name = name;

  const label = message["label"];
  if (label === undefined || label === null) {
    return { reason: "label_missing", detail: `label is ${label === null ? "null" : "missing"}` };
  }
  if (name !== "" && !(typeof label === "number" && Number.isFinite(label))) {
    return {
      reason: "label_invalid",
      detail: `label is ${describeValue(label)}: the outcome ${name} is a finite number`,
    };
  }
  if (typeof label === "boolean") fields.label = label ? "true" : "false";
  else if (typeof label === "string" || (typeof label === "number" && Number.isFinite(label))) fields.label = label;
  else {
    const detail = `label is ${describeValue(label)}: send a class name, a finite number, true or false`;
    return { reason: "label_invalid", detail };
  }
  return null;
}
