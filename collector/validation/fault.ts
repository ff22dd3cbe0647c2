import type { DeadLetterReason } from "../../core/inference-event.ts";

/** Why a message cannot become a row. */
export interface Fault {
  readonly reason: DeadLetterReason;
  /** One line for the producer: which field, what was found, what to send instead. */
  readonly detail: string;
}

/** A JSON object as it came over the wire. */
export type WireObject = Readonly<Record<string, unknown>>;

/** Any JSON value, named for a person: `the string "abc"`, `an array`, `null`. */
export function describeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (typeof value === "string") return `the string ${quoteName(value)}`;
  return `the ${typeof value} ${String(value)}`;
}

const longestName = 64;

/** A name or value out of a message, in quotes, on one line and cut to 64 characters. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > longestName ? `${name.slice(0, longestName)}…` : name);
}

const maxModelNameLength = 256;

/** A model's name is a metric label, the name of a view and part of every key, so it may not be endless. */
export function modelNameFault(name: string): Fault | null {
  if (name.length <= maxModelNameLength) return null;
  const characters = [...name].length;
  if (characters <= maxModelNameLength) return null;
  return { reason: "field_invalid", detail: `model has ${characters} characters; ${maxModelNameLength} is the limit` };
}
