import { describe, expect, test } from "vitest";
import { normalTail } from "../decisions/normal-tail.ts";
import { createRandom } from "../simulate/random.ts";
import { judgedMetricKinds, metricSample, pooledSample, type MetricSample } from "./judged-metrics.ts";
import { metricEvidence, metricReference } from "./metric-evidence.ts";

const { accuracy, mae, roc_auc: area } = judgedMetricKinds;
const gates = { threshold: 1e-4, minChange: 0.02 };

/** Windows of n rows of which so many are right, exactly. */
const right = (value: number, rows: number): MetricSample => ({ rows, value, variance: value * (1 - value) });
const steady = (value: number, rows: number, windows: number) =>
  metricReference(Array.from({ length: windows }, () => right(value, rows)))!;

describe("a metric against the baseline's windows", () => {
  test("by hand: 900 of 1,000 in each of 28 windows, then 830 of 1,000", () => {
    const reference = steady(0.9, 1000, 28);
    expect(reference).toMatchObject({ windows: 28, rows: 28_000, value: 0.9, variance: expect.closeTo(0.09, 12) });
    const found = metricEvidence(right(0.83, 1000), reference, accuracy, gates);
    expect(found.effect).toBeCloseTo(0.07, 12);
    // √(0.83·0.17·(1/1000 + 1/28000)) = 0.01209, if windows vary as independent rows do.
    expect(found.varianceInflation).toBeLessThan(1.05);
    expect(found.effect - found.effectLow).toBeCloseTo(1.2816 * 0.01209, 3);
    expect(found.pValue).toBeLessThan(1e-8);
    expect(found.passes).toBe(true);
    expect(found.minimumDetectableEffect()).toBeGreaterThan(0.03);
    expect(found.minimumDetectableEffect()).toBeLessThan(0.05);
  });

  test("the smallest change that passes passes, and a little less does not", () => {
    const reference = steady(0.9, 1000, 28);
    const smallest = metricEvidence(right(0.9, 1000), reference, accuracy, gates).minimumDetectableEffect();
    const at = (effect: number) => metricEvidence(right(0.9 - effect, 1000), reference, accuracy, gates).passes;
    expect([at(smallest * 1.001), at(smallest * 0.999)]).toEqual([true, false]);
  });

  test("what became better is significant and never passes", () => {
    const better = metricEvidence(right(0.99, 1000), steady(0.9, 1000, 28), accuracy, gates);
    expect(better.pValue).toBeLessThan(1e-10);
    expect(better.effect).toBeCloseTo(-0.09, 12);
    expect(better.passes).toBe(false);
  });

  test("a loss is worse when it is higher, told as a share of what it was", () => {
    const windows = Array.from({ length: 14 }, () => ({ rows: 1000, value: 20, variance: 400 }));
    const found = metricEvidence({ rows: 1000, value: 25, variance: 625 }, metricReference(windows)!, mae, gates);
    expect(found).toMatchObject({ effect: expect.closeTo(0.25, 12), passes: true });
    expect(
      metricEvidence({ rows: 1000, value: 16, variance: 256 }, metricReference(windows)!, mae, gates),
    ).toMatchObject({
      effect: expect.closeTo(-0.2, 12),
      passes: false,
    });
  });

  test("with fewer than five windows there is nothing to compare with", () => {
    const windows = [null, ...Array.from({ length: 4 }, () => right(0.9, 1000))];
    expect(metricReference(windows)).toBeNull();
    expect(metricReference([...windows, right(0.9, 1000)])).not.toBeNull();
  });

  test("where healthy windows differ, the same fall says less; a window of few rows says less", () => {
    const moving = metricReference(Array.from({ length: 28 }, (_, at) => right(at % 2 === 0 ? 0.93 : 0.87, 1000)))!;
    const p = (value: number, rows: number, reference = steady(0.9, 1000, 28)) =>
      metricEvidence(right(value, rows), reference, accuracy, gates).pValue;
    expect(p(0.84, 1000)).toBeLessThan(1e-6);
    expect(p(0.84, 1000, moving)).toBeGreaterThan(0.05);
    expect(p(0.84, 100)).toBeGreaterThan(0.01);
    // More rows do not make up for windows that differ by themselves.
    expect(p(0.84, 100_000, moving)).toBeGreaterThan(0.05);
  });

  test("a metric that never erred is no trouble: one error is no fall, many are", () => {
    const perfect = steady(1, 1000, 28);
    const one = metricEvidence(right(0.999, 1000), perfect, accuracy, gates);
    expect(one.passes).toBe(false);
    expect(metricEvidence(right(0.9, 1000), perfect, accuracy, gates).passes).toBe(true);
    expect(metricEvidence(right(1, 1000), perfect, accuracy, gates)).toMatchObject({ effect: 0, passes: false });
  });

  test.each([
    ["independent windows", 1],
    ["windows that vary twice as much", 2],
    ["four times", 4],
    ["sixteen times", 16],
  ] as const)("false alarms keep their level over references of 28 windows: %s", (_, phi) => {
    const random = createRandom(7, phi);
    const deviation = Math.sqrt((0.09 / 1000) * phi);
    const alpha = 1e-3;
    let level = 0;
    const references = 300;
    for (let run = 0; run < references; run += 1) {
      const windows = Array.from({ length: 28 }, () => ({
        rows: 1000,
        value: 0.9 + deviation * random.normal(),
        variance: 0.09,
      }));
      const reference = metricReference(windows)!;
      const p = (value: number) =>
        metricEvidence({ rows: 1000, value, variance: 0.09 }, reference, mae, { threshold: alpha, minChange: -1 })
          .pValue;
      // Where the p-value crosses α on the upper side; the lower one is alike.
      let [low, high] = [reference.value, reference.value + 60 * deviation];
      for (let round = 0; round < 24; round += 1) {
        const middle = (low + high) / 2;
        if (p(middle) <= alpha) high = middle;
        else low = middle;
      }
      level += (2 * normalTail((high - 0.9) / deviation)) / references;
    }
    expect(level).toBeLessThan(1.6 * alpha);
  });

  test("an area of 1 is no certainty, and pooled windows weigh by their rows", () => {
    const pooled = pooledSample([right(0.9, 100), right(0.8, 300)])!;
    expect(pooled).toMatchObject({ rows: 400, value: expect.closeTo(0.825, 12) });
    const windows = Array.from({ length: 10 }, () => ({ rows: 500, value: 0.85, variance: 0.2 }));
    const found = metricEvidence({ rows: 500, value: 0.6, variance: 0.3 }, metricReference(windows)!, area, gates);
    expect(found.passes).toBe(true);
  });
});

describe("a window's sample", () => {
  const regression = (absolute: readonly [number, number, number, number]) => ({
    kind: "regression" as const,
    bias: absolute,
    absolute,
    squared: absolute,
    relative: absolute,
    spread: [0, 0, 0, 0, 0, 0] as const,
  });

  test("is the mean with the variance of one row; rows of few weights count for fewer", () => {
    // 100 rows of weight 1: half with an error of 1, half of 3.
    expect(metricSample("mae", regression([100, 100, 200, 500]))).toEqual({ rows: 100, value: 2, variance: 1 });
    expect(metricSample("mae", regression([100, 200, 200, 500]))).toEqual({ rows: 50, value: 2, variance: 1 });
  });

  test("is none below 30 rows, and of a metric that the task does not have", () => {
    expect(metricSample("mae", regression([29, 29, 58, 145]))).toBeNull();
    expect(metricSample("accuracy", regression([100, 100, 200, 500]))).toBeNull();
  });
});
