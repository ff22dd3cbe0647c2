import { expect, test } from "vitest";
import { storedOnce } from "./stored.ts";

const sent = { events: 3, labels: 2, eventSequences: 6, labelSequences: 3 };
const exact = { rows: 3, ids: 3, sequences: 6, offsets: 3 };

test("rows, ids, offsets and the ids' sum as sent: stored exactly once", () => {
  expect(storedOnce("events", exact, sent)).toEqual([]);
  expect(storedOnce("labels", { rows: 2, ids: 2, sequences: 3, offsets: 2 }, sent)).toEqual([]);
});

test("a lost event shows in rows and ids", () => {
  expect(storedOnce("events", { rows: 2, ids: 2, sequences: 6, offsets: 2 }, sent)).toEqual([
    "3 events were sent, 2 rows are stored",
    "3 events were sent, 2 different ids are stored",
  ]);
});

test("a lost event is not hidden by another that is stored twice", () => {
  expect(storedOnce("events", { rows: 3, ids: 2, sequences: 5, offsets: 2 }, sent)).toEqual([
    "3 events were sent, 2 different ids are stored",
    "1 events are stored twice",
    "the ids of the stored events are not those that were sent",
  ]);
});

test("as many ids, but another one: only the sum tells", () => {
  expect(storedOnce("events", { ...exact, sequences: 7 }, sent)).toHaveLength(1);
});
