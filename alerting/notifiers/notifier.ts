import type * as z from "zod";
import type { IncidentMessage } from "../message.ts";

/** What became of one attempt. `error` is one line without any secret: it is stored, logged and shown. */
export type DeliveryResult =
  /** Taken. `note`: what nevertheless did not go as wished, such as one of several addresses that was refused. */
  | { readonly kind: "ok"; readonly note?: string }
  /** It may succeed later; not before `retryAfterMs`, if the receiver said so. */
  | { readonly kind: "retryable"; readonly error: string; readonly retryAfterMs?: number }
  | { readonly kind: "permanent"; readonly error: string };

export interface Notifier {
  /**
   * One attempt. Never throws: a failure is a result. Delivery is at least once; receivers tell repetitions by the
   * idempotency key.
   *
   * @param attempt.traceparent Of the attempt's span, for a receiver that goes on with the trace; null or absent if
   *   nothing is traced.
   */
  readonly deliver: (
    message: IncidentMessage,
    attempt: { readonly idempotencyKey: string; readonly signal: AbortSignal; readonly traceparent?: string | null },
  ) => Promise<DeliveryResult>;
}

/** What notifiers get from outside. */
export interface NotifierDeps {
  /** Where `console` prints. */
  readonly printedTo: TextOutput;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Absent: nothing is found again, as in a drill. */
  readonly memory?: ReceiverMemory;
}

/** What a receiver finds again about an incident, whatever happened to the process; durable once `write` returns. */
export interface ReceiverMemory {
  readonly read: (incidentId: string) => string | null;
  readonly write: (incidentId: string, value: string) => void;
}

export interface TextOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** One way to reach people: one file and one line in the registry. */
export interface NotifierKind<Options extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly summary: string;
  /** The options under the notifier's name in `receivers`; its JSON Schema is part of the configuration's. */
  readonly options: Options;
  /** Where it sends to, in half a line and without a secret, as `leeway receivers list` shows it. */
  readonly destination?: (options: z.output<Options>) => string;
  readonly createNotifier: (options: z.output<Options>, deps: NotifierDeps) => Notifier;
}

export function defineNotifier<Options extends z.ZodType>(kind: NotifierKind<Options>): NotifierKind<Options> {
  return kind;
}
