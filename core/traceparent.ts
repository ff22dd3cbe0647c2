/** Names of spans and traces as messages carry them: W3C Trace Context, level 1, the field `traceparent`. */

/**
 * Whether a text is a `traceparent` that may be continued: a version that is known or a later one that begins alike, and
 * neither id all zeros. Anything else counts as absent (W3C Trace Context 3.2).
 */
export function isTraceparent(text: string): boolean {
  return traceparentPattern.test(text);
}

const traceparentPattern =
  /^(?:00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}|(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)$/;

/** 32 hex digits of a valid `traceparent`. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** 16 hex digits of a valid `traceparent`. */
export function spanIdOf(traceparent: string): string {
  return traceparent.slice(36, 52);
}

/** Whether who made a valid `traceparent` records the trace. */
export function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(53, 55), 16) & 1) === 1;
}

/** @param ids 32 and 16 hex digits. */
export function formatTraceparent(ids: {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}): string {
  return `00-${ids.traceId}-${ids.spanId}-${ids.sampled ? "01" : "00"}`;
}
