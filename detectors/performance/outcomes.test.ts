import { expect, test } from "vitest";
import type { Evaluation } from "../../store/facts/evaluations.ts";
import type { OutcomeCounts } from "../../store/facts/outcomes.ts";
import { meanDifference, meanInterval, outcomeMean, withOutcomes } from "./outcomes.ts";

test("Welch's interval is that of R: t.test(extra ~ group, data = sleep)", () => {
  // Student's sleep data: t = −1.8608, df = 17.776, 95 % interval −3.3654832 to 0.2054832.
  const first = { rows: 10, mean: 0.75, variance: 3.200556 };
  const second = { rows: 10, mean: 2.33, variance: 4.009 };
  const { value, low, high } = meanDifference(first, second);
  expect(value).toBeCloseTo(-1.58, 12);
  expect(low).toBeCloseTo(-3.36548, 4);
  expect(high).toBeCloseTo(0.20548, 4);
});

test("a mean's interval is Student's: 30 rows, t = 2.04523", () => {
  // Half of the rows 0, half 2: variance 30/29.
  const mean = outcomeMean([30, 30, 30, 60])!;
  expect(mean).toMatchObject({ rows: 30, mean: 1, variance: expect.closeTo(30 / 29, 12) });
  expect(meanInterval(mean).high - 1).toBeCloseTo(2.04523 / Math.sqrt(29), 5);
  expect(outcomeMean([29, 29, 29, 58])).toBeNull();
});

test("versions are compared with the largest, arms with the largest arm of their version, versions with the baseline", () => {
  const counted = (version: string, slice: string, rows: number, mean: number): OutcomeCounts => ({
    version,
    slice,
    rows,
    outcomes: {
      revenue: { known: rows, fingerprint: "", moments: [rows, rows, rows * mean, rows * (mean * mean + 1)] },
    },
  });
  const counts = [
    counted("1", "", 900, 10),
    counted("1", "arm=control", 600, 9),
    counted("1", "arm=treatment", 300, 12),
    counted("1", "region=north", 400, 7),
    counted("2", "", 100, 11),
    counted("3", "", 20, 1),
  ];
  const row = ({ version, slice, rows }: OutcomeCounts): Evaluation => ({
    series: { role: "class", feature: "class", version, slice },
    signal: "performance",
    state: "reported",
    rows,
    referenceRows: 0,
    contrast: "",
    effect: null,
    effectLow: null,
    pValue: null,
    threshold: null,
    methods: { accuracy: 0.9 },
  });
  const rows = withOutcomes(counts.map(row), counts, { revenue: { rows: 5000, mean: 10.5, variance: 1 } });
  const of = (version: string, slice: string) =>
    rows.find(({ series }) => series.version === version && series.slice === slice)!.methods;
  expect(of("1", "")).toMatchObject({ accuracy: 0.9, "outcome:revenue": 10, "outcome_rows:revenue": 900 });
  expect(of("1", "")).not.toHaveProperty("outcome_difference:revenue");
  expect(of("1", "")["outcome_baseline_difference:revenue"]).toBeCloseTo(-0.5, 12);
  expect(of("2", "")["outcome_difference:revenue"]).toBeCloseTo(1, 12);
  expect(of("1", "arm=treatment")["outcome_difference:revenue"]).toBeCloseTo(3, 12);
  expect(of("1", "arm=control")).not.toHaveProperty("outcome_difference:revenue");
  expect(of("1", "region=north")).not.toHaveProperty("outcome_difference:revenue");
  expect(of("3", "")).toEqual({ accuracy: 0.9, "outcome_rows:revenue": 20 });
});
