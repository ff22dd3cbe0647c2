import { expect, test } from "vitest";
import type { SeriesState } from "../../core/finding.ts";
import { dayMs } from "../../core/window.ts";
import { testModel } from "../../detectors/testing/model.ts";
import type { WindowOverview } from "../../store/facts/page-windows.ts";
import {
  standingOf,
  standingRank,
  standingState,
  standingTone,
  standingWords,
  type StandingFacts,
} from "./standing.ts";
import { stateLooks } from "./state-look.ts";

const nowMs = Date.UTC(2026, 2, 14, 6);
const midnightMs = Date.UTC(2026, 2, 14);
const spec = testModel({ baseline: { kind: "range", fromMs: 0, toMs: midnightMs - 30 * dayMs } });
const events = { environment: "production", model: "m", rows: 1000, firstMs: 0, lastMs: nowMs };

const lastWindow = (states: Partial<Record<SeriesState, number>>, endMs = midnightMs): WindowOverview => ({
  environment: "production",
  model: "m",
  window: { startMs: endMs - dayMs, endMs },
  baselineId: "b",
  rows: 1000,
  evaluatedAtMs: endMs,
  states,
});

const standing = (changes: Partial<StandingFacts>, serviceClock: "wall" | "watermark" = "wall") =>
  standingOf(
    {
      spec,
      baseline: (changes.spec ?? spec).baseline,
      environment: "production",
      incidents: [],
      windows: [],
      events,
      ...changes,
    },
    { nowMs, serviceClock },
  );

test("a model is well only if its last window measured something, and all of it is quiet", () => {
  expect(standing({ windows: [lastWindow({ ok: 3, too_variable: 1 })] }).kind).toBe("well");
  expect(standing({ windows: [lastWindow({ ok: 3, watching: 1 })] })).toEqual({ kind: "watching", series: 1 });
  expect(standing({ windows: [lastWindow({ insufficient_data: 4 })] }).kind).toBe("insufficient_data");
  expect(standing({ windows: [lastWindow({ insufficient_data: 3, too_variable: 1 })] }).kind).toBe("insufficient_data");
  expect(standing({ windows: [lastWindow({})] }).kind).toBe("insufficient_data");
  expect(standing({ windows: [lastWindow({ too_variable: 2 })] }).kind).toBe("too_variable");
  expect(standing({ windows: [lastWindow({ warming_up: 4 })] }).kind).toBe("warming_up");
});

test("a finding that alerting has not seen is trouble all the same", () => {
  expect(standing({ windows: [lastWindow({ ok: 3, drift: 1 })] })).toEqual({ kind: "changed", series: 1 });
});

test("two windows without a decision are not taken for quiet", () => {
  const windows = [lastWindow({ ok: 3 }, midnightMs - 3 * dayMs)];
  expect(standing({ windows })).toEqual({ kind: "not_decided", sinceMs: midnightMs - 3 * dayMs });
  // On the watermark's clock time stands still with the data.
  expect(standing({ windows, events: { ...events, lastMs: midnightMs - 3 * dayMs } }, "watermark").kind).toBe("well");
});

test("whatever keeps a model from being measured has a name of its own", () => {
  expect(standing({ events: null }).kind).toBe("no_events");
  expect(standing({ environment: "staging" }).kind).toBe("not_watched");
  expect(standing({ spec: testModel({ origin: "learning" }) }).kind).toBe("learning");
  expect(standing({ spec: testModel() }).kind).toBe("no_baseline");
  expect(standing({}).kind).toBe("first_window");
  const toMs = nowMs + dayMs;
  const waiting = testModel({ baseline: { kind: "range", fromMs: 0, toMs } });
  expect(standing({ spec: waiting })).toEqual({ kind: "baseline_waits", untilMs: toMs });
  expect(standing({ spec: testModel(), baseline: waiting.baseline }).kind).toBe("baseline_waits");
  const trailing = testModel({ baseline: { kind: "trailing", lengthMs: 28 * dayMs, gapMs: 7 * dayMs } });
  const young = { ...events, firstMs: Date.UTC(2026, 2, 2) };
  // 14 days and a gap of 7 after Monday the second.
  expect(standing({ spec: trailing, events: young })).toEqual({
    kind: "baseline_waits",
    untilMs: Date.UTC(2026, 2, 23),
  });
  expect(standing({ windows: [{ ...lastWindow({ no_baseline: 1 }), baselineId: "" }] }).kind).toBe("baseline_waits");
});

test("no standing but well looks well", () => {
  for (const kind of Object.keys(standingWords) as (keyof typeof standingWords)[]) {
    const one = { kind, incidents: [], series: 1, sinceMs: 0, untilMs: 0 } as never;
    expect(standingTone(one) === "well").toBe(kind === "well");
    expect(stateLooks[standingState(one)].tone).toBe(standingTone(one));
    expect(standingRank(one)).toBeGreaterThanOrEqual(0);
  }
});
