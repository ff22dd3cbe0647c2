import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../core/finding.ts";
import { dayMs } from "../../core/window.ts";
import { dayStartMs, evaluatedMs, sampleFinding } from "../testing/findings.ts";
import type { IncidentState } from "./incident.ts";
import { closeGroup, nextDueMs, reconcile } from "./reconcile.ts";
import type { Decision, Rules } from "./reconcile.ts";

const rules: Rules = {
  severity: { data_broken: "page", performance_fell: "page", predictions_moved: "page", inputs_moved: "ticket" },
  effectFloor: 0.02,
  qualityFloor: 0.003,
  groupWaitMs: 30_000,
  notifyMaxAgeMs: 2 * dayMs,
};

/** Feeds one poll after the other, a minute after the latest record of each; says in words what was decided. */
function told(polls: readonly (readonly Finding[])[], changes: Partial<Rules> = {}): readonly string[] {
  const inForce = { ...rules, ...changes };
  let incident: IncidentState | null = null;
  const words: string[] = [];
  for (const records of polls) {
    const nowMs = Math.max(...records.map((record) => record.evaluatedAtMs)) + 60_000;
    const [next, decisions] = reconcile(incident, records, nowMs, inForce);
    incident = next;
    words.push(...decisions.map(inWords));
  }
  return words;
}

function inWords(decision: Decision): string {
  if (decision.kind === "record") return `(${decision.reason})`;
  const features = (ids: readonly string[]) =>
    ids
      .map((id) => decision.incident.findings[id]?.finding.series.feature ?? "?")
      .toSorted()
      .join("+");
  const parts = [`${decision.reason} ${decision.severity}`];
  if (decision.joined.length > 0) parts.push(`joined ${features(decision.joined)}`);
  if (decision.worsened.length > 0) parts.push(`worsened ${features(decision.worsened)}`);
  if (decision.withdrawn.length > 0) parts.push(`withdrawn ${features(decision.withdrawn)}`);
  return parts.join(", ");
}

const hour = (day: number, sketch: Partial<Finding> = {}) => sampleFinding({ opened: 1, day, ...sketch });
const score = (day: number, sketch: Partial<Finding> = {}) =>
  sampleFinding({ opened: 2, day, feature: "score", role: "score", harm: "predictions_moved", ...sketch });
const closed = { state: "closed" } as const;
/** One poll a day, as evaluations come. */
const daily = (from: number, to: number, record: (day: number) => Finding) =>
  Array.from({ length: to - from + 1 }, (_, index) => [record(from + index)]);

describe("performance by labels", () => {
  const evaluatedAtMs = evaluatedMs(31);
  const fell = (dueMs: number) => {
    const finding = hour(1, { signal: "performance", harm: "performance_fell", evaluatedAtMs });
    return {
      ...finding,
      evidence: { ...finding.evidence, labels: { rows: 9, labelled: 8, referenceCoverage: 1, dueMs } },
    };
  };

  test("is news when its labels are due, however old its window", () => {
    expect(told([[fell(evaluatedAtMs)]])).toEqual(["opened page"]);
  });

  test("is none when they were due long ago", () => {
    expect(told([[fell(evaluatedAtMs - 3 * dayMs)]])).toEqual(["(too_old_to_notify)"]);
  });
});

describe("one notification per change", () => {
  test("a change is told when it opens and when it ends, and not in between", () => {
    expect(told([[hour(1)], [hour(2)], [hour(3)], [hour(4, closed)]])).toEqual(["opened ticket", "ended ticket"]);
  });

  test("findings of one evaluation are told together, also when they arrive in two polls within group_wait", () => {
    const together = [hour(1), sampleFinding({ opened: 1, feature: "distance" })] as const;
    expect(told([[...together]])).toEqual(["opened ticket"]);
    const [incident, early] = reconcile(null, [together[0]], evaluatedMs(1) + 1_000, rules);
    expect(early).toEqual([]);
    expect(nextDueMs(incident as IncidentState)).toBe(evaluatedMs(1) + 30_000);
    const [, late] = reconcile(incident, [together[1]], evaluatedMs(1) + 31_000, rules);
    expect(late).toHaveLength(1);
  });

  test("with group_wait 0 an evaluation is told at once", () => {
    const [, decisions] = reconcile(null, [hour(1)], evaluatedMs(1), { ...rules, groupWaitMs: 0 });
    expect(decisions.map(inWords)).toEqual(["opened ticket"]);
  });

  test("the evaluation of a later window closes the group, so that catching up loses nothing", () => {
    const at = { evaluatedAtMs: evaluatedMs(5) };
    expect(
      told(
        [
          [
            hour(1, at),
            hour(2, { evaluatedAtMs: evaluatedMs(5) + 1 }),
            hour(5, { ...closed, evaluatedAtMs: evaluatedMs(5) + 2 }),
          ],
        ],
        { notifyMaxAgeMs: 30 * dayMs },
      ),
    ).toEqual(["opened ticket", "ended ticket"]);
  });

  test("a closed group needs no wait", () => {
    const [incident] = reconcile(null, [hour(1)], evaluatedMs(1), rules);
    const [after, decisions] = closeGroup(incident as IncidentState, evaluatedMs(1), rules);
    expect(decisions.map(inWords)).toEqual(["opened ticket"]);
    expect(closeGroup(after, evaluatedMs(1), rules)).toEqual([after, []]);
  });
});

describe("growth", () => {
  test("a finding of another feature is told as growth, with the rise of severity", () => {
    expect(told([[hour(1)], [hour(2), score(2)], [hour(3), score(3)]])).toEqual([
      "opened ticket",
      "grew page, joined score",
    ]);
  });

  test("another signal of the same feature is growth", () => {
    const missing = sampleFinding({ opened: 2, signal: "missing", harm: "data_broken" });
    expect(told([[hour(1)], [hour(2), missing]])).toEqual(["opened ticket", "grew page, joined hour"]);
  });

  test("another slice of the same feature joins without a word", () => {
    const slice = sampleFinding({ opened: 2, slice: "haul=short" });
    expect(told([[hour(1)], [hour(2), slice]])).toEqual(["opened ticket", "(joined_silently)"]);
  });

  test("what joins in one window is told at most once in it; the rest with the next window", () => {
    const late = (feature: string, day: number, minutes: number) =>
      sampleFinding({ opened: 2, day, feature, evaluatedAtMs: evaluatedMs(day) + minutes * 60_000 });
    expect(
      told([[hour(1)], [late("a", 2, 0)], [late("b", 2, 10)], [hour(2), late("c", 2, 20)], [hour(3), late("a", 3, 0)]]),
    ).toEqual(["opened ticket", "grew ticket, joined a", "grew ticket, joined b+c"]);
  });

  test("a rise of severity without a new finding is told as growth", () => {
    expect(told([[hour(1)], [hour(2, { harm: "predictions_moved" })], [hour(3)]])).toEqual([
      "opened ticket",
      "grew page",
    ]);
  });

  test("twice the largest sent is told as worsened, less is not", () => {
    const sizes = [0.1, 0.19, 0.2, 0.3, 0.39, 0.4];
    expect(told(sizes.map((magnitude, index) => [hour(index + 1, { magnitude })]))).toEqual([
      "opened ticket",
      "worsened ticket, worsened hour",
      "worsened ticket, worsened hour",
    ]);
  });

  test("twice nearly nothing is not worse while it is under the floor", () => {
    expect(told([[hour(1, { magnitude: 0.001 })], [hour(2, { magnitude: 0.019 })]])).toEqual(["opened ticket"]);
  });
});

describe("the end", () => {
  test("an incident ends with its last finding", () => {
    expect(told([[hour(1)], [hour(2, closed), score(2)], [score(3)], [score(4, closed)]])).toEqual([
      "opened ticket",
      "grew page, joined score",
      "ended page",
    ]);
  });

  test("a finding that reopens is not told, nor is its next end", () => {
    const again = { reopened: true } as const;
    expect(
      told([
        ...daily(1, 3, hour),
        [hour(4, closed)],
        ...daily(5, 7, (day) => hour(day, again)),
        [hour(8, { ...again, ...closed })],
      ]),
    ).toEqual(["opened ticket", "ended ticket", "(reopened)", "(ended_silently)"]);
  });

  test("growth after reopening is told, and so is the end of that", () => {
    const again = { reopened: true } as const;
    expect(
      told([
        [hour(1)],
        [hour(2, closed)],
        [hour(3, again)],
        [hour(4, again), score(4)],
        [hour(5, closed), score(5, closed)],
      ]),
    ).toEqual(["opened ticket", "ended ticket", "(reopened)", "grew page, joined score", "ended page"]);
  });

  test("the end of what was told is told, however old its window", () => {
    const [incident] = reconcile(null, [hour(1)], evaluatedMs(1) + 60_000, rules);
    const [, decisions] = reconcile(incident, [hour(2, closed)], evaluatedMs(9), rules);
    expect(decisions.map(inWords)).toEqual(["ended ticket"]);
  });

  test("what ended before it was sent is recorded and not sent", () => {
    const [incident] = reconcile(null, [hour(1)], evaluatedMs(1), rules);
    const [after, decisions] = reconcile(
      incident,
      [hour(1, { ...closed, revision: 1, evaluatedAtMs: evaluatedMs(1) + 1 })],
      evaluatedMs(1) + 30_000,
      rules,
    );
    expect(decisions.map(inWords)).toEqual(["(ended_unsent)"]);
    expect(after?.status).toBe("ended");
  });
});

describe("late data", () => {
  const withdrawn = (day: number, evaluatedAtMs: number) =>
    ({ state: "withdrawn", revision: 1, day, evaluatedAtMs }) as const;

  test("a finding withdrawn before it was sent is dropped", () => {
    const [incident] = reconcile(null, [hour(1)], evaluatedMs(1), rules);
    const [after, decisions] = reconcile(
      incident,
      [hour(1, withdrawn(1, evaluatedMs(1) + 5))],
      evaluatedMs(1) + 60_000,
      rules,
    );
    expect(decisions.map(inWords)).toEqual(["(dropped)"]);
    expect(after?.status).toBe("withdrawn");
    expect(nextDueMs(after as IncidentState)).toBeNull();
  });

  test("a finding withdrawn after it was sent is told once", () => {
    const record = sampleFinding({
      opened: 1,
      day: 1,
      state: "withdrawn",
      revision: 1,
      evaluatedAtMs: evaluatedMs(2) + 5,
    });
    expect(told([[hour(1)], [hour(2)], [record], [record, hour(2)]])).toEqual([
      "opened ticket",
      "withdrawn ticket, withdrawn hour",
    ]);
  });

  test("one finding of several is withdrawn while the incident goes on", () => {
    const record = hour(1, { state: "withdrawn", revision: 1, evaluatedAtMs: evaluatedMs(2) + 5 });
    expect(told([[hour(1)], [hour(2), score(2)], [record], [score(3, closed)]])).toEqual([
      "opened ticket",
      "grew page, joined score",
      "withdrawn page, withdrawn hour",
      "ended page",
    ]);
  });

  test("what a still later evaluation finds again is told again", () => {
    const gone = hour(1, { state: "withdrawn", revision: 1, evaluatedAtMs: evaluatedMs(1) + 600_000 });
    const back = hour(1, { revision: 2, evaluatedAtMs: evaluatedMs(1) + 1_200_000 });
    expect(told([[hour(1)], [gone], [back]])).toEqual([
      "opened ticket",
      "withdrawn ticket, withdrawn hour",
      "opened ticket",
    ]);
  });

  test("a detector that lags behind another does not reopen what has closed", () => {
    expect(told([...daily(1, 3, hour), [hour(4, closed)], [hour(2, { evaluatedAtMs: evaluatedMs(4) + 100 })]])).toEqual(
      ["opened ticket", "ended ticket"],
    );
  });
});

describe("age", () => {
  test("nothing is told of a window older than notify_max_age", () => {
    const [incident, decisions] = reconcile(null, [hour(1)], dayStartMs(4) + 1, rules);
    expect(decisions.map(inWords)).toEqual(["(too_old_to_notify)"]);
    const [, ended] = reconcile(incident, [hour(2, closed)], dayStartMs(4) + 2, rules);
    expect(ended.map(inWords)).toEqual(["(ended_unsent)"]);
  });

  test("what began long ago and still holds in a recent window is told", () => {
    const [, decisions] = reconcile(null, daily(1, 9, hour).flat(), evaluatedMs(9) + 60_000, rules);
    expect(decisions.map(inWords)).toEqual(["(too_old_to_notify)", "opened ticket"]);
  });

  test("a finding that is not re-asserted for two window lengths is stale, not over, and nobody is told", () => {
    const [incident] = reconcile(null, [hour(1)], evaluatedMs(1) + 60_000, rules);
    expect(nextDueMs(incident as IncidentState)).toBe(evaluatedMs(3));
    const [stale, decisions] = reconcile(incident, [], evaluatedMs(3), rules);
    expect(decisions.map(inWords)).toEqual(["(stale)"]);
    expect(stale?.status).toBe("stale");
    expect(nextDueMs(stale as IncidentState)).toBeNull();
    const [again, back] = reconcile(stale, [hour(4)], evaluatedMs(4), rules);
    expect(back.map(inWords)).toEqual(["(reasserted)"]);
    expect(again?.status).toBe("open");
    expect(reconcile(again, [hour(5, closed)], evaluatedMs(6), rules)[1].map(inWords)).toEqual(["ended ticket"]);
  });

  test("a stale finding keeps its incident from ending", () => {
    const [incident] = reconcile(null, [hour(1), score(1)], evaluatedMs(1) + 60_000, rules);
    const [after, decisions] = reconcile(incident, [score(2), score(4, closed)], evaluatedMs(4), rules);
    expect(decisions.map(inWords)).toEqual(["(stale)"]);
    expect(after?.status).toBe("stale");
  });

  test("records evaluated on a clock ahead of the service's are taken as of now", () => {
    const ahead = hour(1, { evaluatedAtMs: evaluatedMs(300) });
    const [incident] = reconcile(null, [ahead], evaluatedMs(1), rules);
    expect(nextDueMs(incident as IncidentState)).toBe(evaluatedMs(1) + 30_000);
  });
});

describe("severity", () => {
  test("severity none is recorded and not sent", () => {
    const quiet = { severity: { ...rules.severity, inputs_moved: "none" } } as const;
    expect(told([[hour(1)], [hour(2)], [hour(3, closed)]], quiet)).toEqual(["(severity_none)", "(ended_unsent)"]);
  });

  test("an incident that rises from none is told as opened", () => {
    const quiet = { severity: { ...rules.severity, inputs_moved: "none" } } as const;
    expect(told([[hour(1)], [hour(2), score(2)]], quiet)).toEqual(["(severity_none)", "opened page"]);
  });

  test("a provisional finding is a ticket at most", () => {
    expect(told([[score(2, { provisional: true })]])).toEqual(["opened ticket"]);
  });
});

test("nothing new leaves the state untouched", () => {
  const [incident] = reconcile(null, [hour(1), hour(2)], evaluatedMs(2) + 60_000, rules);
  const [after, decisions] = reconcile(incident, [hour(2), hour(1)], evaluatedMs(2) + 61_000, rules);
  expect(after).toBe(incident);
  expect(decisions).toEqual([]);
});

test("one log gives the same notifications however it is cut, repeated, delayed and interrupted", () => {
  // What is too old depends on the hour it is read; everything else depends on the log alone.
  const patient = { ...rules, notifyMaxAgeMs: 400 * dayMs };
  const features = ["hour", "distance", "origin", "haul"] as const;
  const aDay = fc.record({
    states: fc.array(fc.constantFrom("absent", "open", "closed"), { minLength: 4, maxLength: 4 }),
    magnitudes: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
    revised: fc.boolean(),
    withdrawn: fc.option(fc.nat(3), { nil: null }),
  });
  const aLog = fc.array(aDay, { minLength: 1, maxLength: 10 }).map((days) => {
    const log: Finding[] = [];
    for (const [index, { states, magnitudes, revised, withdrawn }] of days.entries()) {
      const day = index + 1;
      for (const evaluation of revised ? [0, 1] : [0]) {
        for (const [which, feature] of features.entries()) {
          const state = states[(which + evaluation) % 4];
          const magnitude = magnitudes[which] ?? 0;
          const evaluatedAtMs = evaluatedMs(day) + evaluation * 3_600_000;
          const record = { opened: 1, day, feature, magnitude, revision: evaluation, evaluatedAtMs } as const;
          if (evaluation === 1 && withdrawn === which) log.push(sampleFinding({ ...record, state: "withdrawn" }));
          else if (state === "open" || state === "closed") log.push(sampleFinding({ ...record, state }));
        }
      }
    }
    return log;
  });
  const aDelivery = fc.record({
    delaysMs: fc.array(fc.integer({ min: 0, max: 29_000 }), { minLength: 1, maxLength: 7 }),
    pollMs: fc.constantFrom(5_000, 60_000, 1_800_000, 7_200_000, 30 * 3_600_000),
    overlapMs: fc.constantFrom(0, 300_000, 100 * 3_600_000),
    duplicates: fc.integer({ min: 1, max: 3 }),
    crashes: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  });

  fc.assert(
    fc.property(aLog, aDelivery, (log, delivery) => {
      const expected = replay(log, { delaysMs: [0], pollMs: 600_000, overlapMs: 0, duplicates: 1, crashes: [false] });
      expect(replay(log, delivery)).toEqual(expected);
    }),
    { numRuns: 200 },
  );

  function replay(
    log: readonly Finding[],
    delivery: { delaysMs: number[]; pollMs: number; overlapMs: number; duplicates: number; crashes: boolean[] },
  ): readonly string[] {
    const { delaysMs, pollMs, overlapMs, duplicates, crashes } = delivery;
    const arrivals = log.map((record, index) => ({
      record,
      atMs: record.evaluatedAtMs + (delaysMs[index % delaysMs.length] ?? 0),
    }));
    let saved = "null";
    const words: string[] = [];
    let fromMs = 0;
    const lastMs = Math.max(0, ...arrivals.map(({ atMs }) => atMs));
    let poll = 0;
    // Only the polls at which something can happen: those that see a record, and the first after it, for its group_wait.
    const polls = new Set<number>();
    for (const { atMs } of arrivals) {
      const first = Math.ceil(atMs / pollMs) * pollMs;
      for (const nowMs of [first, first + Math.max(pollMs, 60_000)]) polls.add(nowMs);
    }
    polls.add(lastMs + 40 * 3_600_000);
    for (const nowMs of [...polls].toSorted((left, right) => left - right)) {
      const seen = arrivals
        .filter(({ atMs }) => atMs <= nowMs && atMs > fromMs - overlapMs)
        .map(({ record }) => record);
      const records = Array.from({ length: duplicates }, () => seen).flat();
      const [next, decisions] = reconcile(JSON.parse(saved) as IncidentState | null, records, nowMs, patient);
      // A crash before the commit: the next poll starts from the saved state and the saved cursor.
      if (crashes[poll++ % crashes.length] === true && nowMs < lastMs && pollMs < 3_600_000 * 24) continue;
      saved = JSON.stringify(next);
      fromMs = nowMs;
      for (const decision of decisions) {
        if (decision.kind === "notify") {
          words.push(
            `${new Date(decision.windowEndMs).toISOString().slice(0, 10)} ${decision.evaluatedAtMs} ${inWords(decision)}`,
          );
        }
      }
    }
    return words;
  }
});
