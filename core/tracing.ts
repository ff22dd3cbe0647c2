/** Numbers, names and ids; never the content of a message. Names follow OpenTelemetry's conventions where there are any. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A piece of work as a trace shows it. */
export interface Span {
  /** How others go on from here, on whatever way it reaches them; null if nothing is traced. */
  readonly traceparent: string | null;
  readonly set: (attributes: SpanAttributes) => void;
  /** It ended without an error thrown, and without success: `reason` says why, in half a line without a secret. */
  readonly fail: (reason: string) => void;
}

export interface SpanOptions {
  /** In the words of OpenTelemetry; `internal` by default. */
  readonly kind?: "internal" | "server" | "client" | "consumer" | "producer";
  /** A valid `traceparent` from outside; null or left out: the span that is active here, else a trace of its own. */
  readonly parent?: string | null;
  /** Valid `traceparent`s of spans that it goes back to without being their child. */
  readonly links?: readonly string[];
  readonly attributes?: SpanAttributes;
  /** When it began, ms since the epoch, if that was earlier than now. */
  readonly startMs?: number;
}

/** What the pieces trace through. Whoever starts the process decides whether anything listens. */
export interface Tracing {
  /** False: spans cost a function call, and looking for their parents can be left out. */
  readonly enabled: boolean;
  /** Runs `work` within a span, which is active meanwhile. What it throws is noted in the span and thrown on. */
  readonly span: <Result>(name: string, options: SpanOptions, work: (span: Span) => Promise<Result>) => Promise<Result>;
}

const ignore = () => {};
const untraced: Span = { traceparent: null, set: ignore, fail: ignore };

/** Nothing is traced. */
export const noTracing: Tracing = { enabled: false, span: (_name, _options, work) => work(untraced) };
