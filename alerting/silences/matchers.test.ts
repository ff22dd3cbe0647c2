import { describe, expect, test } from "vitest";
import type { Matchers } from "../../store/state/silences.ts";
import { matcherFault, matches } from "./matchers.ts";

const labels = { model: "flight-delay", feature: "lag_24h", signal: "missing", severity: "ticket" };

describe("matchers", () => {
  test.each<[string, Matchers, boolean]>([
    ["a value", { model: ["flight-delay"] }, true],
    ["one of several values", { feature: ["hour", "lag_24h"] }, true],
    ["another value", { feature: ["hour"] }, false],
    ["= by its operator", { feature: { "=": ["lag_24h"] } }, true],
    ["!= of another value", { model: ["flight-delay"], severity: { "!=": ["page"] } }, true],
    ["!= of one of several values", { severity: { "!=": ["page", "ticket"] } }, false],
    ["!= of a label that is absent", { slice: { "!=": ["country=no"] } }, true],
    ["=~", { feature: { "=~": ["lag_.*"] } }, true],
    ["=~ of a part", { feature: { "=~": ["lag"] } }, false],
    ["=~ of one of several patterns", { feature: { "=~": ["lead_.*", "lag_.*"] } }, true],
    ["=~ of an absent label that may be empty", { slice: { "=~": [".*"] } }, true],
    ["=~ of an absent label that may not", { slice: { "=~": [".+"] } }, false],
    ["!~", { feature: { "!~": ["lead_.*"] } }, true],
    ["!~ of one of several patterns", { feature: { "!~": ["lead_.*", "lag_.*"] } }, false],
    ["two operators of a label, both of which hold", { feature: { "=~": ["lag_.*"], "!=": ["lag_1h"] } }, true],
    ["two operators of a label, one of which holds", { feature: { "=~": ["lag_.*"], "!=": ["lag_24h"] } }, false],
    ["a stored pattern that is none", { feature: { "!~": ["("] } }, false],
  ])("%s", (_, matchers, expected) => {
    expect(matches(matchers, labels)).toBe(expected);
  });

  test.each<[Matchers, string]>([
    [{}, "name at least one label"],
    [{ feature: {} }, "name at least one label"],
    [{ feature: { "=~": ["hour("] } }, 'feature=~"hour(" is not a pattern: unterminated group'],
    [{ model: ["m"], feature: { "!~": ["(a+)+"] } }, 'feature!~"(a+)+" is not a pattern: what repeats'],
    [{ severity: { "!=": ["page"] }, feature: { "=~": [".*"] } }, "nearly everything"],
  ])("%j are refused", (matchers, detail) => {
    expect(matcherFault(matchers)).toContain(detail);
  });

  test("of a silence that names what it holds back are taken", () => {
    expect(matcherFault({ severity: ["ticket"] })).toBeNull();
    expect(matcherFault({ model: ["m"], severity: { "!=": ["page"] } })).toBeNull();
    expect(matcherFault({ feature: { "=~": ["lag_.+"] } })).toBeNull();
  });
});
