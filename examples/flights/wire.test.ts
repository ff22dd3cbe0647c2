import { expect, test } from "vitest";
import { dayStartMs } from "./calendar.ts";
import { inputsOf } from "./features.ts";
import { eventJson, labelJson } from "./wire.ts";

const flight = {
  sequence: 458_392,
  departureMs: dayStartMs("2001-01-29") + 60_000,
  delayMinutes: 16,
  distanceMiles: 2345,
  origin: "ANC",
  destination: "LAX",
};
const event = {
  flight,
  version: "1",
  eventTime: "2026-09-21T00:01:00.000Z",
  inputs: inputsOf(flight, new Map([["ANC", 46.3]])),
  score: 0.2614,
  prediction: "late",
  originState: "AK",
} as const;

test("an event is JSON in the shape of Leeway's contract", () => {
  expect(JSON.parse(eventJson(event))).toEqual({
    event_id: "flight-0458392",
    model: "flight-delay",
    version: "1",
    event_time: "2026-09-21T00:01:00.000Z",
    features: {
      hour: 0,
      distance: 2345,
      origin: "ANC",
      destination: "LAX",
      haul: "xl",
      origin_traffic: 46.3,
      weekday: "Mon",
    },
    prediction: "late",
    scores: { late: 0.2614 },
    cohorts: { origin_state: "AK", haul: "xl" },
  });
});

test("a missing origin is null, not a word", () => {
  const parsed = JSON.parse(
    eventJson({ ...event, inputs: { ...event.inputs, origin: null } }),
  ) as typeof event.inputs & {
    features: { origin: unknown };
  };
  expect(parsed.features.origin).toBeNull();
});

test("a label names its event", () => {
  expect(JSON.parse(labelJson({ flight, label: "late", labelTime: "2026-09-22T00:00:00.000Z" }))).toEqual({
    event_id: "flight-0458392",
    model: "flight-delay",
    label: "late",
    label_time: "2026-09-22T00:00:00.000Z",
  });
});
