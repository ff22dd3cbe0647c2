import { expect, it } from "vitest";
import { incidentId, incidentMagnitude, incidentToJoin, withLevel } from "./incidents.ts";

const incident = (id: string, openedIndex: number) => ({
  incidentId: id,
  openedIndex,
  levelBefore: 0.1,
  levelPeak: 0.4,
});

it("a new finding joins the newest open incident, counted from its first window", () => {
  const incidents = [incident("old", 3), incident("new", 8)];
  expect(incidentToJoin(incidents, () => true, 15, 7)?.incidentId).toBe("new");
  expect(incidentToJoin(incidents, () => true, 16, 7)).toBeNull();
  expect(incidentToJoin(incidents, (id) => id === "old", 9, 7)?.incidentId).toBe("old");
  expect(incidentToJoin(incidents, () => false, 9, 7)).toBeNull();
});

it("a level counts for the first h windows, and only when it is the highest", () => {
  const opened = incident("i", 8);
  expect(incidentMagnitude(withLevel(opened, 0.9, 14, 7))).toBeCloseTo(0.8, 12);
  expect(withLevel(opened, 0.9, 15, 7)).toBe(opened);
  expect(withLevel(opened, 0.3, 9, 7)).toBe(opened);
  expect(incidentMagnitude({ ...opened, levelPeak: 0.05 })).toBe(0);
});

it("is named by its model, baseline and first window: two models never share one", () => {
  const identity = { environment: "production", model: "a", baselineId: "b", openedWindowStartMs: 0 };
  expect(incidentId(identity)).toMatch(/^[0-9a-f]{16}$/);
  expect(incidentId(identity)).toBe(incidentId({ ...identity }));
  expect(incidentId({ ...identity, model: "c" })).not.toBe(incidentId(identity));
});
