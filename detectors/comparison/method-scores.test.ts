import { describe, expect, it, test } from "vitest";
import { binningOf, countsOf, type Value } from "../decisions/binning.ts";
import { createRandom } from "../simulate/random.ts";
import { comparableMethods, methodScores } from "./method-scores.ts";

function counted(reference: readonly Value[], current: readonly Value[]) {
  const binning = binningOf(reference);
  return { binning, reference: countsOf(binning, reference), current: countsOf(binning, current) };
}

const repeated = (counts: Readonly<Record<string, number>>): Value[] =>
  Object.entries(counts).flatMap(([value, rows]) => Array.from({ length: rows }, () => value));

describe("p-values and thresholds", () => {
  test("of chi-square are those of SciPy", () => {
    // scipy.stats.chi2_contingency([[400, 350, 250], [180, 210, 110]], correction=False)
    const counts = counted(repeated({ a: 400, b: 350, c: 250 }), repeated({ a: 180, b: 210, c: 110 }));
    const { chi_square: chiSquare } = methodScores(counts, 0.05, null);
    expect(chiSquare!.score).toBeCloseTo(7.004310344827586, 8);
    expect(chiSquare!.pValue).toBeCloseTo(0.030132372934166533, 8);
    expect(chiSquare!.threshold).toBeCloseTo(5.991464547, 6);
  });

  test("of KS are those of its limit", () => {
    // 100 of 1,000 rows below, and a fifth of the 500: D = 0.1. scipy.stats.kstwobign.sf(sqrt(1000/3) * 0.1), .isf(0.05)
    const below = (rows: number, share: number) =>
      Array.from({ length: rows }, (_, row) => (row < share * rows ? 0 : 1 + (row % 3)));
    const { ks } = methodScores(counted(below(1000, 0.1), below(500, 0.2)), 0.05, null);
    expect(ks!.score).toBeCloseTo(0.1, 2);
    expect(ks!.threshold).toBeCloseTo(0.07438612600740337, 6);
  });

  test("are exceeded by about α of pairs from one population", () => {
    const pairs = 300;
    const names = ["psi", "chi_square", "jensen_shannon", "ks"] as const;
    const above = new Map<string, number>(names.map((name) => [name, 0]));
    for (let pair = 0; pair < pairs; pair += 1) {
      const random = createRandom(pair, 3);
      const draw = (rows: number) => Array.from({ length: rows }, () => random.normal());
      const scores = methodScores(counted(draw(600), draw(400)), 0.1, null);
      for (const name of names) {
        const { score, threshold, pValue } = scores[name]!;
        expect(score > threshold!).toBe(pValue! < 0.1);
        if (score > threshold!) above.set(name, above.get(name)! + 1);
      }
    }
    // 0.06 to 0.15 holds a true 0.1 in 99 of a hundred such runs; KS from bins is on the safe side.
    for (const name of names) {
      expect(above.get(name)! / pairs).toBeLessThan(0.15);
      expect(above.get(name)! / pairs).toBeGreaterThan(name === "ks" ? 0.03 : 0.06);
    }
  }, 30_000);
});

it("scores are those asked for, as far as the column has a use for them", () => {
  const numbers = counted([1, 2, 3, 4, 5], [1, 2, 3]);
  const words = counted(repeated({ yes: 9, no: 5 }), repeated({ yes: 3, no: 3 }));
  const every = new Set(comparableMethods);
  expect(Object.keys(methodScores(numbers, 0.05, new Set(["ks", "hellinger"])))).toEqual(["ks", "hellinger"]);
  expect(methodScores(words, 0.05, every)).not.toHaveProperty("ks");
  expect(methodScores(words, 0.05, every)).toHaveProperty("fisher_exact");
  expect(methodScores(numbers, 0.05, every)).not.toHaveProperty("fisher_exact");
  for (const { score, pValue } of Object.values({
    ...methodScores(numbers, 0.05, every),
    ...methodScores(words, 0.05, every),
  })) {
    expect(Number.isFinite(score)).toBe(true);
    expect(pValue === null || (pValue >= 0 && pValue <= 1)).toBe(true);
  }
});

it("without a value on either side nothing is scored", () => {
  expect(methodScores(counted([1, 2, 3], []), 0.05, null)).toEqual({});
  expect(methodScores(counted([], [1, 2, 3]), 0.05, null)).toEqual({});
});
