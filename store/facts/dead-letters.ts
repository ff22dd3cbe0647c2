import type { Facts } from "./client.ts";

/** A message that cannot become a row, on its way into the table `dead_letters`. */
export interface StoredDeadLetter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly detail: string;
  /** The message's bytes, cut if it is large. */
  readonly value: Buffer;
  /** Of the whole message, in hex. */
  readonly sha256: string;
  readonly timestampMs: number;
}

/** Keeps dead letters for 90 days. At least once: a repeated one replaces itself. */
export async function writeDeadLetters(facts: Facts, letters: readonly StoredDeadLetter[]): Promise<void> {
  const rows = letters.map((letter) => ({
    topic: letter.topic,
    partition: letter.partition,
    offset: letter.offset,
    reason: letter.reason,
    detail: letter.detail,
    // JSON carries text only: bytes that are no UTF-8 are shown as such, and the sha256 tells of the original.
    value: letter.value.toString("utf8"),
    sha256: letter.sha256,
    received_at: (letter.timestampMs / 1000).toFixed(3),
  }));
  await facts.insertRows("dead_letters", rows, null);
}
