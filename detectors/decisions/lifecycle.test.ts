import fc from "fast-check";
import { expect, it } from "vitest";
import { closeAfter, continued, mayReopen, type Continuation, type FindingMemory } from "./lifecycle.ts";

const open: FindingMemory = {
  key: "k",
  series: { role: "feature", feature: "f", version: "", slice: "" },
  signal: "distribution",
  findingId: "1",
  incidentId: "2",
  contrast: 0,
  contrastName: "location",
  horizon: "short",
  d0: 0.1,
  reopened: false,
  provisional: false,
  openedWindowStartMs: 0,
  openedWindowEndMs: 1,
  calm: 0,
  closedIndex: null,
  closedWindowEndMs: null,
  evidence: {
    reference: 0,
    current: 0,
    effect: 0,
    effectLow: 0,
    effectHigh: 0,
    pValue: 0,
    threshold: 0,
    rows: 0,
    referenceRows: 0,
    minimumDetectableEffect: 0,
    varianceInflation: 1,
    magnitude: 0,
  },
};

const after = (kinds: readonly Continuation["kind"][]): FindingMemory =>
  kinds.reduce(
    (finding, kind, i) =>
      finding.closedIndex === null ? continued(finding, { kind }, { index: i + 1, windowEndMs: i + 1 }) : finding,
    open,
  );

it("closes exactly when three calm windows have run together, not counting windows that measured nothing", () => {
  const kinds = fc.array(fc.constantFrom<Continuation["kind"]>("calm", "lasting", "not_measured"), { maxLength: 30 });
  fc.assert(
    fc.property(kinds, (sequence) => {
      const measured = sequence.filter((kind) => kind !== "not_measured").map((kind) => (kind === "calm" ? "c" : "l"));
      expect(after(sequence).closedIndex !== null).toBe(measured.join("").includes("c".repeat(closeAfter)));
    }),
  );
});

it("remembers the window in which it closed", () => {
  expect(after(["lasting", "calm", "calm", "calm"])).toMatchObject({ closedIndex: 4, closedWindowEndMs: 4 });
});

it("may reopen within the horizon of its close, not later, and not while it is open", () => {
  const closed = after(["calm", "calm", "calm"]);
  expect(mayReopen(closed, 10, 7)).toBe(true);
  expect(mayReopen(closed, 11, 7)).toBe(false);
  expect(mayReopen(open, 1, 7)).toBe(false);
});
