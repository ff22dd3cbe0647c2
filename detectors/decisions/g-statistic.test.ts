import fc from "fast-check";
import { gammaln } from "simple-statistics";
import { describe, expect, it } from "vitest";
import { scoreZ, shareZ } from "./g-statistic.ts";
import { normalTail } from "./normal-tail.ts";

const logChoose = (n: number, k: number) => gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1);

/** Chance, by the exact hypergeometric, that a share of R in both samples gives 2Φ(−|z|) ≤ level; over the level. */
function levelRatio(n: number, referenceSize: number, share: number, level: number): number {
  const successes = Math.round(share * (n + referenceSize));
  let chance = 0;
  for (let x = Math.max(0, successes - referenceSize); x <= Math.min(n, successes); x += 1) {
    const z = shareZ(x / n, n, (successes - x) / referenceSize, referenceSize, 1);
    if (2 * normalTail(Math.abs(z)) > level) continue;
    chance += Math.exp(
      logChoose(n, x) + logChoose(referenceSize, successes - x) - logChoose(n + referenceSize, successes),
    );
  }
  return chance / level;
}

describe("the root of G with a quarter's correction, against the exact hypergeometric", () => {
  const sizes = [
    [200, 1000],
    [1000, 1000],
    [1000, 10_000],
    [200, 10_000],
  ] as const;
  const ratios = sizes.flatMap(([n, referenceSize]) =>
    [0.01, 0.05, 0.1, 0.3, 0.5].flatMap((share) =>
      [1e-2, 1e-3, 1e-4, 1e-5].map((level) => levelRatio(n, referenceSize, share, level)),
    ),
  );

  it("is at most about nominal at p = 1e-2 … 1e-5: 0.8 × on average, 1.5 × at the worst lattice point", () => {
    expect(Math.max(...ratios)).toBeLessThan(1.6);
    expect(Math.min(...ratios)).toBeGreaterThan(0.05);
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    expect(mean).toBeGreaterThan(0.7);
    expect(mean).toBeLessThan(0.9);
  });
});

it("is the uncorrected statistic of the literature once the correction is undone", () => {
  // SciPy 1.17.1: stats.chi2_contingency([[30,70],[45,155]], correction=False, lambda_="log-likelihood").statistic.
  // e = 25, so an observed 30.25 (and 44.75) is moved to 30 (and 45) of the same margins.
  const z = shareZ(0.3025, 100, 44.75 / 200, 200, 1);
  expect(z * z).toBeCloseTo(1.9626900653869104, 10);
});

it("is defined when a share is 0 or 1 on either side", () => {
  expect(shareZ(0, 100, 0, 1000, 1)).toBe(0);
  expect(shareZ(1, 100, 1, 1000, 1)).toBe(0);
  expect(shareZ(1, 100, 0, 1000, 1)).toBeGreaterThan(20);
  expect(shareZ(0.02, 1000, 0, 10_000, 1)).toBeGreaterThan(5);
  expect(shareZ(0, 100, 1, 1000, 1)).toBeLessThan(-20);
});

it("has the sign of the change, mirrors when successes and failures swap, and never grows by clustering", () => {
  const share = fc.integer({ min: 0, max: 100 }).map((count) => count / 100);
  fc.assert(
    fc.property(share, share, fc.double({ min: 1, max: 50, noNaN: true }), (y, reference, q) => {
      const z = shareZ(y, 100, reference, 1000, q);
      expect(Number.isFinite(z)).toBe(true);
      expect(z * (y - reference)).toBeGreaterThanOrEqual(0);
      expect(shareZ(1 - y, 100, 1 - reference, 1000, q)).toBeCloseTo(-z, 6);
      expect(Math.abs(z)).toBeLessThanOrEqual(Math.abs(shareZ(y, 100, reference, 1000, 1)) + 1e-9);
    }),
  );
});

it("pays for the noise of both samples when scores are compared", () => {
  expect(scoreZ(0.55, 100, 0.5, 100, 0.08)).toBeCloseTo(0.05 / Math.sqrt(0.08 * 0.02), 12);
});
