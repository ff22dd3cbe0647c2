import fc from "fast-check";
import { expect, test } from "vitest";
import { formatTraceparent, isSampled, isTraceparent, spanIdOf, traceIdOf } from "./traceparent.ts";

const hex = (digits: number) =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`)).filter((text) => /[^0]/.test(text));

test("what is formatted is read back", () => {
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, sampled) => {
      const text = formatTraceparent({ traceId, spanId, sampled });
      expect(isTraceparent(text)).toBe(true);
      expect([traceIdOf(text), spanIdOf(text), isSampled(text)]).toEqual([traceId, spanId, sampled]);
    }),
  );
});

test.each([
  ["the specification's example", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ["other flags", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"],
  ["a later version with more to it", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings"],
])("%s is continued", (_, text) => {
  expect(isTraceparent(text)).toBe(true);
});

test.each([
  ["nothing", ""],
  ["a trace id of zeros", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"],
  ["a span id of zeros", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"],
  ["capitals", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01"],
  ["the version that is forbidden", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
  ["more than version 00 has", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"],
  ["a trace id cut short", "00-4bf92f3577b34da6a3ce929d0e0e47-00f067aa0ba902b7-01"],
])("%s is not", (_, text) => {
  expect(isTraceparent(text)).toBe(false);
});
