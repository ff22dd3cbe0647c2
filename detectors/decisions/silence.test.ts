import { expect, it } from "vitest";
import { gapEvidence } from "./silence.ts";

const hours = (values: readonly number[]) => values.map((value) => value * 3_600_000);

it("is the one-sided predictive t test on log gaps", () => {
  const referenceGapsMs = hours([1, 1.2, 1.5, 1.1, 1.4, 2, 1.3]);
  // SciPy 1.17.1: x = np.log(gaps); stats.t.sf((np.log(6) - x.mean()) / (x.std(ddof=1) * np.sqrt(1 + 1/7)), 6)
  const evidence = gapEvidence({ longestGapMs: 6 * 3_600_000, referenceGapsMs }, 3.6e-4)!;
  expect(evidence.pValue).toBeCloseTo(0.0004081983658575845, 10);
  expect(evidence.ratio).toBeCloseTo(3, 12);
  expect(evidence.passes).toBe(false);
});

it("asks for more the fewer windows the reference has: its spread is an estimate too", () => {
  const few = hours([1, 1.2, 1.5, 1.1, 1.4]);
  const many = [...few, ...few, ...few, ...few, ...few, ...few];
  const longestGapMs = 6 * 3_600_000;
  const [a, b] = [few, many].map((referenceGapsMs) => gapEvidence({ longestGapMs, referenceGapsMs }, 3.6e-4)!);
  expect(a!.pValue).toBeGreaterThan(10 * b!.pValue);
  expect(b!.passes).toBe(true);
});

it("never calls less than twice the longest reference gap a finding, and says which gap would have been one", () => {
  const referenceGapsMs = Array.from({ length: 28 }, () => 3_600_000);
  const at = (ratio: number) => gapEvidence({ longestGapMs: ratio * 3_600_000, referenceGapsMs }, 3.6e-4)!;
  expect(at(1.99).passes).toBe(false);
  expect(at(2).passes).toBe(true);
  expect(at(1).minimumDetectableRatio).toBe(2);
  // A job that runs like clockwork may still be a little late.
  expect(at(1.05).pValue).toBeGreaterThan(0.1);
});

it("where gaps vary a lot, the smallest detectable gap is the significant one", () => {
  const referenceGapsMs = hours([0.1, 5, 0.3, 2, 0.2, 1, 0.5]);
  const { minimumDetectableRatio } = gapEvidence({ longestGapMs: 1, referenceGapsMs }, 3.6e-4)!;
  expect(minimumDetectableRatio).toBeGreaterThan(2);
  const longestGapMs = minimumDetectableRatio * 5 * 3_600_000;
  expect(gapEvidence({ longestGapMs, referenceGapsMs }, 3.6e-4)!.pValue).toBeCloseTo(3.6e-4, 8);
});
