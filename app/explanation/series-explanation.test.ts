import { describe, expect, test } from "vitest";
import type { Evaluation } from "../../store/facts/evaluations.ts";
import { explainSeries } from "./series-explanation.ts";

const fell: Evaluation = {
  series: { role: "class", feature: "class", version: "7", slice: "" },
  signal: "performance",
  state: "drift",
  rows: 1000,
  referenceRows: 28_000,
  contrast: "accuracy",
  effect: 0.05,
  effectLow: 0.035,
  pValue: 1e-7,
  threshold: 1e-4,
  methods: { accuracy: 0.85, reference_accuracy: 0.9, labelled_rows: 950, label_coverage: 0.95 },
};
const explained = (changes: Partial<Evaluation>) => explainSeries([{ ...fell, ...changes }], null)[0]!;
const verdicts = (changes: Partial<Evaluation>) => explained(changes).gates.map(({ gate, verdict }) => [gate, verdict]);

describe("performance is explained by what was stored of it", () => {
  test("a fall passed both gates", () => {
    expect(explained({})).toMatchObject({
      name: "accuracy of version 7",
      conclusion: expect.stringContaining("both gates"),
    });
    expect(verdicts({})).toEqual([
      ["rows", "passed"],
      ["significance", "passed"],
      ["effect", "passed"],
    ]);
    expect(
      explained({})
        .gates.map(({ detail }) => detail)
        .join(" "),
    ).toContain("accuracy 0.85 in this window, 0.9 in 28,000");
  });

  test("too few labels, and no labels in the baseline, are never a pass", () => {
    const nothing = { effect: null, effectLow: null, pValue: null, threshold: null };
    expect(verdicts({ ...nothing, state: "insufficient_data" })).toEqual([["rows", "not_measured"]]);
    expect(verdicts({ ...nothing, state: "no_baseline" })).toEqual([["baseline", "not_measured"]]);
  });

  test("an improvement is significant and fails the other gate", () => {
    const better = { state: "ok", effect: -0.05, effectLow: -0.065 } as const;
    expect(explained(better).conclusion).toBe("no finding: what changed did not become worse");
    expect(verdicts(better)).toEqual([
      ["rows", "passed"],
      ["significance", "passed"],
      ["effect", "failed"],
    ]);
  });
});
