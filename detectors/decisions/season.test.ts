import { expect, test } from "vitest";
import { weekdayOf } from "../../core/window.ts";
import { outcomeOf } from "../simulate/outcome.ts";
import { createModel, type Change, type SimulatedModel, type StreamSpec } from "../simulate/streams.ts";
import { createDecider } from "./decider.ts";
import { learnReference } from "./learnt-reference.ts";
import { compileReference } from "./reference-series.ts";

const stream: StreamSpec = {
  kind: "season",
  features: 10,
  referenceRows: 28_000,
  rows: 1000,
  volumeSpread: 0,
  clusterSize: 10,
  wander: 0,
};
const options = {
  monitoring: { falseIncidentsPerModelWeek: 0.05, effectFloor: 0.02, qualityFloor: 0.003 },
  subWindowsKnown: true,
  watchedSlices: 0,
  weekdays: true,
};
const seasonsIn = (spec: StreamSpec, model: number) =>
  [
    ...compileReference(
      learnReference(createModel(spec, null, 7, model).reference, {
        subWindowsKnown: true,
        weekdayOf: (window) => weekdayOf(window, "UTC"),
      }),
    ).values(),
  ].map(({ contrasts }) => contrasts.season);
const raised: Change = { kind: "mean", size: 0.2, categories: 2, strength: () => 1 };

test("features whose weekends differ are told from those whose do not", () => {
  // Every third feature has a weekend of 0.15σ.
  seasonsIn(stream, 0).forEach((season, feature) => {
    expect(season?.partition.name ?? null).toBe(feature % 3 === 0 ? "weekends" : null);
  });
});

test("without seasons hardly any is seen, and in less than two weeks none", () => {
  const seasons = Array.from({ length: 10 }, (_, model) => seasonsIn({ ...stream, kind: "iid" }, model)).flat();
  expect(seasons.filter((season) => season !== null).length).toBeLessThanOrEqual(4);
  expect(seasonsIn({ ...stream, referenceRows: 13_000 }, 0).every((season) => season === null)).toBe(true);
});

test("a weekend costs no power: 0.2σ is found within two windows, if weekdays may differ", () => {
  const found = (weekdays: boolean) =>
    Array.from({ length: 5 }, (_, model) => {
      const { findings } = outcomeOf(createModel(stream, raised, 11, model), 2, { ...options, weekdays });
      return findings.some(({ feature }) => feature === "f0");
    }).filter(Boolean).length;
  expect(found(true)).toBe(5);
  expect(found(false)).toBeLessThan(3);
});

const deciderOf = ({ reference, windowMs }: SimulatedModel) =>
  createDecider({
    ...options,
    reference,
    windowsPerWeek: 7,
    horizon: 7,
    environment: "production",
    model: "m",
    baselineId: "b",
    windowMs,
    weekdayZone: "UTC",
  });

test("a finding says the days, and the reference value of those days", () => {
  const model = createModel(stream, { ...raised, size: 0.5 }, 11, 0);
  const decider = deciderOf(model);
  let state = decider.initialState();
  const told = Array.from({ length: 7 }, (_, day) => {
    const { window, profiles } = model.live(day);
    const step = decider.step(state, window, profiles, null);
    state = step.state;
    return step.findings.find(({ series }) => series.feature === "f0");
  });
  expect(told[0]?.season?.text).toBe("Monday to Friday");
  expect(told[6]?.season?.text).toBe("Saturday and Sunday");
  expect(told[6]!.referenceRows).toBeLessThan(told[0]!.referenceRows);
  expect(told[6]!.reference).not.toBe(told[0]!.reference);
});

test("what was learnt without a season is learnt anew from the reference", () => {
  const model = createModel(stream, null, 11, 0);
  const decider = deciderOf(model);
  const fresh = decider.initialState();
  const key = Object.keys(fresh.series).find((one) => fresh.series[one]!.season !== undefined)!;
  const { season: _, ...old } = fresh.series[key]!;
  const before = { ...fresh, series: { ...fresh.series, [key]: { ...old, learning: { ...old.learning, q: [] } } } };
  const { window, profiles } = model.live(0);
  expect(decider.step(before, window, profiles, null).state).toEqual(decider.step(fresh, window, profiles, null).state);
});
