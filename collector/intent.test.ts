import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockToken, decodeIntent, encodeIntent, type Intent } from "./intent.ts";

const intents: fc.Arbitrary<Intent> = fc
  .record({
    lo: fc.integer({ min: 0, max: 2 ** 50 }),
    length: fc.integer({ min: 0, max: 1_000_000 }),
    firstTimestampMs: fc.integer({ min: -1, max: 2 ** 45 }),
    decoding: fc.stringMatching(/^[0-9a-f]{16}$/),
    decodedAtMs: fc.integer({ min: 0, max: 2 ** 45 }),
  })
  .map(({ length, ...intent }) => ({ ...intent, hi: intent.lo + length }));

const intent: Intent = { lo: 10, hi: 20, firstTimestampMs: 1, decoding: "0123456789abcdef", decodedAtMs: 5 };
const place = { topic: "leeway.events", partition: 3 };

describe("an intent", () => {
  it("comes back from offset metadata as it was", () => {
    fc.assert(
      fc.property(intents, (one) => {
        expect(decodeIntent(one.lo, encodeIntent(one))).toEqual({ kind: "intent", intent: one });
      }),
    );
  });

  it("is far below the 4,096 bytes that brokers take", () => {
    fc.assert(fc.property(intents, (one) => encodeIntent(one).length < 128));
  });

  it("is none where a range was finished", () => {
    expect(decodeIntent(10, null)).toEqual({ kind: "none" });
    expect(decodeIntent(10, "")).toEqual({ kind: "none" });
  });

  it("is not read from what somebody else wrote", () => {
    fc.assert(fc.property(fc.string({ minLength: 1 }), (text) => decodeIntent(10, text).kind === "unreadable"));
  });

  it("does not count if it names another offset than the committed one, or ends before it begins", () => {
    expect(decodeIntent(11, encodeIntent(intent)).kind).toBe("unreadable");
    expect(decodeIntent(10, encodeIntent({ ...intent, hi: 9 })).kind).toBe("unreadable");
  });
});

describe("a token", () => {
  it("is the same for everyone who writes the same block of a range, whenever and however decoded", () => {
    const block = { table: "events", month: "202611" };
    const successor = { ...intent, decoding: "fedcba9876543210", decodedAtMs: 99 };
    expect(blockToken(place, successor, block)).toBe(blockToken(place, intent, block));
  });

  it("differs by range, month, table, place, first message and rest", () => {
    const block = { table: "events", month: "202611" };
    const tokens = [
      blockToken(place, intent, block),
      blockToken(place, { ...intent, hi: 21 }, block),
      blockToken(place, { ...intent, firstTimestampMs: 2 }, block),
      blockToken(place, intent, { ...block, month: "202612" }),
      blockToken(place, intent, { ...block, table: "labels" }),
      blockToken({ ...place, partition: 4 }, intent, block),
      blockToken(place, intent, block, "fedcba9876543210"),
    ];
    expect(new Set(tokens).size).toBe(tokens.length);
  });
});
