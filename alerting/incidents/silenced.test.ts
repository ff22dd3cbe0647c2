import { describe, expect, test } from "vitest";
import type { Finding } from "../../core/finding.ts";
import { dayMs } from "../../core/window.ts";
import { matches } from "../silences/matchers.ts";
import { evaluatedMs, sampleFinding } from "../testing/findings.ts";
import { acceptIncident } from "./accept.ts";
import type { IncidentState } from "./incident.ts";
import { findingLabels } from "./labels.ts";
import { closeGroup, reconcile } from "./reconcile.ts";
import type { Decision, Rules } from "./reconcile.ts";

const plain: Rules = {
  severity: { data_broken: "page", performance_fell: "page", predictions_moved: "page", inputs_moved: "ticket" },
  effectFloor: 0.02,
  qualityFloor: 0.003,
  groupWaitMs: 0,
  notifyMaxAgeMs: 30 * dayMs,
};

/** Rules under which silences with these matchers hold; their ids count from 0. */
function silenced(...matchers: readonly Record<string, readonly string[]>[]): Rules {
  return {
    ...plain,
    silencesOf: (finding, severity) =>
      matchers.flatMap((one, index) =>
        matches(one, { ...findingLabels(finding, null), severity })
          ? [{ id: String(index), by: "ada", untilMs: evaluatedMs(9) }]
          : [],
      ),
  };
}

const hour = (day: number, sketch: Partial<Finding> = {}) => sampleFinding({ opened: 1, day, ...sketch });
const distance = (day: number, sketch: Partial<Finding> = {}) =>
  sampleFinding({ opened: 2, day, feature: "distance", ...sketch });
const score = (day: number) =>
  sampleFinding({ opened: 2, day, feature: "score", role: "score", harm: "predictions_moved" });

/** One poll after the other, each under its own rules. */
function decided(...polls: readonly (readonly [rules: Rules, ...records: Finding[]])[]): {
  readonly words: readonly string[];
  readonly incident: IncidentState;
  readonly decisions: readonly Decision[];
} {
  let incident: IncidentState | null = null;
  const all: Decision[] = [];
  for (const [rules, ...records] of polls) {
    const nowMs = Math.max(evaluatedMs(1), ...records.map((record) => record.evaluatedAtMs));
    const [next, decisions] = reconcile(incident, records, nowMs, rules);
    incident = next;
    all.push(...decisions);
    if (records.length === 0 && incident?.pending?.held === true) {
      const [released, more] = closeGroup(incident, nowMs, rules);
      incident = released;
      all.push(...more);
    }
  }
  return { words: all.map((one) => one.reason), incident: incident as IncidentState, decisions: all };
}

describe("a silence", () => {
  const onHour = silenced({ feature: ["hour"] });

  test("holds back the opening, and is recorded once with who and until when", () => {
    const { words, decisions, incident } = decided([onHour, hour(1)], [onHour, hour(2)], [onHour, hour(3)]);
    expect(words).toEqual(["silenced"]);
    expect(decisions[0]).toMatchObject({ kind: "record", silences: [{ id: "0", by: "ada", untilMs: evaluatedMs(9) }] });
    expect(incident).toMatchObject({ status: "open", told: null, pending: { held: true } });
  });

  test("that is over lets what is still so be announced, once", () => {
    expect(decided([onHour, hour(1)], [plain], [plain, hour(2)], [plain]).words).toEqual(["silenced", "opened"]);
  });

  test("is followed by nothing if the change ended meanwhile", () => {
    const closed = hour(2, { state: "closed" });
    expect(decided([onHour, hour(1)], [onHour, closed], [plain]).words).toEqual(["silenced", "ended_unsent"]);
  });

  test("that is followed by another is recorded with each", () => {
    const next = silenced({ signal: ["missing"] }, { model: ["flight-delay"] });
    expect(decided([onHour, hour(1)], [next], [next, hour(2)]).words).toEqual(["silenced", "silenced"]);
  });

  test("on one feature does not hide another that breaks beside it", () => {
    expect(decided([onHour, hour(1)], [onHour, hour(2), distance(2)]).words).toEqual(["silenced", "opened"]);
    expect(decided([onHour, hour(1), distance(1)]).words).toEqual(["opened"]);
  });

  test("holds back growth of what was told, and says it afterwards", () => {
    const onDistance = silenced({ feature: ["distance"] });
    const day2 = [hour(2), distance(2)] as const;
    expect(decided([plain, hour(1)], [onDistance, ...day2], [plain], [plain, hour(3), distance(3)]).words).toEqual([
      "opened",
      "silenced",
      "grew",
    ]);
  });

  test("of tickets lets a rise to a page through", () => {
    const tickets = silenced({ model: ["flight-delay"], severity: ["ticket", "none"] });
    const { decisions } = decided([tickets, hour(1)], [tickets, hour(2), score(2)]);
    expect(decisions).toMatchObject([{ reason: "silenced" }, { reason: "opened", severity: "page" }]);
  });

  test("does not hold back the end of what was told: nobody is left with an incident that never ends", () => {
    expect(decided([plain, hour(1)], [onHour, hour(2, { state: "closed" })]).words).toEqual(["opened", "ended"]);
  });

  test("does not hold back worsening that it does not match", () => {
    const worse = hour(2, { magnitude: 0.5 });
    expect(decided([plain, hour(1)], [silenced({ feature: ["origin"] }), worse]).words).toEqual(["opened", "worsened"]);
    expect(decided([plain, hour(1)], [onHour, worse], [plain]).words).toEqual(["opened", "silenced", "worsened"]);
  });
});

describe("accepting the change", () => {
  const accepted = { by: "ada", comment: null, atMs: evaluatedMs(5), range: { fromMs: 1, toMs: 2 } };

  test("ends the incident with its open findings, and tells who was told", () => {
    const { incident } = decided([plain, hour(1)], [plain, hour(2), distance(2)]);
    const [after, decisions] = acceptIncident(incident, accepted);
    expect(after).toMatchObject({ status: "ended", accepted, endedWindowEndMs: incident.windowEndMs });
    expect(Object.values(after.findings).map(({ finding }) => finding.state)).toEqual(["closed", "closed"]);
    expect(decisions.map(({ reason }) => reason)).toEqual(["accepted", "ended"]);
    expect(reconcile(after, [], evaluatedMs(30), plain)).toEqual([after, []]);
  });

  test("ends what nobody was told of without a word, a silence's hold included", () => {
    const held = silenced({ feature: ["hour"] });
    const [after, decisions] = acceptIncident(decided([held, hour(1)]).incident, accepted);
    expect(decisions.map(({ reason }) => reason)).toEqual(["accepted"]);
    expect(after.pending).toBeNull();
  });

  test("that is taken back makes what is found again news", () => {
    const [after] = acceptIncident(decided([plain, hour(1)]).incident, accepted);
    const [again, decisions] = reconcile(after, [hour(6)], evaluatedMs(6), plain);
    expect(decisions.map(({ reason }) => reason)).toEqual(["reopened", "opened"]);
    expect(again).toMatchObject({ status: "open" });
    expect(again).not.toHaveProperty("accepted");
  });
});
