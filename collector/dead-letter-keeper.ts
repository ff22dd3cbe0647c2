import type { DeadLetter } from "./partition-batch.ts";

/** Where messages go that cannot become rows: a topic of Kafka, or a table. */
export interface DeadLetterKeeper {
  /**
   * Resolves when they are safe. At least once: a crash may keep a letter again, under the same topic, partition and offset.
   *
   * @throws LeewayError, retryable.
   */
  send(letters: readonly DeadLetter[]): Promise<void>;
}
