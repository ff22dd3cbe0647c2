import { describe, expect, test } from "vitest";
import type { Finding } from "../core/finding.ts";
import { dayMs } from "../core/window.ts";
import { incidentMessage } from "./message.ts";
import type { IncidentMessage } from "./message.ts";
import { reconcile } from "./incidents/reconcile.ts";
import type { Decision, Rules } from "./incidents/reconcile.ts";
import type { IncidentState } from "./incidents/incident.ts";
import { evaluatedMs, sampleFinding } from "./testing/findings.ts";
import { sampleModel } from "./testing/models.ts";
import { messageText } from "./text/message-text.ts";

const model = sampleModel();
const rules: Rules = {
  severity: model.alerting.severity,
  effectFloor: 0.02,
  qualityFloor: 0.003,
  groupWaitMs: 0,
  notifyMaxAgeMs: 2 * dayMs,
};

/** The messages that one poll a day gives. */
function messages(...days: readonly (readonly Finding[])[]): readonly IncidentMessage[] {
  let incident: IncidentState | null = null;
  const decided: Decision[] = [];
  for (const records of days) {
    const nowMs = Math.max(...records.map((record) => record.evaluatedAtMs));
    const [next, decisions] = reconcile(incident, records, nowMs, rules);
    incident = next;
    decided.push(...decisions);
  }
  const context = { model, externalUrl: "http://127.0.0.1:8686/", sqlCommand: "leeway sql" };
  return decided.filter((decision) => decision.kind === "notify").map((decision) => incidentMessage(decision, context));
}

const text = (message: IncidentMessage | undefined) => (message === undefined ? "" : `\n${messageText(message)}\n`);

const moved = { verdict: "moved", effect: 0.091, effectHigh: 0.097 } as const;
const still = { verdict: "did_not_move", effect: 0.004, effectHigh: 0.0121 } as const;

const hourInUtc = sampleFinding({
  opened: 13,
  harm: "predictions_moved",
  magnitude: 0.36,
  evidence: {
    effect: 0.362,
    effectLow: 0.3541,
    rows: 16_412,
    referenceRows: 449_120,
    summary: { reference_mean: 13.21, current_mean: 17.84, reference_median: 13.08, current_median: 18.02 },
    contributors: [
      { name: "over 21", reference: 0.031, current: 0.148 },
      { name: "6 to 7", reference: 0.066, current: 0.0021 },
    ],
    slices: [
      { name: "origin_state=CA", reference: 0.221, current: 0.587, carried: 0.312 },
      { name: "origin_state=TX", reference: 0.223, current: 0.519, carried: 0.108 },
    ],
    predictions: moved,
  },
});
const scoreMoved = sampleFinding({
  opened: 13,
  role: "score",
  feature: "score",
  version: "7",
  harm: "predictions_moved",
  magnitude: 0.09,
  evidence: {
    effect: 0.091,
    effectLow: 0.085,
    summary: { reference_mean: 0.181, current_mean: 0.214 },
    predictions: moved,
  },
});

describe("what a person reads at three in the morning", () => {
  test("hour shifted, predictions moved", () => {
    const [opened] = messages([hourInUtc, scoreMoved]);
    expect(text(opened)).toMatchInlineSnapshot(`
      "
      PAGE  flight-delay (production): hour changed; predictions moved with it
        what         hour: median 13.1 → 18 (mean 13.2 → 17.8)
                     36.2 % of rows moved, at least 35.4 %; 16,412 rows against 449,120 of the baseline
        for whom     values: over 21 3.1 % → 14.8 %, 6 to 7 6.6 % → 0.2 %
                     slices: origin_state=CA 31.2 % of the change, origin_state=TX 10.8 % of the change
        since        Sat 2026-03-14 00:00 UTC, for 1 day
        predictions  moved: 9.1 % of rows
        also         the score of version 7: mean 0.181 → 0.214
        next         1. Ask what changed for hour around Sat 2026-03-14 00:00 UTC: a deploy, a unit, a
                        time zone, a join, or the world itself.
                     2. Predictions moved with it: treat decisions since Sat 2026-03-14 00:00 UTC as
                        doubtful, and hold or fall back if they cost money.
                     3. If the change is real and lasts, train on it, then accept it as the new baseline:
                        leeway incidents accept 1nc1den7
        rows         leeway sql 'SELECT toStartOfInterval(event_time, INTERVAL 2 HOUR) AS time, count() AS
                     rows, avg(\`hour\`) AS mean, quantiles(0.1, 0.5, 0.9)(\`hour\`) AS deciles FROM
                     \`v_flight-delay\` WHERE environment = $$production$$ AND event_time >=
                     $$2026-03-13 00:00:00$$ AND event_time < $$2026-03-15 00:00:00$$ GROUP BY time ORDER
                     BY time'
        link         http://127.0.0.1:8686/incidents/1nc1den7
      "
    `);
  });

  test("a new version decides otherwise than the approved one beside it", () => {
    const canary = sampleFinding({
      opened: 13,
      role: "class",
      feature: "class",
      version: "2",
      harm: "predictions_moved",
      evidence: {
        control: "1",
        horizon: "long",
        effect: 0.0108,
        effectLow: 0.0071,
        rows: 24_000,
        referenceRows: 456_000,
        contributors: [
          { name: "late", reference: 0.102, current: 0.113 },
          { name: "on_time", reference: 0.898, current: 0.887 },
        ],
        predictions: { verdict: "moved", effect: 0.0108, effectHigh: 0.015 },
      },
    });
    const [opened] = messages([canary]);
    expect(text(opened)).toMatchInlineSnapshot(`
      "
      PAGE  flight-delay (production): the predicted class of version 2 differs from version 1's
        what         the predicted class of version 2: late 10.2 % → 11.3 % of rows, version 1 → version 2
                     1.1 % of rows differ, at least 0.7 %, over the last windows together; 24,000 rows
                     against 456,000 of version 1 in the same windows
        for whom     values: on_time 89.8 % → 88.7 %
        since        Sat 2026-03-14 00:00 UTC, for 1 day
        predictions  moved: 1.1 % of rows
        next         1. Versions 2 and 1 decide differently on the same traffic: hold the rollout until it
                        is known why.
                     2. Look for what only one of them has: its threshold, its feature code, its training
                        data, its cache.
                     3. If version 2 is right, approve it: name it as baseline.version in the model's
                        file.
        rows         leeway sql 'SELECT version, prediction_class AS value, count() AS rows, count() /
                     sum(count()) OVER (PARTITION BY version) AS share FROM \`v_flight-delay\` WHERE
                     environment = $$production$$ AND event_time >= $$2026-03-14 00:00:00$$ AND event_time
                     < $$2026-03-15 00:00:00$$ AND version IN ($$1$$, $$2$$) GROUP BY version, value ORDER
                     BY value, version LIMIT 20'
        link         http://127.0.0.1:8686/incidents/1nc1den7
      "
    `);
  });

  test("distance in kilometres, predictions did not move", () => {
    const distance = sampleFinding({
      opened: 27,
      feature: "distance",
      magnitude: 0.24,
      evidence: {
        effect: 0.2411,
        effectLow: 0.2358,
        rows: 16_870,
        referenceRows: 449_120,
        summary: { reference_mean: 731.4, current_mean: 1177.1, reference_median: 571, current_median: 919 },
        contributors: [{ name: "over 2475", reference: 0.008, current: 0.096 }],
        predictions: still,
      },
    });
    const haul = sampleFinding({
      opened: 27,
      feature: "haul",
      magnitude: 0.2,
      evidence: { contributors: [{ name: "xl", reference: 0.041, current: 0.152 }], predictions: still },
    });
    const [opened] = messages([distance, haul]);
    expect(text(opened)).toMatchInlineSnapshot(`
      "
      TICKET  flight-delay (production): distance changed, and 1 more; predictions did not move
        what         distance: median 571 → 919 miles (mean 731 → 1,177 miles)
                     24.1 % of rows moved, at least 23.6 %; 16,870 rows against 449,120 of the baseline
        for whom     values: over 2475 0.8 % → 9.6 %
        since        Sat 2026-03-28 00:00 UTC, for 1 day
        predictions  did not move: at most 1.2 % of rows
        also         haul: xl 4.1 % → 15.2 % of rows
        next         1. Ask what changed for distance around Sat 2026-03-28 00:00 UTC: a deploy, a unit, a
                        time zone, a join, or the world itself. Note that its mean and median are 1.61
                        times what they were: kilometres where miles are expected?
                     2. Predictions did not move: this can wait for working hours.
                     3. If the change is real and lasts, accept it as the new baseline: leeway incidents
                        accept 1nc1den7
        rows         leeway sql 'SELECT toStartOfInterval(event_time, INTERVAL 2 HOUR) AS time, count() AS
                     rows, avg(\`distance\`) AS mean, quantiles(0.1, 0.5, 0.9)(\`distance\`) AS deciles FROM
                     \`v_flight-delay\` WHERE environment = $$production$$ AND event_time >=
                     $$2026-03-27 00:00:00$$ AND event_time < $$2026-03-29 00:00:00$$ GROUP BY time ORDER
                     BY time'
        link         http://127.0.0.1:8686/incidents/1nc1den7
      "
    `);
  });

  test("4 % of origin missing", () => {
    const missing = sampleFinding({
      opened: 50,
      feature: "origin",
      signal: "missing",
      harm: "data_broken",
      magnitude: 0.039,
      evidence: {
        contrast: "missing share",
        reference: 0,
        current: 0.0402,
        effect: 0.0402,
        effectLow: 0.0383,
        rows: 16_903,
        referenceRows: 449_120,
        predictions: { verdict: "not_known", effect: 0.006, effectHigh: 0.024 },
      },
    });
    const [opened] = messages([missing]);
    expect(text(opened)).toMatchInlineSnapshot(`
      "
      PAGE  flight-delay (production): origin is missing in 4.0 % of rows
        what         origin: missing in 0 % → 4.0 % of rows
                     4.0 % of rows moved, at least 3.8 %; 16,903 rows against 449,120 of the baseline
        since        Mon 2026-04-20 00:00 UTC, for 1 day
        predictions  not known: at most 2.4 % of rows
        next         1. Find who fills origin: a join, an upstream table, or a client that began to leave
                        it out.
                     2. See in the rows whether one version, arm or cohort sends all of the gaps.
                     3. Decide whether rows without a value should be predicted at all.
        rows         leeway sql 'SELECT event_time, event_id, version, cohorts FROM \`v_flight-delay\` WHERE
                     environment = $$production$$ AND event_time >= $$2026-04-20 00:00:00$$ AND event_time
                     < $$2026-04-21 00:00:00$$ AND \`origin\` IS NULL ORDER BY event_time LIMIT 20'
        link         http://127.0.0.1:8686/incidents/1nc1den7
      "
    `);
  });

  test("half a day of silence", () => {
    const silence = sampleFinding({
      opened: 56,
      feature: "",
      signal: "silence",
      harm: "data_broken",
      magnitude: 2.1,
      evidence: {
        contrast: "longest gap",
        reference: 4.6 * 3600,
        current: 12.25 * 3600,
        effect: 2.66,
        effectLow: 2.66,
        rows: 8_120,
        referenceRows: 28,
      },
    });
    const [opened] = messages([silence]);
    expect(text(opened)).toMatchInlineSnapshot(`
      "
      PAGE  flight-delay (production): no events for 12 hours 15 minutes
        what         longest gap between two events 4 hours 36 minutes → 12 hours 15 minutes
                     2.66 times the longest gap of the baseline; 8,120 rows; against the longest gaps of
                     28 windows of the baseline
        since        Sun 2026-04-26 00:00 UTC, for 1 day
        predictions  not known
        next         1. See whether the service that emits flight-delay is up, and what was deployed
                        around Sun 2026-04-26 00:00 UTC.
                     2. If it is up: see whether its events reach the topic, and whether
                        leeway_consumer_lag_seconds is rising.
                     3. Every figure of this window rests on fewer rows: read it with care.
        rows         leeway sql 'SELECT toStartOfInterval(event_time, INTERVAL 2 HOUR) AS time, count() AS
                     rows, max(ingest_time) AS ingested FROM \`v_flight-delay\` WHERE environment =
                     $$production$$ AND event_time >= $$2026-04-25 00:00:00$$ AND event_time <
                     $$2026-04-27 00:00:00$$ GROUP BY time ORDER BY time'
        link         http://127.0.0.1:8686/incidents/1nc1den7
      "
    `);
  });

  test("a storm: categories dropped, and much else with them", () => {
    const sketch = { opened: 36, evidence: { predictions: still } } as const;
    const origin = sampleFinding({
      ...sketch,
      feature: "origin",
      magnitude: 0.052,
      evidence: {
        contrast: "share of LGA",
        effect: 0.0546,
        effectLow: 0.0507,
        rows: 15_204,
        referenceRows: 449_120,
        contributors: [
          { name: "LGA", reference: 0.0202, current: 0.0034 },
          { name: "JFK", reference: 0.0104, current: 0.0015 },
          { name: "BOS", reference: 0.0188, current: 0.0072 },
        ],
        slices: [{ name: "origin_state=NY", reference: 0.046, current: 0.0139, carried: 0.744 }],
        predictions: still,
      },
    });
    const rest = ["destination", "haul", "origin_traffic", "distance", "hour"].map((feature, index) =>
      sampleFinding({ ...sketch, feature, magnitude: 0.04 - index / 1000 }),
    );
    const [opened] = messages([origin, ...rest]);
    expect(text(opened)).toMatchInlineSnapshot(`
      "
      TICKET  flight-delay (production): origin changed, and 5 more; predictions did not move
        what         origin: LGA 2.0 % → 0.3 % of rows
                     5.5 % of rows moved, at least 5.1 %; 15,204 rows against 449,120 of the baseline
        for whom     values: JFK 1.0 % → 0.1 %, BOS 1.9 % → 0.7 %
                     slices: origin_state=NY 74.4 % of the change
        since        Mon 2026-04-06 00:00 UTC, for 1 day
        predictions  did not move: at most 1.2 % of rows
        also         destination changed
                     haul changed
                     origin_traffic changed
                     and 2 more: distance, hour
        next         1. Ask what changed for origin around Mon 2026-04-06 00:00 UTC: a deploy, a unit, a
                        time zone, a join, or the world itself.
                     2. Predictions did not move: this can wait for working hours.
                     3. If the change is real and lasts, accept it as the new baseline: leeway incidents
                        accept 1nc1den7
        rows         leeway sql 'SELECT \`origin\` AS value, countIf(event_time < $$2026-04-06 00:00:00$$)
                     AS before, countIf(event_time >= $$2026-04-06 00:00:00$$) AS after FROM
                     \`v_flight-delay\` WHERE environment = $$production$$ AND event_time >=
                     $$2026-04-05 00:00:00$$ AND event_time < $$2026-04-07 00:00:00$$ GROUP BY value ORDER
                     BY abs(toInt64(after) - toInt64(before)) DESC LIMIT 20'
        link         http://127.0.0.1:8686/incidents/1nc1den7
      "
    `);
  });

  test("accuracy fell, by labels that came a week later", () => {
    const fell = sampleFinding({
      opened: 13,
      role: "class",
      feature: "class",
      version: "7",
      signal: "performance",
      harm: "performance_fell",
      magnitude: 0.021,
      evaluatedAtMs: evaluatedMs(20),
      evidence: {
        contrast: "accuracy",
        reference: 0.9,
        current: 0.868,
        effect: 0.032,
        effectLow: 0.0214,
        rows: 15_600,
        referenceRows: 449_120,
        labels: { rows: 16_412, labelled: 15_600, referenceCoverage: 0.98, dueMs: evaluatedMs(20) },
      },
    });
    const [opened] = messages([fell]);
    expect(text(opened)).toMatchInlineSnapshot(`
      "
      PAGE  flight-delay (production): accuracy of version 7 fell from 90.0 % to 86.8 %
        what         accuracy of version 7: 90.0 % → 86.8 %
                     3.2 points worse than the baseline's, at least 2.1 points; 15,600 rows with a label
                     against 449,120 of the baseline; 95.1 % of the window's 16,412 rows have one so far
                     (98.0 % of the baseline's)
        since        Sat 2026-03-14 00:00 UTC, for 1 day
        predictions  not known
        next         1. No input moved with it: see whether labels changed their meaning around Sat
                        2026-03-14 00:00 UTC, or the world did (the same inputs, other outcomes).
                     2. See on the model's page whether one slice or arm carries it, and how many labels
                        are still to come.
                     3. Hold or fall back if wrong decisions cost money; train on windows since Sat
                        2026-03-14 00:00 UTC if the change is real and lasts.
        rows         leeway sql 'SELECT prediction_class AS predicted, label_class AS label, count() AS
                     rows FROM \`v_flight-delay_labelled\` WHERE environment = $$production$$ AND event_time
                     >= $$2026-03-14 00:00:00$$ AND event_time < $$2026-03-15 00:00:00$$ AND version =
                     $$7$$ AND isNotNull(label_time) GROUP BY predicted, label ORDER BY rows DESC LIMIT
                     20'
        link         http://127.0.0.1:8686/incidents/1nc1den7
      "
    `);
    // Beside a control version of which it also differs, the version is what changed.
    const differs = sampleFinding({
      opened: 13,
      role: "class",
      feature: "class",
      version: "7",
      harm: "predictions_moved",
      evidence: { control: "6", alike: ["origin_state", "haul"] },
    });
    const both = text(messages([fell, differs])[0]);
    expect(both).toContain("1. Version 7 also decides differently from version 6 on the same traffic: hold its");
    expect(text(messages([differs])[0])).toContain("for whom     no value of origin_state or haul stands out");
    // A loss rises, and is told as a share of what it was; over several windows that is said.
    const rose = {
      ...fell,
      evidence: {
        ...fell.evidence,
        contrast: "mae",
        horizon: "long",
        reference: 20,
        current: 23,
        effect: 0.15,
        effectLow: 0.1,
      },
    } as const;
    const [loss] = messages([{ ...rose, series: { ...fell.series, role: "score", feature: "score" } }]);
    expect(loss?.title).toBe("the mean absolute error of version 7 rose from 20 to 23");
    expect(loss?.findings[0]).toMatchObject({
      change: "20 → 23, over the last windows together",
      size: "15.0 % worse than the baseline's, at least 10.0 %",
    });
  });

  test("growth names what joined and what was open already; worsening, the end and a withdrawal say so", () => {
    const day = (finding: Finding, on: number, changes: Partial<Finding> = {}) => ({
      ...finding,
      windowEndMs: finding.windowEndMs + (on - 13) * dayMs,
      evaluatedAtMs: evaluatedMs(on),
      ...changes,
    });
    const missing = sampleFinding({
      opened: 14,
      feature: "origin",
      signal: "missing",
      harm: "data_broken",
      magnitude: 0.04,
      evidence: { reference: 0, current: 0.0402, effect: 0.0402, effectLow: 0.0383 },
    });
    const all = messages(
      [hourInUtc],
      [day(hourInUtc, 14), missing],
      [day(hourInUtc, 15, { magnitude: 0.72 })],
      [day(hourInUtc, 15, { state: "withdrawn", revision: 1, evaluatedAtMs: evaluatedMs(15) + 1 })],
      [{ ...missing, state: "closed", windowEndMs: missing.windowEndMs + 2 * dayMs, evaluatedAtMs: evaluatedMs(16) }],
    );
    expect(all.map(({ reason, title }) => `${reason}: ${title}`)).toMatchInlineSnapshot(`
      [
        "opened: hour changed; predictions moved with it",
        "grew: now also origin is missing in 4.0 % of rows (open already: hour)",
        "worsened: got worse: hour, 36.2 % of rows moved, at least 35.4 %",
        "withdrawn: withdrawn: late data; hour did not change after all",
        "ended: origin is back within the baseline",
      ]
    `);
    expect(text(all.at(-1))).toMatchInlineSnapshot(`
      "
      OVER  flight-delay (production): origin is back within the baseline
        now          missing in 0 % → 4.0 % of rows
        since        Sun 2026-03-15 00:00 UTC, until Wed 2026-03-18 00:00 UTC
        link         http://127.0.0.1:8686/incidents/1nc1den7
      "
    `);
  });
});

describe("the rules of a message", () => {
  test("no line is wider than 100 columns, save a word that cannot be broken", () => {
    const [opened] = messages([hourInUtc, scoreMoved]);
    for (const line of messageText(opened as IncidentMessage).split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });

  test("the printed shell line is the query, whatever its names hold: lines break between words alone", () => {
    const odd = sampleFinding({ opened: 1, feature: "two  words `and $a$ quote's", slice: "city=New  York $$" });
    const [opened] = messages([odd]);
    const printed = messageText(opened as IncidentMessage);
    const lines = printed.slice(printed.indexOf("leeway sql"), printed.indexOf("\n  link"));
    expect(lines.replaceAll(/\n +/g, " ")).toBe(opened?.query);
    expect(opened?.query).toContain("$t0$New  York $$$t0$");
  });

  test("the same condition in two windows has the same fingerprint, at any severity and size", () => {
    const [first] = messages([hourInUtc]);
    const later = sampleFinding({
      ...hourInUtc,
      opened: 20,
      feature: "hour",
      harm: "inputs_moved",
      magnitude: 0.1,
      incidentId: "x",
      findingId: "y",
    });
    const [second] = messages([later]);
    expect(second?.fingerprint).toBe(first?.fingerprint);
    expect(second?.severity).not.toBe(first?.severity);
    expect(second?.idempotencyKey).not.toBe(first?.idempotencyKey);
  });

  test("labels hold no value and no time", () => {
    const [opened] = messages([hourInUtc]);
    expect(opened?.labels).toEqual({
      alertname: "LeewayInputMoved",
      model: "flight-delay",
      environment: "production",
      team: "ops",
      signal: "distribution",
      feature: "hour",
    });
  });

  test("what the predictions did is not known as soon as one finding does not know it", () => {
    const known = sampleFinding({ opened: 1, feature: "a", evidence: { predictions: still } });
    const unknown = sampleFinding({ opened: 1, feature: "b" });
    expect(messages([known, unknown])[0]?.predictions).toEqual({ verdict: "not known", text: "not known" });
    expect(messages([known])[0]?.predictions.verdict).toBe("did not move");
  });
});

test("a message names the spans that found what it is about, though later records do not repeat them", () => {
  const span = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
  const hour = { opened: 13, feature: "hour", magnitude: 0.3 };
  const origin = { opened: 14, feature: "origin", magnitude: 0.2 };
  const opened = sampleFinding({ ...hour, traceparent: span("a") });
  const joined = sampleFinding({ ...origin, day: 14, traceparent: span("b") });
  const closing = [hour, origin].map((finding) => sampleFinding({ ...finding, day: 15, state: "closed" }));
  const told = messages([opened], [sampleFinding({ ...hour, day: 14 }), joined], closing);
  expect(told.map(({ reason, foundBy }) => [reason, foundBy])).toEqual([
    ["opened", [span("a")]],
    ["grew", [span("a"), span("b")]],
    ["ended", [span("a"), span("b")]],
  ]);
});

test("a message of findings without a span, or with a text that is none, names none", () => {
  const [plain] = messages([sampleFinding({ opened: 13 })]);
  const [wrong] = messages([sampleFinding({ opened: 13, traceparent: "not a span" })]);
  expect([plain?.foundBy, wrong?.foundBy]).toEqual([undefined, undefined]);
});
