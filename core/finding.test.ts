import { expect, it } from "vitest";
import type { Series } from "./baseline.ts";
import { findingId, hasWorsened } from "./finding.ts";

const of = (series: Partial<Series>, changes: Partial<Parameters<typeof findingId>[0]> = {}) =>
  findingId({
    environment: "production",
    model: "m",
    series: { role: "feature", feature: "amount", version: "", slice: "", ...series },
    signal: "distribution",
    baselineId: "b",
    openedWindowStartMs: Date.UTC(2026, 2, 14),
    ...changes,
  });

it("is 16 hex digits, and another for whatever tells findings apart", () => {
  expect(of({})).toMatch(/^[0-9a-f]{16}$/);
  const others = [
    of({ feature: "age" }),
    of({ slice: "state=NY" }),
    of({ role: "score", feature: "score", version: "v1" }),
    of({ role: "score", feature: "score", version: "v2" }),
    of({}, { environment: "staging" }),
    of({}, { model: "n" }),
    of({}, { signal: "missing" }),
    of({}, { baselineId: "c" }),
    of({}, { openedWindowStartMs: Date.UTC(2026, 2, 15) }),
  ];
  expect(new Set([of({}), ...others]).size).toBe(others.length + 1);
});

it("tells a feature called score or class from the model's own, though events name no version", () => {
  for (const role of ["score", "class"] as const) {
    expect(of({ role: "feature", feature: role })).not.toBe(of({ role, feature: role }));
  }
});

it("has worsened at twice the largest sent, if that is above the floor of its signal", () => {
  const floors = { effectFloor: 0.02, qualityFloor: 0.003 };
  const worsened = (signal: "distribution" | "missing", magnitude: number, sent: number) =>
    hasWorsened({ signal, magnitude }, sent, floors);
  expect(worsened("distribution", 0.1, 0.05)).toBe(true);
  expect(worsened("distribution", 0.099, 0.05)).toBe(false);
  expect(worsened("distribution", 0.019, 0.001)).toBe(false);
  expect(worsened("missing", 0.019, 0.001)).toBe(true);
  expect(worsened("missing", 0.002, 0)).toBe(false);
});
