import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Series } from "../../core/baseline.ts";
import type { ReferenceProfile, SeriesCounts } from "../../core/profile.ts";
import { dayMs } from "../../core/window.ts";
import { binningOf, countsOf, type Value } from "./binning.ts";
import { createDecider, type DecisionStep } from "./decider.ts";

// What a store may hand over after producers sent whatever the event contract lets them send: weights are positive
// finite numbers, and nothing else is known of them.

const featureOf = (name: string): Series => ({ role: "feature", feature: name, version: "", slice: "" });

interface Column {
  readonly values: readonly Value[];
  readonly weights: readonly number[];
}

function referenceOf(name: string, subWindows: readonly Column[]): ReferenceProfile {
  const values = subWindows.flatMap((window) => window.values);
  const binning = binningOf(values);
  const count = (column: Column) => countsOf(binning, column.values, { weights: column.weights });
  const pooled = count({ values, weights: subWindows.flatMap((window) => window.weights) });
  return { series: featureOf(name), binning, pooled, subWindows: subWindows.map(count) };
}

function steps(
  reference: readonly ReferenceProfile[],
  windows: readonly (readonly SeriesCounts[])[],
  subWindowsKnown = true,
): DecisionStep[] {
  const decider = createDecider({
    reference,
    monitoring: { falseIncidentsPerModelWeek: 0.05, effectFloor: 0.02, qualityFloor: 0.003 },
    windowsPerWeek: 2,
    horizon: 7,
    watchedSlices: 0,
    subWindowsKnown,
    environment: "production",
    model: "m",
    baselineId: "b",
    windowMs: dayMs,
  });
  let state = decider.initialState();
  return windows.map((counts, w) => {
    const window = { startMs: w * dayMs, endMs: (w + 1) * dayMs };
    const live = counts.map((of, i) => ({ series: reference[i]!.series, window, counts: of }));
    const step = decider.step(state, window, live, null);
    state = step.state;
    return step;
  });
}

/** Where in it there are numbers that are none. */
function nonFinite(value: unknown, path = ""): string[] {
  if (typeof value === "number") return Number.isFinite(value) ? [] : [`${path} = ${value}`];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => nonFinite(inner, `${path}.${key}`));
}

const numbers = (n: number): Value[] => Array.from({ length: n }, (_, i) => (i + 0.5) / n);
const evenly = (values: readonly Value[], weight = 1): Column => ({ values, weights: values.map(() => weight) });
const healthy = Array.from({ length: 14 }, () => evenly(numbers(1000)));
const distribution = (step: DecisionStep) =>
  step.evaluations.find(({ series, signal }) => series.feature === "x" && signal === "distribution")!;

describe("weights", () => {
  const reference = [referenceOf("x", healthy)];
  const { binning } = reference[0]!;
  const plain = countsOf(binning, numbers(1000));

  it.each([1e-160, 1e-9, 1e-3, 1e9, 1e100])(
    "of %d each decide like weights of 1, pooled windows included",
    (weight) => {
      const weighted = countsOf(binning, numbers(1000), { weights: evenly(numbers(1000), weight).weights });
      const found = steps(
        reference,
        Array.from({ length: 10 }, () => [weighted]),
      );
      expect(found.map((step) => distribution(step).state)).toEqual(Array.from({ length: 10 }, () => "ok"));
    },
  );

  // As it comes from memory, and as it comes from the store's JSON, which has no infinity.
  it.each([Number.POSITIVE_INFINITY, null as unknown as number])(
    "whose squares overflow (%d) measure nothing, and spoil no later window",
    (squares) => {
      const weights = [...evenly(numbers(999)).weights, 1e300];
      const counts = countsOf(binning, numbers(1000), { weights });
      const hostile = { ...counts, weightSquares: squares, presentWeightSquares: squares };
      const [first, ...later] = steps(reference, [[hostile], ...Array.from({ length: 9 }, () => [plain])]);
      expect(distribution(first!)).toMatchObject({ state: "insufficient_data", effect: null, pValue: null });
      expect(later.map((step) => distribution(step).state)).toEqual(Array.from({ length: 9 }, () => "ok"));
    },
  );

  it.each([1e-200, 1e200])("of %d throughout the reference leave no baseline, not a quiet one", (weight) => {
    const [step] = steps([referenceOf("x", [evenly(numbers(1000), weight)])], [[plain]]);
    expect(distribution(step!)).toMatchObject({ state: "no_baseline", effect: null });
  });
});

it("a reference without times takes the first live window for an ordinary one, not its blocks of rows", () => {
  // Blocks of 1,000 rows would say that ten rows of the rarest category are expected; live windows of 100 have one.
  const rows: Value[] = Array.from({ length: 1000 }, (_, i) => (i < 10 ? "rare" : i % 2 === 0 ? "even" : "odd"));
  const reference = referenceOf(
    "x",
    Array.from({ length: 14 }, () => evenly(rows)),
  );
  const live = countsOf(
    reference.binning,
    rows.filter((_, i) => i % 10 === 0),
  );
  const [step] = steps([reference], [[live]], false);
  expect(Object.values(step!.state.series)[0]?.typical).toEqual({ present: 100, all: 100 });
});

describe("whatever the rows", () => {
  const weight = fc.constantFrom(1e-300, 1e-160, 1e-9, 0.5, 1, 1, 1, 1e9, 1e150, 1e300);
  const number: fc.Arbitrary<Value> = fc.constantFrom(null, 0, 0, 1, 2, 3, -1e308, 1e308, Number.NaN, Infinity);
  const text: fc.Arbitrary<Value> = fc.constantFrom(null, "", "a", "a", "b", "c", "d", "__proto__");
  const column = (value: fc.Arbitrary<Value>, sizes: readonly number[]): fc.Arbitrary<Column> =>
    fc
      .tuple(
        fc.constantFrom(...sizes),
        fc.array(value, { minLength: 1, maxLength: 12 }),
        fc.array(weight, { minLength: 1, maxLength: 3 }),
      )
      .map(([n, pattern, weights]) => ({
        values: Array.from({ length: n }, (_, i) => pattern[i % pattern.length]!),
        weights: Array.from({ length: n }, (_, i) => weights[i % weights.length]!),
      }));
  const history = (value: fc.Arbitrary<Value>) =>
    fc.array(column(value, [1, 29, 40, 150]), { minLength: 1, maxLength: 12 });
  const live = (value: fc.Arbitrary<Value>) => fc.array(column(value, [0, 1, 30, 200]), { minLength: 5, maxLength: 5 });

  it("no NaN or infinity reaches a decision, an evaluation or the saved state", () => {
    fc.assert(
      fc.property(
        history(number),
        history(text),
        live(number),
        live(text),
        fc.boolean(),
        (numericHistory, textHistory, numericLive, textLive, subWindowsKnown) => {
          const reference = [referenceOf("x", numericHistory), referenceOf("y", textHistory)];
          const windows = numericLive.map((of, w) =>
            [of, textLive[w]!].map((values, i) =>
              countsOf(reference[i]!.binning, values.values, { weights: values.weights }),
            ),
          );
          for (const step of steps(reference, windows, subWindowsKnown)) {
            expect(nonFinite(step)).toEqual([]);
            expect(JSON.parse(JSON.stringify(step.state))).toEqual(step.state);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
