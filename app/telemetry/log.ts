import { pino, type Logger as PinoLogger } from "pino";
import { LeewayError } from "../../core/errors.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;

/** Pino's logger; it fits `core/logger.ts` and fastify. */
export type Log = PinoLogger;

/** Names under which secrets might be handed to a logger by accident, at any of the first levels. */
const secretKeys = ["password", "token", "readerToken", "authorization", "secret", "apiKey", "sasl", "headers"];

/**
 * JSON lines on standard error: `level` in words, `time` in ISO 8601, `msg`, and the fields of the piece that speaks
 * (`role`, `model`). Never a secret, never the content of a message.
 *
 * @param level From `LEEWAY_LOG`; `info` if it is not set.
 * @throws usage if the level is none of `logLevels`.
 */
export function createLog(options: {
  readonly level: string | undefined;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly destination?: { write: (line: string) => void };
  /** Asked at each line, for what belongs to the moment: the span that is active. */
  readonly lineFields?: (() => object) | undefined;
}): Log {
  const level = options.level === undefined || options.level === "" ? "info" : options.level;
  if (!(logLevels as readonly string[]).includes(level)) {
    throw new LeewayError("usage", `LEEWAY_LOG is ${JSON.stringify(level)}; use one of ${logLevels.join(", ")}`);
  }
  return pino(
    {
      level,
      base: options.fields ?? {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: "[redacted]" },
      serializers: { err: describeError },
      ...(options.lineFields !== undefined && { mixin: options.lineFields }),
    },
    // Synchronous: the last lines before an exit are the ones that are needed.
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
}

/** Errors without what may hang on them: a client's error can carry the request with its headers. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error);
  return {
    type: error.name,
    message: error.message,
    ...("code" in error && { code: error.code }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}
