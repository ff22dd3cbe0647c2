import { describe, expect, test } from "vitest";
import { rocAuc } from "../performance/roc-auc.ts";
import { createRandom, type Random } from "../simulate/random.ts";
import { domainSeparation, fewestSideRows, type ScoredRows } from "./domain-classifier.ts";
import { logisticRegression } from "./logistic-regression.ts";
import known from "./testing/scikit-learn.json" with { type: "json" };

/** Uniform scores; the first two go together as much as `together` says, each of them alone stays uniform. */
function rows(random: Random, count: number, features: number, together: number): ScoredRows {
  const scores = new Float64Array(count * features);
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < features; j += 1) scores[i * features + j] = 2 * random.uniform() - 1;
    const first = scores[i * features]!;
    if (random.uniform() < Math.abs(together)) scores[i * features + 1] = Math.sign(together) * first;
  }
  return { rows: count, features, scores };
}

describe("logistic regression", () => {
  test("has scikit-learn's intercept and weights, and their AUC", () => {
    const values = Float64Array.from(known.x.flat());
    const beta = logisticRegression({ rows: known.x.length, columns: 2, values }, known.y, known.ridge);
    for (const [index, weight] of known.beta.entries()) expect(beta[index]).toBeCloseTo(weight, 5);
    const scores = Float64Array.from(known.x, (row) => beta[0]! + beta[1]! * row[0]! + beta[2]! * row[1]!);
    expect(rocAuc(scores, known.y)?.value).toBeCloseTo(known.auc, 12);
  });

  test("exists where the classes can be told apart exactly", () => {
    const beta = logisticRegression({ rows: 4, columns: 1, values: Float64Array.of(-2, -1, 1, 2) }, [0, 0, 1, 1], 1);
    expect(beta[1]).toBeGreaterThan(0);
    expect(beta.every(Number.isFinite)).toBe(true);
  });
});

describe("a domain classifier", () => {
  test("two samples of one source cannot be told apart: the AUC is 0.5, and varies as its standard error says", () => {
    const z = Array.from({ length: 60 }, (_, draw) => {
      const random = createRandom(11, draw);
      const found = domainSeparation(rows(random, 500, 4, 0.5), rows(random, 300, 4, 0.5))!;
      return (found.auc - 0.5) / found.nullError;
    });
    const mean = z.reduce((sum, value) => sum + value, 0) / z.length;
    const deviation = Math.sqrt(z.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (z.length - 1));
    expect(Math.abs(mean)).toBeLessThan(0.6);
    expect(deviation).toBeGreaterThan(0.7);
    expect(deviation).toBeLessThan(1.3);
  });

  test("two features that went together and now go against each other are seen and named, though each is as it was", () => {
    const random = createRandom(3);
    const found = domainSeparation(rows(random, 2000, 8, 0.3), rows(random, 1000, 8, -0.3))!;
    expect((found.auc - 0.5) / found.nullError).toBeGreaterThan(6);
    expect(found.terms[0]!.features).toEqual([0, 1]);
  });

  test("a feature that moved is named alone", () => {
    const random = createRandom(4);
    const current = rows(random, 1000, 5, 0);
    for (let i = 0; i < current.rows; i += 1) current.scores[i * 5 + 3] = Math.min(1, current.scores[i * 5 + 3]! + 0.3);
    const found = domainSeparation(rows(random, 1000, 5, 0), current)!;
    expect(found.auc).toBeGreaterThan(0.57);
    expect(found.terms[0]!.features).toEqual([3]);
  });

  test("too few rows of a side say nothing", () => {
    const random = createRandom(5);
    expect(domainSeparation(rows(random, 1000, 3, 0), rows(random, fewestSideRows - 1, 3, 0))).toBeNull();
  });

  test("features without any variation harm nobody", () => {
    const constant = { rows: 400, features: 2, scores: new Float64Array(800) };
    expect(domainSeparation(constant, constant)?.auc).toBe(0.5);
  });
});
