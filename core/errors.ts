/**
 * Errors say that the world is broken (bad *data* is a value, see `DeadLetterReason`). The codes are closed: they appear
 * in logs, API answers and the documentation, and a test compares the lists.
 */
export const errorCodes = {
  usage: "the command line could not be understood",
  config_invalid: "a configuration file is wrong; every fault is listed with file, line and path",
  schema_outdated: "the store's tables are older or newer than this program",
  store_unreachable: "ClickHouse, or the embedded engine, did not answer",
  store_busy: "ClickHouse pushed back: too many parts, or no memory for this query",
  store_full: "the disk of ClickHouse, or of the embedded engine, is full",
  store_rejected: "ClickHouse refused a statement for good",
  engine_missing: "the embedded engine (npm package chdb) is not installed",
  engine_running: "another process runs an engine on this data directory",
  state_unreadable: "the state file could not be opened or written",
  kafka_unreachable: "no Kafka broker answered",
  kafka_topic_missing: "a configured topic does not exist",
  kafka_stopped: "the Kafka consumer ended and cannot go on",
  intent_too_old: "an unfinished range is older than the deduplication window can vouch for",
  baseline_unreadable: "a baseline's file or range could not be read",
  file_unreadable: "a file named on the command line is not there, or is not what its name says",
  insufficient_data: "a sample has too few values for what was asked of it",
  address_in_use: "the port is taken by another program",
  token_required: "listening beyond loopback needs a token",
  notifier_failed: "a notification could not be delivered",
  check_failed: "the thing asked about is not as it should be",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Process exit codes: 1 not as it should be, 2 usage or configuration, 3 a needed part could not be reached. */
export type ExitCode = 1 | 2 | 3;

const exitCodes: Partial<Record<ErrorCode, ExitCode>> = {
  check_failed: 1,
  usage: 2,
  config_invalid: 2,
  schema_outdated: 2,
  token_required: 2,
  baseline_unreadable: 2,
  insufficient_data: 2,
  file_unreadable: 2,
};

export class LeewayError extends Error {
  override readonly name = "LeewayError";
  readonly code: ErrorCode;
  /** True if the same call may succeed later without anyone changing anything. */
  readonly retryable: boolean;

  /** @param message One line: what, where, what to do. It never holds a secret or a message's content. */
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }

  get exitCode(): ExitCode {
    return exitCodes[this.code] ?? 3;
  }
}
