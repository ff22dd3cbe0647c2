import { defaultEnvironment, environmentFault, isEnvironment } from "./environment.ts";
import { describeValue, type Fault, modelNameFault, type WireObject } from "./fault.ts";
import { futureToleranceMs, messageTimeFault, parseMessageTime } from "./message-time.ts";

/**
 * The fields of one event, checked as far as that needs no look into features and maps. One record is used for all
 * events: it is overwritten by the next.
 */
export interface EventFields {
  eventId: string;
  modelName: string;
  version: string;
  environment: string;
  arm: string;
  eventTimeMs: number;
  features: WireObject | null;
  prediction: number | string | null;
  scores: WireObject | null;
  entityKey: string;
  traceId: string;
  latencyMs: number | null;
  weight: number;
  cohorts: WireObject | null;
  attributions: WireObject | null;
  extra: WireObject | null;
  /** How many of the message's fields the contract names. */
  fieldCount: number;
}

/** Sums of squares of weights must stay finite, and exact enough to decide by. */
const maxWeight = 1e12;

const contractFields: ReadonlySet<string> = new Set([
  "event_id",
  "model",
  "version",
  "environment",
  "arm",
  "event_time",
  "features",
  "prediction",
  "scores",
  "entity_key",
  "trace_id",
  "latency_ms",
  "weight",
  "cohorts",
  "attributions",
  "extra",
]);

export function isContractField(name: string): boolean {
  return contractFields.has(name);
}

export function createEventFields(): EventFields {
  return {
    eventId: "",
    modelName: "",
    version: "",
    environment: defaultEnvironment,
    arm: "",
    eventTimeMs: 0,
    features: null,
    prediction: null,
    scores: null,
    entityKey: "",
    traceId: "",
    latencyMs: null,
    weight: 1,
    cohorts: null,
    attributions: null,
    extra: null,
    fieldCount: 0,
  };
}

/** All fields of a message, named by the contract or not. */
export function fieldCountOf(message: WireObject): number {
  let count = 0;
  for (const _ in message) count++;
  return count;
}

/**
 * Reads and checks an event's fields into `fields`. A field that is null counts as left out.
 *
 * @returns null, or the first thing wrong: `fields` is then unusable.
 */
export function readEventFields(
  message: WireObject,
  fields: EventFields,
  bounds: { readonly nowMs: number; readonly maxAgeMs: number },
): Fault | null {
  let count = 0;

  const model = message["model"];
  if (typeof model !== "string" || model === "") {
    return { reason: "model_missing", detail: `model is ${describeEmpty(model)}` };
  }
  const nameFault = modelNameFault(model);
  if (nameFault !== null) return nameFault;
  fields.modelName = model;
  const eventId = message["event_id"];
  if (typeof eventId !== "string" || eventId === "") {
    return { reason: "event_id_missing", detail: `event_id is ${describeEmpty(eventId)}` };
  }
  fields.eventId = eventId;
  const time = message["event_time"];
  const timeMs = parseMessageTime(time);
  // False for NaN: the rare path finds out what is wrong.
  if (!(timeMs <= bounds.nowMs + futureToleranceMs && timeMs >= bounds.nowMs - bounds.maxAgeMs)) {
    return messageTimeFault("event_time", time, bounds);
  }
  fields.eventTimeMs = timeMs;
  count += 3;

  const environment = message["environment"];
  if (environment === undefined) fields.environment = defaultEnvironment;
  else {
    count++;
    if (environment === null) fields.environment = defaultEnvironment;
    else if (typeof environment === "string" && isEnvironment(environment)) fields.environment = environment;
    else return environmentFault(environment);
  }

  const features = message["features"];
  if (features === undefined) fields.features = null;
  else {
    count++;
    if (!isObjectOrNull(features)) {
      return { reason: "features_invalid", detail: `features is ${describeValue(features)}, not an object` };
    }
    fields.features = features;
  }

  const prediction = message["prediction"];
  if (prediction === undefined) fields.prediction = null;
  else {
    count++;
    if (typeof prediction === "string" || prediction === null) fields.prediction = prediction;
    else if (typeof prediction === "number" && Number.isFinite(prediction)) fields.prediction = prediction;
    else {
      return {
        reason: "prediction_invalid",
        detail: `prediction is ${describeValue(prediction)}: send a finite number or a class name`,
      };
    }
  }

  const scores = message["scores"];
  if (scores === undefined) fields.scores = null;
  else {
    count++;
    if (!isObjectOrNull(scores)) {
      return { reason: "scores_invalid", detail: `scores is ${describeValue(scores)}, not an object` };
    }
    fields.scores = scores;
  }

  const version = message["version"];
  if (version === undefined) fields.version = "";
  else {
    count++;
    if (version !== null && typeof version !== "string") return notText("version", version);
    fields.version = version ?? "";
  }
  const arm = message["arm"];
  if (arm === undefined) fields.arm = "";
  else {
    count++;
    if (arm !== null && typeof arm !== "string") return notText("arm", arm);
    fields.arm = arm ?? "";
  }
  const entityKey = message["entity_key"];
  if (entityKey === undefined) fields.entityKey = "";
  else {
    count++;
    if (entityKey !== null && typeof entityKey !== "string") return notText("entity_key", entityKey);
    fields.entityKey = entityKey ?? "";
  }
  const traceId = message["trace_id"];
  if (traceId === undefined) fields.traceId = "";
  else {
    count++;
    if (traceId !== null && typeof traceId !== "string") return notText("trace_id", traceId);
    fields.traceId = traceId ?? "";
  }

  const latencyMs = message["latency_ms"];
  if (latencyMs === undefined) fields.latencyMs = null;
  else {
    count++;
    if (latencyMs !== null && (typeof latencyMs !== "number" || !Number.isFinite(latencyMs))) {
      return { reason: "field_invalid", detail: `latency_ms is ${describeValue(latencyMs)}, not a finite number` };
    }
    fields.latencyMs = latencyMs;
  }
  const weight = message["weight"];
  if (weight === undefined) fields.weight = 1;
  else {
    count++;
    if (weight === null) fields.weight = 1;
    else if (typeof weight === "number" && weight > 0 && weight <= maxWeight) fields.weight = weight;
    else {
      return {
        reason: "weight_invalid",
        detail: `weight is ${describeValue(weight)}, not a number above 0 and up to ${maxWeight}`,
      };
    }
  }

  const cohorts = message["cohorts"];
  if (cohorts === undefined) fields.cohorts = null;
  else {
    count++;
    if (!isObjectOrNull(cohorts)) return notObject("cohorts", cohorts);
    fields.cohorts = cohorts;
  }
  const attributions = message["attributions"];
  if (attributions === undefined) fields.attributions = null;
  else {
    count++;
    if (!isObjectOrNull(attributions)) return notObject("attributions", attributions);
    fields.attributions = attributions;
  }
  const extra = message["extra"];
  if (extra === undefined) fields.extra = null;
  else {
    count++;
    if (!isObjectOrNull(extra)) return notObject("extra", extra);
    fields.extra = extra;
  }
  fields.fieldCount = count;
  return null;
}

function isObjectOrNull(value: unknown): value is WireObject | null {
  return typeof value === "object" && !Array.isArray(value);
}

function notText(field: string, value: unknown): Fault {
  return { reason: "field_invalid", detail: `${field} is ${describeValue(value)}, not a string` };
}

function notObject(field: string, value: unknown): Fault {
  return { reason: "field_invalid", detail: `${field} is ${describeValue(value)}, not an object` };
}

/** For a name that must be there: an empty one is as good as none. */
export function describeEmpty(value: unknown): string {
  return value === "" ? "empty" : value === undefined ? "missing" : `${describeValue(value)}, not a string`;
}
