import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { deadLetterMessage } from "./kafka-dead-letters.ts";
import { splitByBytes } from "./kafka-producer.ts";

const value = Buffer.alloc(300 * 1024, "x");
const letter = {
  topic: "leeway.events",
  partition: 2,
  offset: 41,
  reason: "malformed_json" as const,
  detail: "unexpected end",
  value,
  sha256: createHash("sha256").update(value).digest("hex"),
  timestampMs: Date.UTC(2026, 0, 2),
};

describe("a dead letter's message", () => {
  it("says where it came from and why", () => {
    expect(deadLetterMessage({ ...letter, value: Buffer.from("{") })).toMatchObject({
      key: "leeway.events/2/41",
      value: Buffer.from("{"),
      headers: {
        "leeway.reason": "malformed_json",
        "leeway.error": "unexpected end",
        "leeway.topic": "leeway.events",
        "leeway.partition": "2",
        "leeway.offset": "41",
        "leeway.time": "2026-01-02T00:00:00.000Z",
      },
    });
  });

  it("has 256 KB of the value at most, and the sha256 of all of it", () => {
    const message = deadLetterMessage(letter);
    expect(message.value).toHaveLength(256 * 1024);
    expect(message.headers?.["leeway.sha256"]).toBe(letter.sha256);
  });
});

describe("splitting by bytes", () => {
  it("keeps all messages in order and every group within the limit", () => {
    const messages = Array.from({ length: 50 }, (_, index) => ({ value: Buffer.alloc(index * 1000), key: `${index}` }));
    const groups = splitByBytes(messages, 100_000);
    expect(groups.flat()).toEqual(messages);
    for (const group of groups) {
      expect(group.reduce((sum, message) => sum + (message.value?.length ?? 0), 0)).toBeLessThanOrEqual(100_000);
    }
  });

  it("lets a message that is larger by itself travel alone", () => {
    const large = { value: Buffer.alloc(2000) };
    expect(splitByBytes([large, large], 1000)).toEqual([[large], [large]]);
  });
});
