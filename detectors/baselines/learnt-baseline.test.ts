import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Binning, Series } from "../../core/baseline.ts";
import type { ReferenceProfile } from "../../core/profile.ts";
import { dayMs, weekdayOf } from "../../core/window.ts";
import { binningOf, countsOf, type Value } from "../decisions/binning.ts";
import { createDecider, createLearntDecider } from "../decisions/decider.ts";
import { learnReference } from "../decisions/learnt-reference.ts";
import { createRandom } from "../simulate/random.ts";
import { learningVersion, learntOf, textOf } from "./learnt-baseline.ts";

const days = 35;
const mondayMs = Date.UTC(2026, 0, 5);
const dayAt = (day: number) => ({ startMs: mondayMs + day * dayMs, endMs: mondayMs + (day + 1) * dayMs });
const weekend = (day: number) => (day % 7 >= 5 ? 1 : 0);
const random = createRandom(1);

const values: Readonly<Record<string, (day: number) => Value>> = {
  // Weekends differ by two standard deviations; users come back.
  amount: (day) => Math.round(1000 * (random.normal() + 2 * weekend(day))) / 1000,
  count: () => (random.uniform() < 0.03 ? null : Math.floor(random.uniform() * 4)),
  city: () => `c${Math.floor(random.uniform() ** 2 * 12)}`,
  country: (day) => (random.uniform() < 0.2 + 0.02 * (day % 3) ? "NO" : "SE"),
};

function profileOf(
  series: Series,
  drawn: readonly (readonly Value[])[],
  binning: Binning = binningOf(drawn.flat()),
  weightOf: ((row: number) => number) | null = null,
): ReferenceProfile {
  const count = (values: readonly Value[]) =>
    countsOf(binning, values, weightOf === null ? {} : { weights: values.map((_, row) => weightOf(row)) });
  return {
    series,
    binning,
    pooled: count(drawn.flat()),
    subWindows: drawn.map(count),
    subWindowTimes: drawn.map((_, day) => dayAt(day)),
  };
}

/** Numbers and categories, one with weekends, some missing, each whole and in a slice; one weighted; a class beside a control. */
function exampleReference(): ReferenceProfile[] {
  const drawn = (value: (day: number) => Value, rows: number) =>
    Array.from({ length: days }, (_, day) => Array.from({ length: rows }, () => value(day)));
  const features = Object.entries(values).flatMap(([feature, value]) => {
    const whole = profileOf({ role: "feature", feature, version: "", slice: "" }, drawn(value, 400));
    // Slices are counted in the bins of the whole model.
    return [whole, profileOf({ ...whole.series, slice: "shop=Oslo" }, drawn(value, 60), whole.binning)];
  });
  const fees = drawn(() => `f${Math.floor(random.uniform() * 3)}`, 200);
  const weighted = profileOf(
    { role: "feature", feature: "fee", version: "", slice: "" },
    fees,
    undefined,
    (row) => 1 + (row % 3),
  );
  const answers = drawn(() => (random.uniform() < 0.1 ? "yes" : "no"), 800);
  const own = profileOf({ role: "class", feature: "class", version: "", slice: "" }, answers);
  const group = (day: readonly Value[], of: number) =>
    countsOf(
      own.binning,
      day.filter((_, row) => row % 2 === of),
    );
  const splits = [answers.map((day) => [group(day, 0), group(day, 1)] as const)];
  return [...features, weighted, { ...own, splits }, { ...own, series: { ...own.series, version: "1" } }];
}

const reference = exampleReference();
const how = {
  subWindowsKnown: true,
  weekdayOf: (window: { startMs: number; endMs: number }) => weekdayOf(window, "UTC"),
};
const learnt = { reference: learnReference(reference, how), subWindowsKnown: true, gapsMs: [1, 2.5], schemaIds: ["s"] };
const binningOfSeries = ({ role, feature }: Series) =>
  reference.find((one) => one.series.role === role && one.series.feature === feature)?.binning ?? null;

test("a learning version stands for what the same windows teach: where that changes, it is raised", () => {
  expect([learningVersion, createHash("sha256").update(textOf(learnt)!).digest("hex").slice(0, 16)]).toEqual([
    1,
    "d84664b5d94ec596",
  ]);
});

test("the example knows a season, a control and slices", () => {
  const { series } = learnt.reference;
  expect(series.some(({ season }) => season?.name === "weekends")).toBe(true);
  expect(series.some(({ concurrent }) => concurrent)).toBe(true);
  expect(series.some(({ reference: { series: of } }) => of.slice !== "")).toBe(true);
});

test("what was stored decides to the byte as what was learnt", () => {
  const options = {
    monitoring: { falseIncidentsPerModelWeek: 0.05, effectFloor: 0.02, qualityFloor: 0.003 },
    windowsPerWeek: 7,
    horizon: 7,
    watchedSlices: 1,
    subWindowsKnown: true,
    environment: "production",
    model: "m",
    baselineId: "b",
    windowMs: dayMs,
    weekdayZone: "UTC",
  };
  const stored = learntOf(textOf(learnt)!, binningOfSeries)!;
  const decided = [
    createDecider({ ...options, reference }),
    createLearntDecider({ ...options, learnt: stored.reference }),
  ].map((decider) => {
    let state = decider.initialState();
    // The reference's own days again, in another order: weekends come on Mondays, which is a change.
    return reference[0]!.subWindows.slice(5, 15).map((_, index) => {
      const live = reference.flatMap(({ series, subWindows, splits }) =>
        splits !== undefined ? [] : [{ series, window: dayAt(days + index), counts: subWindows[index + 5]! }],
      );
      const beside = { window: dayAt(days + index), counts: reference.at(-2)!.subWindows[index]! };
      const version2 = { ...beside, series: { ...reference.at(-2)!.series, version: "2" }, control: beside.counts };
      const step = decider.step(state, dayAt(days + index), [...live, version2], null);
      state = step.state;
      return step;
    });
  });
  expect(decided[0]!.some(({ findings }) => findings.length > 0)).toBe(true);
  expect(JSON.stringify(decided[1]) === JSON.stringify(decided[0])).toBe(true);
});

test("it is another baseline's if a series has no bins", () => {
  expect(
    learntOf(textOf(learnt)!, ({ feature }) =>
      feature === "city" ? null : binningOfSeries({ role: "feature", feature, version: "", slice: "" }),
    ),
  ).toBeNull();
});

test("what JSON cannot hold is not stored", () => {
  const [first, ...others] = learnt.reference.series;
  const pooled = { ...first!.reference.pooled, weightSquares: Infinity };
  const series = [{ ...first!, reference: { ...first!.reference, pooled } }, ...others];
  expect(textOf({ ...learnt, reference: { ...learnt.reference, series } })).toBeNull();
});
