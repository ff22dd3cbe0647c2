import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../simulate/random.ts";
import { streamMethods, type StreamMethodName } from "./registry.ts";
import { watchStream, type StreamWatch } from "./watch-stream.ts";

const changesOf = (watch: StreamWatch, values: readonly (number | null)[]) =>
  values.flatMap((value, at) => (watch.update(value).change ? [at] : []));
/** 500 values around one mean, 500 around another; for `ddm` wrong answers, 10 % and 50 %. */
function stream(name: StreamMethodName, seed: number): readonly number[] {
  const random = createRandom(seed);
  return Array.from({ length: 1000 }, (_, at) => {
    if (name === "ddm") return at === 0 || random.uniform() < (at < 500 ? 0.1 : 0.5) ? 1 : 0;
    return random.normal() + (at < 500 ? 0 : 1);
  });
}

describe.each(streamMethods)("$name", ({ name, options, meaning, convention, source }) => {
  it("finds a lasting change soon after it happened", () => {
    const delays = [1, 2, 3, 4, 5].map((seed) => {
      const found = changesOf(watchStream(name), stream(name, seed));
      return (found.find((at) => at >= 500) ?? Infinity) - 500;
    });
    // The median: one that took chance for a change just before has begun afresh and knows nothing else.
    expect(delays.toSorted((a, b) => a - b)[2]).toBeLessThan(100);
  });

  it("starts afresh after a change: what follows is what a new one would say", () => {
    const values = stream(name, 4);
    const first = changesOf(watchStream(name), values)[0]!;
    const rest = changesOf(watchStream(name), values.slice(first + 1)).map((at) => at + first + 1);
    expect(changesOf(watchStream(name), values)).toEqual([first, ...rest]);
  });

  it("says nothing about a constant, and passes over missing values", () => {
    expect(
      changesOf(
        watchStream(name),
        Array.from({ length: 500 }, () => 1),
      ),
    ).toEqual([]);
    const values = stream(name, 5);
    const gaps = values.flatMap((value) => [value, null, Number.NaN]);
    expect(changesOf(watchStream(name), gaps)).toEqual(changesOf(watchStream(name), values).map((at) => 3 * at));
  });

  it("takes any finite values without failing", () => {
    const value = name === "ddm" ? fc.constantFrom(0, 1) : fc.double({ noNaN: true, min: -1e100, max: 1e100 });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200 }), (values) => {
        const watch = watchStream(name);
        for (const each of values) expect(typeof watch.update(each).change).toBe("boolean");
      }),
      { numRuns: 30 },
    );
  });

  it("refuses options that it does not have, and settings out of range", () => {
    const list = Object.keys(options).join(", ");
    expect(() => watchStream(name, { window: 3 } as object)).toThrow(
      `${name} has no option "window"; its options are ${list}`,
    );
    for (const option of Object.keys(options)) {
      expect(() => watchStream(name, { [option]: "much" })).toThrow(`${name}: ${option} must be `);
    }
    expect(() => watchStream(name).update("3" as never)).toThrow("give numbers");
  });

  it("says what it is, what it tells, by which convention and where it comes from", () => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(meaning.length).toBeGreaterThan(20);
    expect(convention.length).toBeGreaterThan(20);
    expect(source).toMatch(/\d{4}/);
    for (const option of Object.values(options)) expect(option.allows(option.default)).toBe(true);
  });
});

it.each(["page_hinkley", "cusum", "ewma"] as const)("%s does not care about the unit, and looks both ways", (name) => {
  const values = stream(name, 6);
  const found = changesOf(watchStream(name), values);
  expect(found.length).toBeGreaterThan(0);
  for (const factor of [1000, -1]) {
    expect(
      changesOf(
        watchStream(name),
        values.map((value) => value * factor + 7 * factor),
      ),
    ).toEqual(found);
  }
});

it.each([
  ["page_hinkley", 8000],
  ["cusum", 20_000],
  ["ewma", 8000],
  ["adwin", 20_000],
] as const)("%s gives a false change less than once in %i independent normal values", (name, values) => {
  let changes = 0;
  for (let seed = 0; seed < 20; seed += 1) {
    const random = createRandom(seed, 77);
    const watch = watchStream(name);
    for (let at = 0; at < 5000; at += 1) if (watch.update(random.normal()).change) changes += 1;
  }
  expect(changes).toBeLessThanOrEqual(100_000 / values);
});

/** Montgomery, Introduction to Statistical Quality Control, 7th edition, table 9.1: mean 10 and sd 1, from the 21st value on mean 11. */
const montgomery = [
  9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.2, 10.34, 9.03, 11.47, 10.51, 9.4, 10.08, 9.37, 10.62, 10.31,
  8.52, 10.84, 10.9, 9.33, 12.29, 11.5, 10.6, 11.08, 10.38, 11.62, 11.31, 10.52,
];

it("cusum and ewma have the values of Montgomery's examples 9.1 and 9.2", () => {
  const known = { mean: 10, sd: 1, minInstances: 1 };
  const first = (watch: StreamWatch) => changesOf(watch, montgomery)[0]! + 1;
  // Sample 29 is the first beyond h = 5, at C⁺ = 5.28; sample 30 has 5.30.
  for (const [threshold, at] of [
    [5, 29],
    [5.275, 29],
    [5.285, 30],
  ] as const) {
    expect(first(watchStream("cusum", { ...known, slack: 0.5, threshold })), String(threshold)).toBe(at);
  }
  // λ = 0.1, L = 2.7: z₂₈ = 10.5731 and z₂₉ = 10.6468 against the limit 10.62.
  expect(first(watchStream("ewma", { ...known, lambda: 0.1, limit: 2.7 }))).toBe(29);
});

it.each([
  // Montgomery, table 9.3: the tabular CUSUM with k = 0.5.
  ["cusum", { slack: 0.5, threshold: 4 }, 0, 168],
  ["cusum", { slack: 0.5, threshold: 5 }, 0, 465],
  ["cusum", { slack: 0.5, threshold: 4 }, 1, 8.38],
  ["cusum", { slack: 0.5, threshold: 5 }, 1, 10.4],
  // Lucas & Saccucci 1990, table 3, of limits that do not start narrower: large λ, where that is no difference.
  ["ewma", { lambda: 0.4, limit: 3.054 }, 0, 500],
  ["ewma", { lambda: 0.4, limit: 3.054 }, 1, 14.3],
] as const)(
  "%s with %o has its published run length, %f standard deviations off: %f",
  (name, options, shift, expected) => {
    const random = createRandom(20260304);
    const runs = 1000;
    let sum = 0;
    let squares = 0;
    for (let run = 0; run < runs; run += 1) {
      const watch = watchStream(name, { ...options, mean: 0, sd: 1, minInstances: 1 } as object);
      let length = 1;
      while (!watch.update(random.normal() + shift).change) length += 1;
      sum += length;
      squares += length * length;
    }
    const mean = sum / runs;
    const error = Math.sqrt((squares / runs - mean * mean) / runs);
    expect(Math.abs(mean - expected)).toBeLessThan(3.5 * error + 0.01 * expected);
  },
);

it("counts a value whose square is no number as missing", () => {
  for (const { name } of streamMethods) {
    if (name === "ddm") continue;
    const values = stream(name, 7);
    const gaps = values.flatMap((value) => [value, 1e300]);
    expect(changesOf(watchStream(name), gaps), name).toEqual(changesOf(watchStream(name), values).map((at) => 2 * at));
  }
});

it("warns before it says change, in the methods that warn", () => {
  for (const name of ["ddm", "ewma"] as const) {
    const watch = watchStream(name);
    const verdicts = stream(name, 8).map((value) => watch.update(value));
    const change = verdicts.findIndex((verdict, at) => at >= 500 && verdict.change);
    expect(verdicts.slice(500, change).some(({ warning }) => warning)).toBe(true);
    expect(verdicts[change]).toEqual({ change: true, warning: false });
  }
});

it("names the methods there are, and the right function for one of the other kind", () => {
  expect(() => watchStream("adwim" as StreamMethodName)).toThrow(
    'no method "adwim" for streams; the methods are adwin, page_hinkley, ddm, cusum, ewma',
  );
  expect(() => watchStream("ks" as StreamMethodName)).toThrow('use compareSamples("ks", reference, current)');
  expect(() => watchStream("ddm").update(0.5)).toThrow("ddm: values must be 0 (right) or 1 (wrong), not 0.5");
});
