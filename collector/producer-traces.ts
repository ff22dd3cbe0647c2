import { isSampled, traceIdOf } from "../core/traceparent.ts";

/** The traces that the messages of one batch came in, as far as they can be named. */
export interface ProducerTraces {
  /** @param traceparent Valid. */
  readonly add: (traceparent: string) => void;
  /** The first span, if all messages came in one trace: the batch is its child. Else null. */
  readonly parent: () => string | null;
  /** The other spans, each once, at most `maxLinks` of them; those that are recorded somewhere first. */
  readonly links: () => readonly string[];
}

/** OpenTelemetry's default limit of a span's links. */
export const maxLinks = 128;

export function createProducerTraces(): ProducerTraces {
  const recorded = new Set<string>();
  const unrecorded = new Set<string>();
  let first: string | null = null;
  let single = true;
  const parent = () => (single ? first : null);
  return {
    add: (traceparent) => {
      first ??= traceparent;
      single &&= traceIdOf(first) === traceIdOf(traceparent);
      // One more than are named, since the parent is none of them.
      if (recorded.size > maxLinks) return;
      if (isSampled(traceparent)) recorded.add(traceparent);
      else if (unrecorded.size <= maxLinks) unrecorded.add(traceparent);
    },
    parent,
    links: () => [...recorded, ...unrecorded].filter((one) => one !== parent()).slice(0, maxLinks),
  };
}
