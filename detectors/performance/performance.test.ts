import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { createRandom, type Random } from "../simulate/random.ts";
import { averagePrecision } from "./average-precision.ts";
import { estimatePerformance } from "./cbpe.ts";
import { classMetrics, confusion } from "./decided-classes.ts";
import { estimateMetrics } from "./estimates.ts";
import { calibrated, fitIsotonic } from "./isotonic.ts";
import { probabilityMetrics } from "./probabilities.ts";
import { rocAuc } from "./roc-auc.ts";
import { wilsonInterval } from "./wilson.ts";

// Made by scikit-learn 1.9.1 (metrics.*, isotonic.IsotonicRegression(out_of_bounds="clip")) and, for DeLong's standard error,
// by the definition over all pairs in NumPy, on 60 rows with ties; the decision is score ≥ 0.5.
const score = Float64Array.from([
  0.31, 0.34, 0.38, 0.69, 0.67, 0.26, 0.16, 0.11, 0.24, 0.64, 0.38, 0.77, 0.37, 0.45, 0.91, 0.54, 0.46, 0.41, 0.27,
  0.13, 0.57, 0.75, 0.25, 0.18, 0.35, 0.3, 0.56, 0.26, 0.84, 0.83, 0.66, 0.53, 0.89, 0.54, 0.55, 0.45, 0.34, 0.1, 0.74,
  0.31, 0.47, 0.84, 0.66, 0.55, 0.55, 0.47, 0.78, 0.5, 0.32, 0.24, 0.85, 0.62, 0.45, 0.47, 0.11, 0.49, 0.48, 0.71, 0.65,
  0.42,
]);
const positive = [
  0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1,
  0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1,
];
const expected = {
  accuracy: 0.6666666666666666,
  precision: 0.6296296296296297,
  recall: 0.6296296296296297,
  f1: 0.6296296296296297,
  rocAuc: 0.7564534231200898,
  delong: 0.06269735113426851,
  prAuc: 0.710641491959896,
  logLoss: 0.5901655150273635,
  brier: 0.20244666666666664,
};
const isotonic = {
  at: [-0.1, 0.05, 0.2, 0.333, 0.5, 0.61, 0.777, 0.9, 1.2],
  is: [0.0, 0.0, 0.07692307692307693, 0.29775641025641025, 0.5555555555555556, 0.6, 0.8333333333333334, 1.0, 1.0],
};
const outcome = Float64Array.from([
  5.27, 13.99, 8.46, 5.26, 9.33, 8.89, 10.46, 6.56, 11.19, 20.87, 6.16, 11.01, 9.07, 10.58, 4.56, 6.55, 11.38, 9.88,
  14.91, 7.89, 10.52, 18.74, 7.7, 7.29, 9.89,
]);
const estimate = Float64Array.from([
  5.23, 14.83, 8.59, 4.5, 9.54, 11.53, 11.73, 3.78, 11.05, 19.99, 6.78, 10.84, 11.0, 11.51, 5.45, 6.74, 11.34, 10.22,
  16.21, 8.42, 10.17, 20.02, 7.89, 7.21, 9.1,
]);
const errors = { mae: 0.7728, rmse: 1.0732679069086153, mape: 0.08788743164137756, r2: 0.923034443759489 };

describe("against scikit-learn", () => {
  const predicted = [...score].map((p) => (p >= 0.5 ? 1 : 0));

  it("accuracy, precision, recall and F1", () => {
    const metrics = classMetrics(confusion(predicted, positive));
    for (const name of ["accuracy", "precision", "recall", "f1"] as const) {
      expect(metrics[name]!.value).toBeCloseTo(expected[name], 12);
      expect(metrics[name]!.low).toBeLessThan(expected[name]);
      expect(metrics[name]!.high).toBeGreaterThan(expected[name]);
    }
  });

  it("ROC AUC with DeLong's standard error, average precision", () => {
    const auc = rocAuc(score, positive)!;
    expect(auc.value).toBeCloseTo(expected.rocAuc, 12);
    // On the scale of log odds, whose derivative is 1/(A(1 − A)).
    const logOdds = (share: number) => Math.log(share / (1 - share));
    const width = logOdds(auc.high) - logOdds(auc.low);
    expect((width / 2 / 1.959963984540054) * auc.value * (1 - auc.value)).toBeCloseTo(expected.delong, 10);
    expect(averagePrecision(score, positive)!.value).toBeCloseTo(expected.prAuc, 12);
  });

  it("log loss and Brier score", () => {
    const metrics = probabilityMetrics(score, positive);
    expect(metrics.log_loss!.value).toBeCloseTo(expected.logLoss, 12);
    expect(metrics.brier!.value).toBeCloseTo(expected.brier, 12);
  });

  it("MAE, RMSE, MAPE and R²", () => {
    const metrics = estimateMetrics(estimate, outcome);
    for (const name of ["mae", "rmse", "mape", "r2"] as const)
      expect(metrics[name]!.value).toBeCloseTo(errors[name], 12);
  });

  it("isotonic regression, between its points and beyond them", () => {
    const curve = fitIsotonic(score, positive)!;
    for (const [index, at] of isotonic.at.entries()) expect(calibrated(curve, at)).toBeCloseTo(isotonic.is[index]!, 12);
  });
});

test("Wilson's interval has its known values and stays within 0 and 1", () => {
  expect(wilsonInterval(8, 10)).toMatchObject({ low: expect.closeTo(0.490162, 6), high: expect.closeTo(0.943318, 6) });
  expect(wilsonInterval(0, 20)).toMatchObject({ value: 0, low: 0, high: expect.closeTo(0.161125, 6) });
  expect(wilsonInterval(0, 0)).toBeNull();
});

test("what cannot be measured is null, never a number", () => {
  expect(rocAuc(Float64Array.of(0.1, 0.2), [1, 1])).toBeNull();
  expect(averagePrecision(Float64Array.of(0.1, 0.2), [0, 0])).toBeNull();
  expect(classMetrics(confusion([0, 0], [0, 1])).precision).toBeNull();
  expect(classMetrics(confusion([0, 1], [0, 0])).recall).toBeNull();
  expect(estimateMetrics(Float64Array.of(1, 2), Float64Array.of(3, 3)).r2).toBeNull();
  expect(probabilityMetrics(new Float64Array(), []).log_loss).toBeNull();
  expect(fitIsotonic(new Float64Array(), [])).toBeNull();
});

/** Rows of a model whose scores are right, or too far out: `sureness` above 1. */
function modelRows(random: Random, rows: number, { shift = 0, spread = 1.5, sureness = 1 }) {
  const share = (x: number) => 1 / (1 + Math.exp(-x));
  const logOdds = Float64Array.from({ length: rows }, () => shift + spread * random.normal());
  return {
    score: logOdds.map((x) => share(sureness * x)),
    positive: Array.from(logOdds, (x) => (random.uniform() < share(x) ? 1 : 0)),
  };
}

describe("95 % intervals hold what many rows say in about 95 of 100 samples", () => {
  const models = {
    balanced: { shift: 0 },
    "one positive in ten": { shift: -2.5 },
    "ROC AUC of 0.95": { spread: 4 },
    "too sure": { sureness: 1.6 },
  };
  const rows = 200;
  const samples = 400;
  // Binomial(400, 0.95) is below 0.908 but once in 2,000, and few rows cost a normal interval a little.
  const least = 0.9;

  it.each(Object.entries(models))("%s", { timeout: 60_000 }, (_, model) => {
    const random = createRandom(20260306);
    const metricsOf = ({ score, positive }: ReturnType<typeof modelRows>) => ({
      ...classMetrics(
        confusion(
          Array.from(score, (p) => (p >= 0.5 ? 1 : 0)),
          positive,
        ),
      ),
      ...probabilityMetrics(score, positive),
      roc_auc: rocAuc(score, positive),
      pr_auc: averagePrecision(score, positive),
    });
    const truth = metricsOf(modelRows(random, 200_000, model));
    const held = new Map<string, number>();
    for (let sample = 0; sample < samples; sample += 1) {
      for (const [name, found] of Object.entries(metricsOf(modelRows(random, rows, model)))) {
        const { value } = truth[name as keyof typeof truth]!;
        if (found!.low <= value && value <= found!.high) held.set(name, (held.get(name) ?? 0) + 1);
      }
    }
    for (const name of Object.keys(truth)) expect(held.get(name)! / samples, name).toBeGreaterThan(least);
  });

  it("of scores that never err, or of one positive row, is not a point", () => {
    const perfect = rocAuc(Float64Array.of(0.1, 0.2, 0.3, 0.7, 0.8, 0.9), [0, 0, 0, 1, 1, 1])!;
    // Wilson's bound of three out of three.
    expect(perfect).toMatchObject({ value: 1, low: expect.closeTo(0.438503, 6), high: 1 });
    const single = rocAuc(Float64Array.of(0.1, 0.2, 0.3, 0.7, 0.8), [0, 0, 0, 1, 0])!;
    expect(single.value).toBeCloseTo(0.75, 12);
    expect([single.low < 0.2, single.high > 0.97]).toEqual([true, true]);
  });
});

test("calibration error: probabilities of 0.8 that come true in 6 of 10 are 0.2 off", () => {
  const { calibration_error: error } = probabilityMetrics(
    new Float64Array(10).fill(0.8),
    [1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
  );
  expect(error!.value).toBeCloseTo(0.2, 12);
});

test("an isotonic curve never falls, keeps the mean, and says 0…1", () => {
  const rows = fc.array(fc.tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.integer({ min: 0, max: 1 })), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(rows, (pairs) => {
      const scores = Float64Array.from(pairs, ([value]) => value);
      const outcomes = pairs.map(([, value]) => value);
      const curve = fitIsotonic(scores, outcomes)!;
      const fitted = [...scores].map((value) => calibrated(curve, value));
      const sorted = [...scores].toSorted((a, b) => a - b).map((value) => calibrated(curve, value));
      for (const [index, value] of sorted.entries())
        expect(value).toBeGreaterThanOrEqual((sorted[index - 1] ?? 0) - 1e-12);
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(mean(fitted)).toBeCloseTo(mean(outcomes), 9);
    }),
  );
});

describe("estimated performance (CBPE)", () => {
  /** Nearly the identity: calibrated scores. */
  const identity = { scores: Float64Array.of(0, 1), probabilities: Float64Array.of(0, 1), rows: 1e9 };

  it("of four rows is what the sums say by hand", () => {
    // Called positive: 0.9, 0.6; not: 0.2, 0.4. Expected: TP 1.5, FP 0.5, FN 0.6, TN 1.4.
    const estimated = estimatePerformance(
      { score: Float64Array.of(0.9, 0.6, 0.2, 0.4), predicted: [1, 1, 0, 0] },
      identity,
    );
    expect(estimated.accuracy!.value).toBeCloseTo(2.9 / 4, 12);
    expect(estimated.precision!.value).toBeCloseTo(1.5 / 2, 12);
    expect(estimated.recall!.value).toBeCloseTo(1.5 / 2.1, 12);
    expect(estimated.f1!.value).toBeCloseTo(3 / 4.1, 12);
    expect(estimated.roc_auc!.value).toBeCloseTo(aucByPairs([0.9, 0.6, 0.2, 0.4]), 12);
  });

  it("has no accuracy without decisions, no precision where nothing was called positive", () => {
    expect(estimatePerformance({ score: Float64Array.of(0.3, 0.4), predicted: null }, identity).accuracy).toBeNull();
    expect(estimatePerformance({ score: Float64Array.of(0.3, 0.4), predicted: [0, 0] }, identity).precision).toBeNull();
  });

  it("finds the realised number in its 95 % interval in nearly that share of samples, where inputs shift and calibration holds", () => {
    const random = createRandom(41);
    const draw = (rows: number, shift: number) => {
      const logits = Float64Array.from({ length: rows }, () => random.normal() * 1.5 - 0.5 + shift);
      const truth = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
      // The score is not calibrated: it is the true probability, squared.
      return { score: truth.map((p) => p * p), outcome: Uint8Array.from(truth, (p) => (random.uniform() < p ? 1 : 0)) };
    };
    const inside = { accuracy: 0, precision: 0, recall: 0, f1: 0, roc_auc: 0 };
    const samples = 100;
    for (let sample = 0; sample < samples; sample += 1) {
      const reference = draw(2000, 0);
      const current = draw(500, sample % 2 === 0 ? 0 : 0.7);
      const curve = fitIsotonic(reference.score, reference.outcome)!;
      const predicted = Uint8Array.from(current.score, (p) => (p >= 0.3 ? 1 : 0));
      const estimated = estimatePerformance({ score: current.score, predicted }, curve);
      const realised = {
        ...classMetrics(confusion(predicted, current.outcome)),
        roc_auc: rocAuc(current.score, current.outcome),
      };
      for (const metric of Object.keys(inside) as (keyof typeof inside)[]) {
        const [guess, known] = [estimated[metric]!, realised[metric]!.value];
        if (known >= guess.low && known <= guess.high) inside[metric] += 1;
      }
    }
    for (const count of Object.values(inside)) {
      expect(count / samples).toBeGreaterThan(0.88);
    }
  });
});

/** Of all ordered pairs of different rows, weighted by how likely the first is positive and the second not. */
function aucByPairs(scores: readonly number[]): number {
  let [right, all] = [0, 0];
  for (const [i, p] of scores.entries()) {
    for (const [j, q] of scores.entries()) {
      if (i === j) continue;
      all += p * (1 - q);
      if (p > q) right += p * (1 - q);
    }
  }
  return right / all;
}
