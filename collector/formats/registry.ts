import type { Format } from "./format.ts";
import { leewayJson } from "./leeway-json.ts";

/** Closed: a new format is one file and one line here. */
export const formats = {
  "leeway-json": leewayJson,
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof formats;
