import * as z from "zod";

/** How long one attempt may take, as notifiers are told it. */
export const timeoutOption = z.string().regex(/^[1-9]\d{0,5}(ms|s|m)$/, "is not a duration; write it as 10s");

export function timeoutMs(text: string): number {
  const [, digits = "0", unit = "s"] = /^(\d+)(ms|s|m)$/.exec(text) ?? [];
  return Number(digits) * { ms: 1, s: 1000, m: 60_000 }[unit as "ms" | "s" | "m"];
}
