import { describe, expect, it } from "vitest";
import { decompressLz4 } from "./lz4.ts";

const plain = `${Array.from({ length: 40 }, (_, index) => {
  const features = { hour: index % 24, origin: ["ORD", "JFK"][index % 2] };
  return `${JSON.stringify({ event_id: `e${index}`, model: "delay", features })}\n`;
}).join("")}${"a".repeat(300)}\n`;

/** Written by the reference implementation, lz4 1.9.4. */
const frames = {
  "independent blocks without a checksum (-BI --no-frame-crc)":
    "BCJNGGBAguUBAAD6OHsiZXZlbnRfaWQiOiJlMCIsIm1vZGVsIjoiZGVsYXkiLCJmZWF0dXJlcyI6eyJob3VyIjowLCJvcmlnaW4iOiJPUkQifX0KRwAfMUcAEhcxRwA+SkZLRwAfMkcAEhcyRwAPjgACHzNHABIXM0cAD44AAh80RwASFzRHAA+OAAIfNUcAEhc1RwAPjgACHzZHABIXNkcAD44AAh83RwASFzdHAA+OAAIfOEcAEhc4RwAPjgACHzlHABIXOUcAD44AAh8xxwITHzHIAg8PyQIUD8oCDh8xywITHzHMAg4fMc0CEx8xzgIOHzHPAhMfMdACDh8x0QITHzHSAg4fMdMCEx8x1AIOHzHVAhMfMdYCDh8x1wITHzHYAg4fMdkCEx8x2gIOHzLaAhMfMtoCDh8y2gITHzLaAg4fMtoCEx8y2gIOHzLaAhMfMtoCDh8y2gITDyMBDw/ZAhQPjgQNHzLYAhMPIQEPD9cCEw8gAQ8P1gITD/kDDh8y1QITD/gDDh8z1AITD/cDDh8z0wITD/YDDh8z0gITD/UDDh8z0QITD/QDDh8z0AITD84GDx8z0QIUD/QDDh8z0gITD84GDx8z0wITD84GDx8z1AITD84GDx8z1QITD84GAR9hAQD/FVBhYWFhCgAAAAA=",
  "linked blocks with the content's size (-BD -9 --content-size)":
    "BCJNGGxAdwwAAAAAAACanQEAAPo4eyJldmVudF9pZCI6ImUwIiwibW9kZWwiOiJkZWxheSIsImZlYXR1cmVzIjp7ImhvdXIiOjAsIm9yaWdpbiI6Ik9SRCJ9fQpHAB8xRwASFzFHAD5KRktHAB8yRwASHzKOAA0fM0cAEh8zjgANHzRHABIfNI4ADR81RwASHzWOAA0fNkcAEh82jgANHzdHABIfN44ADR84RwASHziOAA0fOUcAEh85jgANHzHHAhMfMcgCDw/JAhQPygIOHzHLAhMfMcwCDh8xzQITHzHOAg4fMc8CEx8x0AIOHzHRAhMfMdICDh8x0wITHzHUAg4fMdUCEx8x1gIOHzHXAhMfMdgCDh8x2QITHzHaAg4fMtoCEx8y2gIOHzLaAhMfMqQFDw+lBRQP2gIOHzLaAhMfMtoCDi8yNMUGMy8yNcYGNB82xwYzLzI3yAYzLzI4yQYzLzI5ygYzLzMwywYzLzMxzAYzLzMyzQYzLzMzzgYzLzM0zgY0LzM1zgY0LzM2zgY0LzM3zgY0LzM4zgY0LzM5zgYmH2EBAP8VUGFhYWEKAAAAANGbqdU=",
  "blocks with checksums (-BX)":
    "BCJNGHRAveUBAAD6OHsiZXZlbnRfaWQiOiJlMCIsIm1vZGVsIjoiZGVsYXkiLCJmZWF0dXJlcyI6eyJob3VyIjowLCJvcmlnaW4iOiJPUkQifX0KRwAfMUcAEhcxRwA+SkZLRwAfMkcAEhcyRwAPjgACHzNHABIXM0cAD44AAh80RwASFzRHAA+OAAIfNUcAEhc1RwAPjgACHzZHABIXNkcAD44AAh83RwASFzdHAA+OAAIfOEcAEhc4RwAPjgACHzlHABIXOUcAD44AAh8xxwITHzHIAg8PyQIUD8oCDh8xywITHzHMAg4fMc0CEx8xzgIOHzHPAhMfMdACDh8x0QITHzHSAg4fMdMCEx8x1AIOHzHVAhMfMdYCDh8x1wITHzHYAg4fMdkCEx8x2gIOHzLaAhMfMtoCDh8y2gITHzLaAg4fMtoCEx8y2gIOHzLaAhMfMtoCDh8y2gITDyMBDw/ZAhQPjgQNHzLYAhMPIQEPD9cCEw8gAQ8P1gITD/kDDh8y1QITD/gDDh8z1AITD/cDDh8z0wITD/YDDh8z0gITD/UDDh8z0QITD/QDDh8z0AITD84GDx8z0QIUD/QDDh8z0gITD84GDx8z0wITD84GDx8z1AITD84GDx8z1QITD84GAR9hAQD/FVBhYWFhCtIEZFgAAAAA0Zup1Q==",
};

describe("an LZ4 frame", () => {
  for (const [name, frame] of Object.entries(frames)) {
    it(`with ${name} is read as it was written`, () => {
      expect(decompressLz4(Buffer.from(frame, "base64")).toString()).toBe(plain);
    });
  }

  it("may be followed by another one", () => {
    const all = Object.values(frames).map((frame) => Buffer.from(frame, "base64"));
    expect(decompressLz4(Buffer.concat(all)).toString()).toBe(plain.repeat(all.length));
  });

  it("that ends early or is none is an error, never half a result", () => {
    for (const frame of Object.values(frames)) {
      const whole = Buffer.from(frame, "base64");
      for (let length = 1; length < whole.length - 4; length++) {
        expect(() => decompressLz4(whole.subarray(0, length)), `${length} bytes`).toThrow(/early|range|bounds|LZ4/);
      }
    }
    expect(() => decompressLz4(Buffer.from("not a frame"))).toThrow("not an LZ4 frame");
  });
});
