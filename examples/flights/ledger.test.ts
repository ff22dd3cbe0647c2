import { expect, test } from "vitest";
import { createLedger, judge } from "./ledger.ts";
import type { ObservedFinding } from "./ledger.ts";

const whole = createLedger({
  model: "flight-delay",
  firstDay: "2001-01-29",
  lastDay: "2001-04-29",
  shiftWeeks: 1338,
  faults: true,
});

let count = 0;
function finding(feature: string, openedDay: string, changes: Partial<ObservedFinding> = {}): ObservedFinding {
  return {
    findingId: `f${++count}`,
    incidentId: "i1",
    feature,
    signal: "distribution",
    openedDay,
    announcements: [{ day: openedDay, severity: "page" }],
    predictions: "not_known",
    ...changes,
  };
}

const told = (day: string, severity: "page" | "ticket") => ({ announcements: [{ day, severity }] });

const asItShouldBe = [
  finding("origin", "2001-02-05"),
  finding("hour", "2001-03-14", { predictions: "moved" }),
  finding("score", "2001-03-14", { predictions: "moved" }),
  finding("distance", "2001-03-28", { ...told("2001-03-28", "ticket"), predictions: "did_not_move" }),
  finding("haul", "2001-03-28", told("2001-03-28", "ticket")),
  finding("origin", "2001-04-20", { signal: "missing" }),
  finding("*", "2001-04-26", { signal: "silence" }),
  finding("hour", "2001-04-26"),
];

const broken = (findings: readonly ObservedFinding[], ledger = whole) =>
  judge(ledger, findings).flatMap(({ kind, claim }) => (kind === "broken" ? [claim] : []));

const without = (feature: string, day: string) =>
  asItShouldBe.filter((found) => found.feature !== feature || found.openedDay !== day);

test("a run with every planted fault, and storms beside them, holds", () => {
  expect(broken(asItShouldBe)).toEqual([]);
});

test("a planted fault that did not open breaks the ledger", () => {
  expect(broken(without("hour", "2001-03-14"))).toEqual([
    "hour (distribution) must open on 2001-03-14 (the hour is sent in UTC: 5 to 8 hours ahead), but it did not",
  ]);
});

test("a planted fault that opened a day late breaks it twice: it is missing on its day and unexpected on the next", () => {
  expect(broken([...without("hour", "2001-03-14"), finding("hour", "2001-03-15")])).toHaveLength(2);
});

test("a finding that no notification named is no finding to a person", () => {
  const [claim] = broken([...without("haul", "2001-03-28"), finding("haul", "2001-03-28", { announcements: [] })]);
  expect(claim).toContain("no notification of these days named it");
});

test("a page may be where a ticket was expected, a ticket not where a page was", () => {
  const paged = [...without("distance", "2001-03-28"), finding("distance", "2001-03-28")];
  expect(broken(paged)).toEqual([]);
  const missing = finding("origin", "2001-04-20", { signal: "missing", ...told("2001-04-20", "ticket") });
  expect(broken([...without("origin", "2001-04-20"), missing])[0]).toContain("announced as ticket, not as page");
});

test("a score that a storm opened before counts if it is announced as worse when the hours are wrong", () => {
  const announced = finding("score", "2001-03-05", told("2001-03-15", "page"));
  expect(broken([...without("score", "2001-03-14"), announced])).toEqual([]);
  const silent = finding("score", "2001-03-05", told("2001-03-05", "page"));
  expect(broken([...without("score", "2001-03-14"), silent])).toHaveLength(1);
});

test("a message that says predictions moved with the distance is wrong", () => {
  const [claim] = broken([
    ...without("distance", "2001-03-28"),
    finding("distance", "2001-03-28", { predictions: "moved" }),
  ]);
  expect(claim).toContain("the message says that the predictions moved");
});

test("a finding on a day without fault or storm breaks the ledger", () => {
  expect(broken([...asItShouldBe, finding("origin", "2001-02-14")])).toEqual([
    "nothing else may open, but origin (distribution) did on 2001-02-14",
  ]);
});

test("weekday breaks the ledger even on a day of storm", () => {
  expect(broken([...asItShouldBe, finding("weekday", "2001-02-05")])).toHaveLength(1);
});

test("without faults nothing must open, the storms still may, and a fault's day may not", () => {
  const ledger = createLedger({ ...whole, faults: false });
  expect(ledger.mustOpen).toEqual([]);
  expect(broken([finding("origin", "2001-04-11")], ledger)).toEqual([]);
  expect(broken([finding("hour", "2001-04-26")], ledger)).toHaveLength(1);
});

test("a short run asks only for what lies in it", () => {
  const ledger = createLedger({ ...whole, lastDay: "2001-03-18", faults: true });
  expect([...new Set(ledger.mustOpen.map(({ fault }) => fault))]).toEqual(["hour_in_utc"]);
  expect(ledger.mayOpen.every(({ fromDay }) => fromDay <= "2001-03-18")).toBe(true);
});
