/** The inference event: what a service says about one prediction. The wire form and its units are in `docs/events.md`. */

export type FeatureValue = number | string | boolean | null;

/** `replay-…` and `baseline-…` are reserved for Leeway's own replays and reference rows. */
export const environments = ["production", "staging", "shadow", "training", "validation"] as const;

export const baselineEnvironmentPrefix = "baseline-";
export const replayEnvironmentPrefix = "replay-";

export interface InferenceEvent {
  /** Chosen by the producer; two messages with one id are two events, and one label joins both. */
  readonly eventId: string;
  readonly model: string;
  /** Empty if the producer does not say. */
  readonly version: string;
  readonly environment: string;
  /** Canary or A/B arm; empty if there is none. */
  readonly arm: string;
  /** When the prediction was made, ms since the epoch. */
  readonly eventTimeMs: number;
  readonly features: Readonly<Record<string, FeatureValue>>;
  /** A class (string) or an estimate (number); null if the event only carries scores. */
  readonly prediction: number | string | null;
  /** Score per class, e.g. `{ late: 0.31 }`. */
  readonly scores: Readonly<Record<string, number>>;
  /** What late labels and erasure requests refer to; empty if there is none. */
  readonly entityKey: string;
  readonly traceId: string;
  readonly latencyMs: number | null;
  /** 1 / sampling share: an event sampled at 10 % stands for 10. */
  readonly weight: number;
  /** Attributes to slice by that are not features, e.g. `{ origin_state: "NY" }`. */
  readonly cohorts: Readonly<Record<string, string>>;
  /** SHAP or LIME value per feature. */
  readonly attributions: Readonly<Record<string, number>>;
  readonly extra: Readonly<Record<string, string>>;
}

/** Why a message could not become a row. Closed: the reasons are metric labels, header values and documentation rows. */
export const deadLetterReasons = {
  malformed_json: "the value is not JSON (NaN and Infinity are not JSON either)",
  not_an_object: "the value is JSON but not an object",
  too_large: "the value is larger than the configured limit",
  model_missing: "model is missing, empty or not a string",
  model_limit: "a new model would exceed discovery's max_models",
  model_undeclared: "discovery is `declared` and no configuration names this model",
  event_id_missing: "event_id is missing, empty or not a string",
  time_missing: "event_time (label_time) is missing",
  time_invalid: "event_time (label_time) is neither RFC 3339 with a zone nor milliseconds since 1970",
  future_time: "event_time (label_time) is more than an hour ahead of the clock",
  past_time: "event_time (label_time) is older than max_event_age",
  environment_invalid: "environment is not one of the known names",
  features_invalid: "features is not an object of numbers, strings, booleans and nulls",
  prediction_invalid: "prediction is neither a number nor a string",
  scores_invalid: "scores is not an object of finite numbers",
  field_invalid: "another field has the wrong type; the error header names it",
  weight_invalid: "weight is not a number above 0 and up to 1e12",
  label_missing: "label is missing or null",
  label_invalid: "label is neither a number, a string nor a boolean",
  key_missing: "a label needs event_id or entity_key",
} as const;

export type DeadLetterReason = keyof typeof deadLetterReasons;

/** Why a message was set aside on purpose. */
export const dropReasons = {
  tombstone: "a Kafka tombstone (null value) says nothing about a prediction",
} as const;

export type DropReason = keyof typeof dropReasons;
