import type { RawMessage } from "./partition-batch.ts";

/** A partition of a topic of the log. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

export interface Position extends Place {
  /** The next offset to read; null if nothing was ever committed. */
  readonly offset: number | null;
  readonly metadata: string | null;
}

export interface Commit extends Place {
  readonly offset: number;
  readonly metadata: string | null;
}

/** What one fetch brought of one partition, in order of offsets. */
export interface LogBatch extends Place {
  readonly generation: number;
  /** The offset that was asked for: everything from here to `nextOffset` that exists is in `messages`. */
  readonly fetchedOffset: number;
  readonly nextOffset: number;
  /** One past the partition's last offset. */
  readonly highWatermark: number;
  readonly messages: readonly RawMessage[];
}

/** `lost`: the generation is over, somebody else may own the partitions, and nothing was committed. */
export type CommitOutcome = "committed" | "lost";

/** What a collector needs of a consumer group's member. The only one is Kafka's (`sources/kafka.ts`). */
export interface LogConsumer extends AsyncDisposable {
  /** Commits all at once, or nothing. Retries while the generation lasts; resolves `lost` when it is over. */
  commit(generation: number, commits: readonly Commit[]): Promise<CommitOutcome>;
  /** What is committed, read when nobody else may commit any more. */
  positions(places: readonly Place[]): Promise<readonly Position[]>;
  /** First and one-past-last offset of each partition of a topic. */
  extent(topic: string): Promise<ReadonlyMap<number, { readonly low: number; readonly high: number }>>;
  /** Goes back (or forth) to an offset; batches under way are dropped. */
  seek(place: Place, offset: number): void;
  pause(places: readonly Place[]): void;
  resume(places: readonly Place[]): void;
  /** Rejects when the member has ended and cannot go on; never resolves before disposal. */
  readonly stopped: Promise<void>;
}

export interface LogHandler {
  /**
   * The group has (re)joined: everything of earlier generations is over. No batch of the new generation is handed over
   * before the promise resolves.
   */
  assigned(generation: number, places: readonly Place[], signal: AbortSignal): Promise<void>;
  /** Takes a batch over. It must not throw for bad data. */
  batch(batch: LogBatch): Promise<void> | void;
  /** Offsets without messages (aborted or control records) were passed over. */
  passed(generation: number, place: Place, nextOffset: number): void;
}

export function placeKey(place: Place): string {
  return `${place.partition}/${place.topic}`;
}
