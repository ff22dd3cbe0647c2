import { expect, test } from "vitest";
import { chance } from "./chance.ts";
import { classOf, createScorer, fitDelayModel } from "./delay-model.ts";
import type { TrainingRow } from "./delay-model.ts";
import { haulOf } from "./features.ts";
import type { Inputs } from "./features.ts";

function inputs(changes: Partial<Inputs> = {}): Inputs {
  return {
    hour: 9,
    distance: 700,
    origin: "ORD",
    destination: "LGA",
    haul: "medium",
    originTraffic: 880,
    weekday: "Mon",
    ...changes,
  };
}

/** Flights whose chance of being late depends on the hour alone: 10 % in the morning, 40 % in the evening. */
const rows: readonly TrainingRow[] = Array.from({ length: 100_000 }, (_, row) => {
  const evening = chance(1, row) < 0.5;
  const distance = 200 + Math.floor(2000 * chance(2, row));
  return {
    inputs: inputs({ hour: evening ? 20 : 8, distance, haul: haulOf(distance) }),
    late: chance(3, row) < (evening ? 0.4 : 0.1),
  };
});
const model = fitDelayModel(rows, { version: "1", originTraffic: new Map([["ORD", 880]]) });
const score = createScorer(model);

test("scores come near the probabilities that the rows were drawn with", () => {
  expect(score(inputs({ hour: 8 }))).toBeCloseTo(0.1, 1);
  expect(score(inputs({ hour: 20 }))).toBeCloseTo(0.4, 1);
});

test("the mean score equals the share that was late", () => {
  const meanScore = rows.reduce((sum, row) => sum + score(row.inputs), 0) / rows.length;
  expect(meanScore).toBeCloseTo(rows.filter(({ late }) => late).length / rows.length, 3);
});

test("a feature without influence hardly moves the score", () => {
  expect(Math.abs(score(inputs({ distance: 2000, haul: "long" })) - score(inputs()))).toBeLessThan(0.02);
});

test("the same rows give the same model", () => {
  expect(fitDelayModel(rows, { version: "1", originTraffic: new Map([["ORD", 880]]) })).toEqual(model);
});

test("the model survives being written as JSON", () => {
  const read = createScorer(JSON.parse(JSON.stringify(model)) as typeof model);
  expect(read(inputs({ hour: 20 }))).toBe(score(inputs({ hour: 20 })));
});

test("missing and unknown values add nothing instead of breaking the score", () => {
  expect(score(inputs({ origin: null }))).toBeGreaterThan(0);
  expect(score(inputs({ origin: "constructor", destination: "__proto__" }))).toBeGreaterThan(0);
});

test("a flight is predicted late from the threshold on", () => {
  expect(classOf(model, model.decisionThreshold)).toBe("late");
  expect(classOf(model, model.decisionThreshold - 0.0001)).toBe("on_time");
});

test("hauls are closed at their upper end", () => {
  expect([400, 401, 1000, 1001, 2000, 2001].map(haulOf)).toEqual(["short", "medium", "medium", "long", "long", "xl"]);
});
