import { describe, expect, test } from "vitest";
import { compilePattern } from "./pattern.ts";

const regexOf = (pattern: string): RegExp => {
  const made = compilePattern(pattern);
  if (made.kind === "fault") throw new Error(made.detail);
  return made.regex;
};

describe("a pattern", () => {
  test.each([
    ["hour", "hour", true],
    ["hour", "hours", false],
    ["our", "hour", false],
    ["lag_.*", "lag_24h", true],
    ["lag_.*", "the lag_24h", false],
    ["hour|origin", "origin", true],
    ["hour|origin", "origins", false],
    [".*", "", true],
    [".+", "", false],
    [".+", "two\nlines", true],
    [String.raw`\d{4}-\d{2}-\d{2}`, "2026-11-23", true],
    [String.raw`a\(1\)`, "a(1)", true],
    ["[(*+]", "*", true],
    ["(lead|lag)_(min|max)_[0-9]+h?", "lag_max_24h", true],
    ["Tromsø|Ål.*", "Ålesund", true],
  ])("%j holds for the whole of %j: %j", (pattern, value, expected) => {
    expect(regexOf(pattern).test(value)).toBe(expected);
  });

  test.each([
    ["hour(", "unterminated group"],
    ["[a", "character class"],
    ["*", "nothing to repeat"],
    [")|(", "unmatched ')'"],
    ["a{2,1}", "numbers out of order"],
    [String.raw`\q`, "invalid escape"],
    ["(?=a)a", "nothing looks ahead"],
    ["(?<!a)b", "nothing looks ahead"],
    ["(?i)hour", "invalid group"],
    [String.raw`(a)\1`, "nothing may refer back"],
    ["(a+)+", "may not be repeated"],
    ["(a|a)*", "may not be repeated"],
    ["(a?){40}", "may not be repeated"],
    [".*.*.*.*.*", "too many ways"],
    ["a?".repeat(40), "too many ways"],
    ["(a|b)".repeat(40), "too many ways"],
    ["a".repeat(201), "longer than 200"],
  ])("%j is refused: %s", (pattern, detail) => {
    expect(compilePattern(pattern)).toMatchObject({ kind: "fault", detail: expect.stringContaining(detail) });
  });

  test("that is allowed never takes long, on whatever a label may be", () => {
    const hostile = `${"a".repeat(255)}!`;
    for (const pattern of ["a*a*a*", "(a|a)(a|a)(a|a)(a|a)a*", "a?a?a?a?a?a?a?a?aaaaaaaa"]) {
      const startedMs = performance.now();
      expect(regexOf(pattern).test(hostile)).toBe(false);
      expect(performance.now() - startedMs).toBeLessThan(5000);
    }
  });
});
