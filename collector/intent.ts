/**
 * An intent is what a collector says, in the metadata of a Kafka offset commit, before it writes a range of a partition:
 * which offsets, under which token, decoded how. Whoever takes the partition over reads it and finishes the same range.
 */
export interface Intent {
  /** First and last offset of the range, both inclusive. `lo` is the committed offset the metadata belongs to. */
  readonly lo: number;
  readonly hi: number;
  /**
   * Kafka timestamp of the range's first message. It is part of the tokens, so that the offsets of a topic that was
   * deleted and made again are not taken for those of the old one.
   */
  readonly firstTimestampMs: number;
  /** 16 hex digits: what the decoding depended on. A different hash may decode the range to other rows. */
  readonly decoding: string;
  /** What the decoding took for now, on the writing collector's clock: shortly before the intent was first committed. */
  readonly decodedAtMs: number;
}

/** Brokers refuse offset metadata of more than 4,096 bytes; an intent has about 90. */
export function encodeIntent(intent: Intent): string {
  return `leeway:1 ${intent.lo} ${intent.hi} ${intent.firstTimestampMs} ${intent.decoding} ${intent.decodedAtMs}`;
}

const form = /^leeway:1 (\d{1,16}) (\d{1,16}) (-?\d{1,16}) ([0-9a-f]{16}) (\d{1,16})$/;

export type DecodedIntent =
  | { readonly kind: "none" }
  | { readonly kind: "intent"; readonly intent: Intent }
  /** Metadata of someone else, or of a release that writes another form. */
  | { readonly kind: "unreadable"; readonly detail: string };

/**
 * Reads the metadata committed with an offset. Metadata that do not fit the offset they were committed with are
 * `unreadable`: acting on them could skip or repeat messages.
 */
export function decodeIntent(committedOffset: number, metadata: string | null): DecodedIntent {
  if (metadata === null || metadata === "") return { kind: "none" };
  const parts = form.exec(metadata);
  if (parts === null) return { kind: "unreadable", detail: "not an intent of this release" };
  const [lo, hi, firstTimestampMs, decodedAtMs] = [parts[1], parts[2], parts[3], parts[5]].map(Number) as [
    number,
    number,
    number,
    number,
  ];
  if (![lo, hi, firstTimestampMs, decodedAtMs].every(Number.isSafeInteger)) {
    return { kind: "unreadable", detail: "a number is too large" };
  }
  if (lo !== committedOffset) return { kind: "unreadable", detail: `lo ${lo} is not the offset ${committedOffset}` };
  if (hi < lo) return { kind: "unreadable", detail: `hi ${hi} is before lo ${lo}` };
  return { kind: "intent", intent: { lo, hi, firstTimestampMs, decoding: parts[4] as string, decodedAtMs } };
}

/**
 * The deduplication token of one block of a range. `rest` marks rows that a differently decoding successor adds to a
 * block that is already stored; without it, every writer of a range uses the same token, so that a writer who was thought
 * dead and is not cannot add a second copy.
 */
export function blockToken(
  place: { readonly topic: string; readonly partition: number },
  intent: Intent,
  block: { readonly table: string; readonly month: string },
  rest: string | null = null,
): string {
  const range = `${place.topic}/${place.partition}/${intent.lo}-${intent.hi}@${intent.firstTimestampMs}`;
  return `${range}/${block.table}/${block.month}${rest === null ? "" : `/rest-${rest}`}`;
}
