import { describe, expect, test } from "vitest";
import { createRandom } from "../simulate/random.ts";
import { minReferenceValues, valueEvidence, valueReference } from "./value-evidence.ts";

const gates = { signal: "custom", threshold: 0.001, minChange: 0.1, nullDeviation: 0 } as const;

describe("the values of the baseline's windows", () => {
  test("windows without a value are left out", () => {
    expect(valueReference("s", [1, null, 2, 3, null])).toEqual({ statement: "s", windows: 3, mean: 2, deviation: 1 });
    expect(valueReference("s", [null])).toEqual({ statement: "s", windows: 0, mean: 0, deviation: 0 });
  });

  test("fewer than five are no baseline", () => {
    const values = Array.from({ length: minReferenceValues - 1 }, (_, index) => index);
    expect(valueEvidence(100, valueReference("s", values), gates)).toBeNull();
  });
});

describe("a value against the baseline", () => {
  test("its p-value is that of a prediction: the mean and the spread are estimates too", () => {
    // t = √3 with 4 degrees of freedom, whose distribution has a closed form.
    const evidence = valueEvidence(13, valueReference("s", [8, 9, 10, 11, 12]), gates);
    expect(evidence?.pValue).toBeCloseTo(2 * (0.5 - (3 / 8) * Math.sqrt(3 / 1.75) * (1 - 3 / 21)), 9);
    expect(evidence?.change).toBeCloseTo(0.3, 12);
  });

  test("both gates are asked: what is certain but small is of no interest, nor what is large but ordinary", () => {
    const steady = valueReference("s", [100, 101, 99, 100, 101, 99, 100, 100]);
    expect(valueEvidence(109, steady, gates)).toMatchObject({ passes: false, pValue: expect.closeTo(0, 3) as number });
    expect(valueEvidence(115, steady, gates)?.passes).toBe(true);
    expect(valueEvidence(85, steady, gates)?.passes).toBe(true);
    const wild = valueReference("s", [50, 150, 90, 110, 40, 160, 100, 100]);
    expect(valueEvidence(140, wild, gates)).toMatchObject({ passes: false, change: expect.closeTo(0.4, 6) as number });
  });

  test("the smallest change that would have passed is told", () => {
    const reference = valueReference("s", [98, 103, 99, 100, 97, 104, 96, 103]);
    const smallest = valueEvidence(100, reference, gates)!.minimumDetectableChange;
    const at = (change: number) => valueEvidence(reference.mean * (1 + change), reference, gates)!.passes;
    expect(at(smallest + 1e-6)).toBe(true);
    expect(at(smallest - 1e-6)).toBe(false);
  });

  test("a value that never moved may move by a little, and any change of a constant zero counts whole", () => {
    const constant = valueReference(
      "s",
      Array.from({ length: 28 }, () => 40),
    );
    expect(valueEvidence(40.4, constant, gates)?.passes).toBe(false);
    expect(valueEvidence(46, constant, gates)?.passes).toBe(true);
    const zero = valueReference(
      "s",
      Array.from({ length: 28 }, () => 0),
    );
    expect(valueEvidence(0, zero, gates)).toMatchObject({ passes: false, pValue: 1, change: 0 });
    expect(valueEvidence(-3, zero, gates)).toMatchObject({ passes: true, pValue: 0, change: 1, changeLow: 1 });
  });

  test("values like the baseline's pass as rarely as α says, however few windows taught them", () => {
    const random = createRandom(7);
    const draws = 2000;
    let passed = 0;
    for (let draw = 0; draw < draws; draw += 1) {
      const values = Array.from({ length: 8 }, () => 1 + 3 * random.normal());
      const reference = valueReference("s", values);
      const evidence = valueEvidence(1 + 3 * random.normal(), reference, {
        ...gates,
        threshold: 0.05,
        minChange: 0.01,
      });
      if (evidence!.pValue <= 0.05) passed += 1;
    }
    // Four standard errors.
    expect(Math.abs(passed / draws - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / draws));
  });

  test("joint: only rows that are easier to tell apart are a change, on the value itself, and never below its own noise", () => {
    const joint = { ...gates, signal: "joint", minChange: 0.05, nullDeviation: 0.01 } as const;
    const reference = valueReference("s", [0.002, -0.001, 0, 0.001, -0.002, 0.001, 0, 0]);
    expect(valueEvidence(-0.5, reference, joint)).toMatchObject({ passes: false, pValue: 0.5 });
    expect(valueEvidence(0.2, reference, joint)?.passes).toBe(true);
    expect(valueEvidence(0.2, reference, joint)?.change).toBeCloseTo(0.2, 3);
    expect(valueEvidence(0.2, reference, { ...joint, nullDeviation: 0.1 })?.passes).toBe(false);
  });
});
