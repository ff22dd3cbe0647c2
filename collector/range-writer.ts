import type { Clock } from "../core/clock.ts";
import { LeewayError } from "../core/errors.ts";
import type { Facts } from "../store/facts/client.ts";
import { storedOffsets } from "../store/facts/stored-offsets.ts";
import { blockToken, type Intent } from "./intent.ts";
import type { Block } from "./partition-batch.ts";
import type { Patience } from "./patience.ts";
import type { Segment } from "./partition-buffer.ts";
import type { DeadLetterKeeper } from "./dead-letter-keeper.ts";

/**
 * How long a token is relied on. The deduplication window holds the last 10,000 inserts of a table, so this is right up
 * to 33 inserts a second; beyond this age the store is asked, which is exact and costs a look at three columns.
 */
export const trustTokensForMs = 5 * 60_000;

export interface RangeWriter {
  /**
   * Stores a segment's rows once, however often and by however many collectors it is tried, then sends its dead letters
   * (at least once). Pushback and outages are waited out; nothing is dead-lettered for them.
   *
   * @param signal Aborted when the partition belongs to somebody else: then it resolves `lost`, and the successor finishes.
   * @param traceparent Of the span that this is; stored with the events. Null if nothing is traced.
   * @throws LeewayError that is not retryable.
   */
  write(segment: Segment, intent: Intent, signal: AbortSignal, traceparent?: string | null): Promise<WriteOutcome>;
}

export type WriteOutcome =
  | { readonly kind: "written"; readonly deadLetters: Segment["batch"]["deadLetters"] }
  | { readonly kind: "lost" };

export function createRangeWriter(options: {
  readonly facts: Facts;
  readonly deadLetters: DeadLetterKeeper;
  readonly clock: Clock;
  readonly patience: Patience;
  /** `trustTokensForMs` unless told otherwise; 0 asks the store about every range that was begun before. */
  readonly trustTokensForMs?: number;
}): RangeWriter {
  const { facts, deadLetters, clock, patience } = options;
  const trustForMs = options.trustTokensForMs ?? trustTokensForMs;

  const alreadyStored = async (segment: Segment, intent: Intent) => {
    const { topic, partition } = segment.place;
    try {
      return await storedOffsets(facts, { table: segment.kind, topic, partition, lo: intent.lo, hi: intent.hi });
    } catch (cause) {
      if (cause instanceof LeewayError && cause.retryable) throw cause;
      const range = `${topic}/${partition} ${intent.lo}-${intent.hi}`;
      const message = `the range ${range} was left unfinished and the store cannot be asked what it holds of it: grant SELECT on ${segment.kind}`;
      throw new LeewayError("intent_too_old", message, { cause });
    }
  };

  return {
    async write(segment, intent, signal, traceparent = null) {
      const { batch } = segment;
      const sameDecoding = batch.decoding().hash === intent.decoding;
      let stored: ReadonlyMap<number, string> | null = null;
      let blocks: readonly Block[] | null = null;
      const written = new Set<string>();

      const insert = async (attempt: number) => {
        // The first attempt of a range of our own cannot meet an earlier one.
        const earlier = segment.recovered !== null || attempt > 0;
        const trusted = sameDecoding && clock.now() - intent.decodedAtMs < trustForMs;
        if (earlier && !trusted) {
          stored = await alreadyStored(segment, intent);
          blocks = null;
        }
        blocks ??= batch.blocks({ traceparent, ...(stored !== null && { except: new Set(stored.keys()) }) });
        const months = new Set(stored?.values());
        for (const block of blocks) {
          const name = `${block.table}/${block.month}`;
          if (block.rows === 0 || written.has(name)) continue;
          // A block is stored whole or not at all. If its month has rows of the range, what is left is what the earlier
          // decoding refused; otherwise everything goes under the token that the earlier writer would have used.
          const rest = months.has(block.month) ? batch.decoding().hash : null;
          const token = blockToken(segment.place, intent, block, rest);
          await facts.insertBlock({ table: block.table, columns: block.columns, body: block.body, token });
          written.add(name);
        }
      };
      if (!(await patience.wait("store", signal, insert))) return { kind: "lost" };
      blocks = null;

      const known: ReadonlyMap<number, string> | null = stored;
      const letters = batch.deadLetters.filter((letter) => known === null || !hasOffset(known, letter.offset));
      if (letters.length > 0 && !(await patience.wait("kafka", signal, () => deadLetters.send(letters)))) {
        return { kind: "lost" };
      }
      return { kind: "written", deadLetters: letters };
    },
  };
}

function hasOffset(stored: ReadonlyMap<number, string>, offset: number): boolean {
  return stored.has(offset);
}
