import { describe, expect, it } from "vitest";
import { createManualClock } from "../core/clock.ts";
import type { Intent } from "./intent.ts";
import type { PartitionBatch, RawMessage } from "./partition-batch.ts";
import { createProducerTraces } from "./producer-traces.ts";
import { createPartitionBuffer, type PartitionBuffer } from "./partition-buffer.ts";

/** Counts and remembers; decoding is another file's business. */
function createBatch(): PartitionBatch {
  const messages: RawMessage[] = [];
  return {
    add(message) {
      messages.push(message);
      return message.value === null ? { kind: "dropped", reason: "tombstone" } : { kind: "stored" };
    },
    get messages() {
      return messages.length;
    },
    get rows() {
      return messages.filter((message) => message.value !== null).length;
    },
    get bytes() {
      return messages.length * 100;
    },
    get firstOffset() {
      return messages[0]?.offset ?? -1;
    },
    get lastOffset() {
      return messages.at(-1)?.offset ?? -1;
    },
    decoding: () => ({ hash: "0123456789abcdef", newSchemas: [], newModels: [] }),
    traces: createProducerTraces(),
    blocks: () => [],
    deadLetters: [],
    release: () => {},
  };
}

const clock = createManualClock(1_000);
const place = { topic: "t", partition: 0 };

function buffer(committed: number | null, recovered: Intent | null = null): PartitionBuffer {
  return createPartitionBuffer({ place, kind: "events", generation: 1, committed, recovered, createBatch, clock });
}

function fetched(offsets: readonly number[], nextOffset = (offsets.at(-1) ?? 0) + 1, fetchedOffset = offsets[0] ?? 0) {
  const messages = offsets.map((offset) => ({ ...place, offset, value: Buffer.from("x"), timestampMs: offset * 10 }));
  return { ...place, generation: 1, fetchedOffset, nextOffset, highWatermark: nextOffset, messages };
}

function intent(lo: number, hi: number): Intent {
  return { lo, hi, firstTimestampMs: lo * 10, decoding: "0123456789abcdef", decodedAtMs: 0 };
}

describe("a partition's buffer", () => {
  it("hands over one range at a time, and the next begins where the last one ended", () => {
    const one = buffer(5);
    one.add(fetched([5, 6]), 0);
    const first = one.take();
    one.add(fetched([7]), 1);
    expect(one.take()).toBeNull();
    one.done(first!);
    const second = one.take();
    expect([first?.lo, first?.batch.lastOffset]).toEqual([5, 6]);
    expect([second?.lo, second?.batch.lastOffset]).toEqual([7, 7]);
  });

  it("begins where the partition begins if nothing was ever committed", () => {
    const one = buffer(null);
    one.add(fetched([100, 101]), 0);
    expect(one.take()?.lo).toBe(100);
  });

  it("takes holes in the offsets for what they are", () => {
    const one = buffer(5);
    one.add(fetched([8, 12], 15, 5), 0);
    const range = one.take();
    expect([range?.lo, range?.batch.lastOffset, one.nextOffset]).toEqual([5, 12, 15]);
  });

  it("says that everything is stored only when the last range is done", () => {
    const one = buffer(5);
    one.add(fetched([5, 6], 8), 0);
    expect(one.storedThrough).toBe(5);
    const range = one.take();
    expect(one.storedThrough).toBe(5);
    one.done(range!);
    expect(one.storedThrough).toBe(8);
  });

  it("counts what was dropped, by reason", () => {
    const one = buffer(0);
    const batch = fetched([0, 1, 2]);
    one.add({ ...batch, messages: batch.messages.map((message) => ({ ...message, value: null })) }, 0);
    expect(one.take()?.dropped).toEqual(new Map([["tombstone", 3]]));
  });

  it("counts the memory of the range that is being written", () => {
    const one = buffer(0);
    one.add(fetched([0, 1]), 0);
    const range = one.take();
    expect([one.bytes, one.waiting]).toEqual([200, 0]);
    one.done(range!);
    expect(one.bytes).toBe(0);
  });
});

describe("a successor's buffer", () => {
  it("forms exactly its predecessor's range, however the messages arrive", () => {
    for (const cuts of [
      [[5, 6, 7, 8, 9]],
      [
        [5, 6],
        [7, 8, 9],
      ],
      [[5], [6], [7], [8], [9]],
    ]) {
      const one = buffer(5, intent(5, 7));
      const ranges = [];
      for (const offsets of cuts) {
        one.add(fetched(offsets), 0);
        const range = one.take();
        if (range !== null) {
          ranges.push([range.lo, range.batch.firstOffset, range.batch.lastOffset, range.recovered !== null]);
          one.done(range);
        }
      }
      expect(ranges[0]).toEqual([5, 5, 7, true]);
    }
  });

  it("decodes it at the time at which its predecessor did", () => {
    const one = buffer(5, { ...intent(5, 7), decodedAtMs: 77 });
    one.add(fetched([5, 6, 7, 8]), 0);
    const first = one.take();
    one.done(first!);
    expect([first?.decodedAtMs, one.take()?.decodedAtMs]).toEqual([77, 1_000]);
  });

  it("does not hand over half a range", () => {
    const one = buffer(5, intent(5, 7));
    one.add(fetched([5, 6]), 0);
    expect([one.take(), one.oldestAtMs, one.recovering]).toEqual([null, null, true]);
  });

  it("ends the range when the log has passed over its last offset", () => {
    const one = buffer(5, intent(5, 7));
    one.add(fetched([5, 6]), 0);
    one.pass(8);
    expect(one.take()?.recovered?.hi).toBe(7);
  });

  it("ends the range at what is left of it when told so", () => {
    const one = buffer(5, intent(5, 7));
    one.add(fetched([5, 6]), 0);
    one.endRecovery();
    expect(one.take()?.batch.lastOffset).toBe(6);
    expect(one.recovering).toBe(false);
  });

  it("writes nothing for a range of which nothing is left, and goes on", () => {
    const one = buffer(5, intent(5, 7));
    one.add(fetched([20, 21], 22, 20), 0);
    const range = one.take();
    expect([range?.recovered, range?.batch.firstOffset, range?.batch.lastOffset]).toEqual([null, 20, 21]);
  });
});
