import { describe, expect, it } from "vitest";
import type { Series } from "../../core/baseline.ts";
import { findingId } from "../../core/finding.ts";
import type { LiveProfile, ReferenceProfile } from "../../core/profile.ts";
import { dayMs } from "../../core/window.ts";
import { binningOf, countsOf, type Value } from "./binning.ts";
import { createDecider, type Decider, type DeciderOptions, type DecisionStep } from "./decider.ts";
import type { DecisionState } from "./decision-state.ts";
import type { ToldFinding } from "./openings.ts";
import type { GapObservation } from "./silence.ts";

// Windows here are ideal: their counts are exactly what the reference predicts, unless a test changes them. Nothing is
// random, so that a claim about one window is a claim about that window.

const startMs = Date.UTC(2026, 0, 5);
const featureOf = (name: string): Series => ({ role: "feature", feature: name, version: "", slice: "" });

/** n evenly spaced values in (0, 1), moved by `shift` and stretched around 0.5. */
const numbers = (n = 1000, shift = 0, stretch = 1): Value[] =>
  Array.from({ length: n }, (_, i) => 0.5 + ((i + 0.5) / n - 0.5) * stretch + shift);
const of = (counts: Record<string, number>): Value[] =>
  Object.entries(counts).flatMap(([category, count]) => Array.from({ length: count }, () => category));
const flags = (yes = 100, n = 1000): Value[] => of({ yes, no: n - yes });
const missing = (values: readonly Value[], count: number): Value[] =>
  values.map((value, i) => (i < count ? null : value));

type Columns = Readonly<Record<string, readonly Value[]>>;

interface Reference {
  readonly series: Series;
  readonly subWindows: readonly (readonly Value[])[];
}

function profileOf({ series, subWindows }: Reference): ReferenceProfile {
  const all = subWindows.flat();
  const binning = binningOf(all);
  return {
    series,
    binning,
    pooled: countsOf(binning, all),
    subWindows: subWindows.map((values) => countsOf(binning, values)),
  };
}

const same = (series: Series, values: readonly Value[], windows = 28): Reference => ({
  series,
  subWindows: Array.from({ length: windows }, (): readonly Value[] => values),
});

interface Made {
  readonly decider: Decider;
  readonly reference: readonly ReferenceProfile[];
  readonly options: DeciderOptions;
}

function make(references: readonly Reference[], options: Partial<DeciderOptions> = {}): Made {
  const reference = references.map(profileOf);
  const all: DeciderOptions = {
    reference,
    monitoring: { falseIncidentsPerModelWeek: 0.05, effectFloor: 0.02, qualityFloor: 0.003 },
    windowsPerWeek: 7,
    horizon: 7,
    watchedSlices: 0,
    subWindowsKnown: true,
    environment: "production",
    model: "flight-delay",
    baselineId: "0123456789abcdef",
    windowMs: dayMs,
    ...options,
  };
  return { decider: createDecider(all), reference, options: all };
}

function profiles(made: Made, columns: Columns, w: number, others: readonly LiveProfile[] = []): LiveProfile[] {
  const window = { startMs: startMs + w * dayMs, endMs: startMs + (w + 1) * dayMs };
  const features = Object.entries(columns).map(([name, values]) => {
    const { binning } = made.reference.find(({ series }) => series.feature === name && series.slice === "")!;
    return { series: featureOf(name), window, counts: countsOf(binning, values) };
  });
  return [...features, ...others];
}

/** Steps through windows 0, 1, …; the last step of each. */
function run(made: Made, windows: readonly Columns[], gap: GapObservation | null = null): DecisionStep[] {
  let state = made.decider.initialState();
  return windows.map((columns, w) => {
    const window = { startMs: startMs + w * dayMs, endMs: startMs + (w + 1) * dayMs };
    const step = made.decider.step(state, window, profiles(made, columns, w), gap);
    state = step.state;
    return step;
  });
}

const evaluation = (step: DecisionStep, feature: string, signal = "distribution") =>
  step.evaluations.find((entry) => entry.series.feature === feature && entry.signal === signal)!;
const open = (step: DecisionStep) =>
  step.findings.filter(({ state }) => state === "open").map(({ series, signal }) => `${series.feature} ${signal}`);
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

const distance = () => same(featureOf("distance"), numbers());
const late = () => same(featureOf("late"), flags());
const healthy: Columns = { distance: numbers(), late: flags() };
const moved: Columns = { distance: numbers(1000, 0.15), late: flags() };

describe("opening", () => {
  it("stays quiet on windows like the reference, and says ok", () => {
    const steps = run(make([distance(), late()]), times(20, healthy));
    expect(steps.flatMap(({ findings }) => findings)).toEqual([]);
    expect(
      steps
        .flatMap(({ evaluations }) => evaluations.filter(({ signal }) => signal !== "silence"))
        .map(({ state }) => state),
    ).toEqual(times(20 * 5, "ok"));
  });

  it("opens one finding in the first window of a clear change, with everything a message needs", () => {
    const made = make([distance(), late()]);
    const [, step] = run(made, [healthy, moved]);
    expect(step!.findings).toHaveLength(1);
    const finding = step!.findings[0]!;
    const openedWindowStartMs = startMs + dayMs;
    expect(finding).toMatchObject({
      findingId: findingId({
        ...made.options,
        series: featureOf("distance"),
        signal: "distribution",
        openedWindowStartMs,
      }),
      model: "flight-delay",
      baselineId: "0123456789abcdef",
      state: "open",
      reopened: false,
      provisional: false,
      contrast: "location",
      horizon: "short",
      rows: 1000,
      referenceRows: 28_000,
      openedWindowStartMs,
      openedWindowEndMs: startMs + 2 * dayMs,
      windowEndMs: startMs + 2 * dayMs,
      closedWindowEndMs: null,
    });
    expect(finding.incidentId).toMatch(/^[0-9a-f]{16}$/);
    expect(finding.pValue).toBeLessThan(finding.threshold);
    expect(finding.effectLow).toBeGreaterThan(0.02);
    expect(finding.effectLow).toBeLessThan(finding.effect);
    expect(finding.effectHigh).toBeGreaterThan(finding.effect);
    expect(finding.magnitude).toBeGreaterThan(finding.effectLow);
    expect(finding.minimumDetectableEffect).toBeGreaterThan(0.02);
    expect(finding.minimumDetectableEffect).toBeLessThan(finding.effectLow);
    expect(evaluation(step!, "distance").state).toBe("drift");
    expect(evaluation(step!, "late").state).toBe("ok");
  });

  it("does not open on a significant change below the floor, but watches it", () => {
    // 1.5 % of 100,000 rows: p is far below any α, the effect below 0.02.
    const made = make([same(featureOf("distance"), numbers(20_000))]);
    const [, step] = run(made, [{ distance: numbers(20_000) }, { distance: numbers(20_000, 0.012) }]);
    expect(step!.findings).toEqual([]);
    const { state, pValue, threshold, effect } = evaluation(step!, "distance");
    expect(state).toBe("watching");
    expect(pValue).toBeLessThan(threshold!);
    expect(effect).toBeLessThan(0.02);
  });

  it("states the smallest effect that would have opened: that much opens, a row or two less does not", () => {
    const made = make([same(featureOf("late"), flags(1000, 10_000))]);
    const first = (yes: number) => run(made, [{ late: flags(yes, 10_000) }])[0]!.findings;
    const smallest = Math.ceil(first(1500)[0]!.minimumDetectableEffect * 10_000);
    expect(smallest).toBeGreaterThan(200);
    expect(first(1000 + smallest)).toHaveLength(1);
    expect(first(1000 + smallest - 2)).toEqual([]);
  });

  it("finds a small lasting change on the long horizon that no single window shows", () => {
    const small: Columns = { distance: numbers(1000, 0.03), late: flags() };
    const steps = run(make([distance(), late()]), times(7, small));
    expect(steps[0]!.findings).toEqual([]);
    expect(steps[6]!.findings[0]).toMatchObject({ horizon: "long", rows: 7000 });
  });

  it("opens on 2 % missing in the first window when the reference had none, though such a contrast cannot learn φ", () => {
    const [step] = run(make([distance(), late()]), [{ distance: missing(numbers(), 20), late: flags() }]);
    expect(open(step!)).toEqual(["distance missing"]);
    expect(step!.findings[0]).toMatchObject({ contrast: "missing share", reference: 0, current: 0.02, rows: 1000 });
  });

  it("a wider spread is found, and so is a change that only an omnibus sees", () => {
    const spread = run(make([distance()]), [{ distance: numbers(1000, 0, 1.5) }]);
    expect(spread[0]!.findings[0]!.contrast).toBe("spread");

    const even = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`c${String(i).padStart(2, "0")}`, 200]));
    const tilted = Object.fromEntries(Object.keys(even).map((name, i) => [name, i % 2 === 0 ? 226 : 174]));
    const made = make([same(featureOf("carrier"), of(even))]);
    const steps = run(made, [{ carrier: of(tilted) }, ...times(3, { carrier: of(even) })]);
    expect(steps[0]!.findings[0]).toMatchObject({ contrast: "omnibus", horizon: "short" });
    expect(steps[0]!.findings[0]!.effectHigh).toBeCloseTo(26 / 200 / 2, 6);
    // Calm when the window's own effect is below half of that at opening: it has no mean to pool.
    expect(steps.map((step) => step.findings[0]!.state)).toEqual(["open", "open", "open", "closed"]);
  });
});

describe("too little to say", () => {
  it("a window of fewer than 30 rows is insufficient_data, but its rows still pool", () => {
    const few: Columns = { distance: numbers(20, 0.4), late: flags(2, 20) };
    const steps = run(make([distance(), late()]), times(7, few));
    expect(evaluation(steps[0]!, "distance")).toMatchObject({
      state: "insufficient_data",
      rows: 20,
      effect: null,
      pValue: null,
    });
    const opened = steps.findIndex(({ findings }) => findings.length > 0);
    expect(opened).toBeGreaterThan(0);
    expect(steps[opened]!.findings[0]).toMatchObject({ horizon: "long", rows: (opened + 1) * 20 });
  });

  it("an empty window is insufficient_data, opens nothing and closes nothing", () => {
    const steps = run(make([distance(), late()]), [moved, {}, {}, {}, {}]);
    for (const step of steps.slice(1)) {
      expect(evaluation(step, "distance")).toMatchObject({ state: "insufficient_data", rows: 0 });
      expect(open(step)).toEqual(["distance distribution"]);
    }
    // What was last measured is repeated, not made up.
    expect(steps[4]!.findings[0]).toMatchObject({ effect: steps[0]!.findings[0]!.effect, rows: 1000 });
  });

  it("the calm counter stays as it is over windows with too few rows", () => {
    const few: Columns = { distance: numbers(10), late: flags(1, 10) };
    const slight: Columns = { distance: numbers(1000, 0.08), late: flags() };
    // Six calm windows before, so that the pooled ones are back below the floor at once.
    const windows = [...times(6, healthy), slight, healthy, healthy, few, {}, healthy];
    const steps = run(make([distance(), late()]), windows).slice(6);
    expect(steps.map((step) => step.findings[0]!.state)).toEqual([...times(5, "open"), "closed"]);
  });

  it("a reference of fewer than 100 rows, or none, is no_baseline", () => {
    const made = make([same(featureOf("distance"), numbers(99), 1), same(featureOf("late"), [], 1)]);
    const [step] = run(made, [{ distance: numbers(1000, 5), late: [] }]);
    expect(evaluation(step!, "distance").state).toBe("no_baseline");
    expect(evaluation(step!, "late").state).toBe("no_baseline");
    expect(step!.findings).toEqual([]);
  });

  it("a live series that the reference does not have is no_baseline", () => {
    const made = make([distance()]);
    const window = { startMs, endMs: startMs + dayMs };
    const [stranger] = profiles(made, { distance: numbers() }, 0);
    const live = [{ ...stranger!, series: featureOf("new column") }];
    const step = made.decider.step(made.decider.initialState(), window, live, null);
    expect(evaluation(step, "new column")).toMatchObject({ state: "no_baseline", rows: 1000 });
  });

  it("a reference column without any value is judged by its missing share only", () => {
    const made = make([same(featureOf("delay"), times<Value>(1000, null)), late()]);
    const [step] = run(made, [{ delay: [...times<Value>(900, null), ...times<Value>(100, "12")], late: flags() }]);
    expect(open(step!)).toEqual(["delay missing"]);
    expect(evaluation(step!, "delay").state).toBe("no_baseline");
  });

  it("a window without any value: missing opens, the distribution is insufficient_data", () => {
    const [step] = run(make([distance(), late()]), [{ distance: times<Value>(1000, null), late: flags() }]);
    expect(open(step!)).toEqual(["distance missing"]);
    expect(Number.isFinite(step!.findings[0]!.pValue)).toBe(true);
    expect(evaluation(step!, "distance")).toMatchObject({ state: "insufficient_data", rows: 0, effect: null });
  });
});

describe("categories", () => {
  it("another value of a constant is unseen, and there is no distribution to judge", () => {
    const made = make([same(featureOf("currency"), of({ EUR: 1000 })), late()]);
    const [, step] = run(made, [
      { currency: of({ EUR: 1000 }), late: flags() },
      { currency: of({ EUR: 980, USD: 20 }), late: flags() },
    ]);
    expect(open(step!)).toEqual(["currency unseen"]);
    expect(step!.findings[0]).toMatchObject({ contrast: "most frequent new category", current: 0.02, reference: 0 });
    expect(evaluation(step!, "currency")).toBeUndefined();
  });

  it("with a long tail new ones are expected, as many as the reference has singletons", () => {
    const subWindows = Array.from({ length: 10 }, (_, w) => {
      const tail = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`rare-${w}-${i}`, 1]));
      return of({ a: 450, b: 450, ...tail });
    });
    const made = make([{ series: featureOf("item"), subWindows }]);
    // 1,000 of 10,000 seen once: a window of 1,000 rows brings about 100 that nobody has seen.
    const fresh = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`new-${i}`, 1]));
    const flood = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`new-${i}`, 1]));
    const steps = run(made, [{ item: of({ a: 450, b: 450, ...fresh }) }, { item: of({ a: 350, b: 350, ...flood }) }]);
    expect(evaluation(steps[0]!, "item", "unseen").state).toBe("ok");
    expect(open(steps[1]!)).toContain("item unseen");
  });

  it("new ones are never pooled over windows: a trickle of different ones opens nothing", () => {
    const made = make([same(featureOf("origin"), of({ JFK: 500, LGA: 500 }))]);
    const steps = run(
      made,
      Array.from({ length: 14 }, (_, w) => ({ origin: of({ JFK: 500, LGA: 499, [`new-${w}`]: 1 }) })),
    );
    expect(steps.flatMap(({ findings }) => findings)).toEqual([]);
  });
});

describe("variance that the reference already shows", () => {
  const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
  const byWeekday = (w: number) => of({ [weekdays[w % 7]!]: 1000 });

  it("a function of time ends as too_variable and never opens", () => {
    const weekday = { series: featureOf("weekday"), subWindows: Array.from({ length: 28 }, (_, w) => byWeekday(w)) };
    const steps = run(
      make([weekday, distance()]),
      Array.from({ length: 21 }, (_, w) => ({ weekday: byWeekday(w), distance: numbers() })),
    );
    expect(steps.flatMap(({ findings }) => findings)).toEqual([]);
    expect(steps.map((step) => evaluation(step, "weekday").state)).toEqual(times(21, "too_variable"));
    expect(evaluation(steps[20]!, "distance").state).toBe("ok");
  });

  it("a function of time among few features does not blind the others' missing and new values", () => {
    const weekday = { series: featureOf("weekday"), subWindows: Array.from({ length: 28 }, (_, w) => byWeekday(w)) };
    const made = make([weekday, late()]);
    const steps = run(made, [{ weekday: byWeekday(0), late: missing(flags(), 20) }]);
    expect(open(steps[0]!)).toEqual(["late missing"]);
    expect(evaluation(steps[0]!, "late", "missing").state).toBe("drift");
  });

  it("a weekly season in the reference keeps the same season quiet, and an even reference does not", () => {
    const season = (w: number) => numbers(1000, w % 7 >= 5 ? 0.15 : 0);
    const windows = Array.from({ length: 14 }, (_, w) => ({ distance: season(w) }));
    const seasonal = { series: featureOf("distance"), subWindows: Array.from({ length: 28 }, (_, w) => season(w)) };
    expect(run(make([seasonal]), windows).flatMap(({ findings }) => findings)).toEqual([]);
    expect(run(make([distance()]), windows)[5]!.findings).toHaveLength(1);
  });
});

describe("a reference without sub-windows", () => {
  const unknown = () => make([distance(), late()], { subWindowsKnown: false });

  it("warms up for 14 windows, in which only a change of more than a tenth opens, provisionally", () => {
    const quiet = run(unknown(), [...times(14, healthy), healthy]);
    expect(quiet.map((step) => evaluation(step, "distance").state)).toEqual([...times(14, "warming_up"), "ok"]);

    const small = run(unknown(), [healthy, { distance: numbers(1000, 0.06), late: flags() }]);
    expect(small[1]!.findings).toEqual([]);
    const large = run(unknown(), [healthy, { distance: numbers(1000, 0.3), late: flags() }]);
    expect(large[1]!.findings[0]).toMatchObject({ provisional: true, state: "open" });
    expect(large[1]!.findings[0]!.effectLow).toBeGreaterThan(0.1);
  });

  it("lets the omnibus open nothing meanwhile: with repeated users every model would begin with an alert", () => {
    const names = Array.from({ length: 20 }, (_, i) => `c${String(i).padStart(2, "0")}`);
    const even = of(Object.fromEntries(names.map((name) => [name, 200])));
    const tilted = of(Object.fromEntries(names.map((name, i) => [name, i % 2 === 0 ? 300 : 100])));
    const [known, notKnown] = [true, false].map((subWindowsKnown) =>
      run(make([same(featureOf("carrier"), even)], { subWindowsKnown }), [{ carrier: tilted }]),
    );
    expect(known![0]!.findings).toHaveLength(1);
    expect(notKnown![0]!.findings).toEqual([]);
  });

  it("opens ordinary findings afterwards", () => {
    const steps = run(unknown(), [...times(14, healthy), moved]);
    expect(steps[14]!.findings[0]).toMatchObject({ provisional: false });
  });

  it("learns from the live windows themselves at the end of the warm-up", () => {
    const { decider } = unknown();
    expect(decider.initialState().inflation.whole.prior[0]).toBeCloseTo(0.9, 12);
    const steps = run(unknown(), times(14, healthy));
    expect(steps[13]!.state.inflation.whole.prior[0]).toBeGreaterThan(0.95);
  });
});

describe("one lasting change is one finding", () => {
  it("it stays the same while the change lasts, and closes after three calm windows running", () => {
    const steps = run(make([distance(), late()]), [...times(10, moved), ...times(12, healthy)]);
    const ids = new Set(steps.flatMap(({ findings }) => findings.map((finding) => finding.findingId)));
    expect(ids.size).toBe(1);
    const states = steps.map((step) => step.findings[0]?.state ?? "none");
    const closed = states.indexOf("closed");
    expect(closed).toBeGreaterThanOrEqual(12);
    expect(states.slice(0, closed)).toEqual(times(closed, "open"));
    expect(states.slice(closed + 1).every((state) => state === "none")).toBe(true);
    expect(steps[closed]!.findings[0]!.closedWindowEndMs).toBe(startMs + (closed + 1) * dayMs);
  });

  it("flapping within the horizon reopens the same finding in the same incident", () => {
    const large: Columns = { distance: numbers(1000, 0.5), late: flags() };
    const steps = run(make([distance(), late()]), [large, ...times(11, healthy), large]);
    const closed = steps.findIndex(({ findings }) => findings[0]?.state === "closed");
    expect(closed).toBeGreaterThan(3);
    expect(12 - closed).toBeLessThanOrEqual(7);
    expect(steps[12]!.findings[0]).toMatchObject({
      findingId: steps[0]!.findings[0]!.findingId,
      incidentId: steps[0]!.findings[0]!.incidentId,
      state: "open",
      reopened: true,
      openedWindowStartMs: startMs,
      closedWindowEndMs: null,
    });
  });

  it("h windows are calendar windows: after more than h of them, empty or not, it is a new finding", () => {
    const afterwards = [...times(10, healthy), ...times<Columns>(10, {}), moved];
    const steps = run(make([distance(), late()]), [moved, ...afterwards]);
    expect(steps.at(-1)!.findings[0]!.findingId).not.toBe(steps[0]!.findings[0]!.findingId);
    expect(steps.at(-1)!.findings[0]!.reopened).toBe(false);
  });

  it("windows that nobody stepped through count as calendar windows too", () => {
    const made = make([distance(), late()]);
    let state = made.decider.initialState();
    for (const w of [0, 1, 10]) {
      const window = { startMs: startMs + w * dayMs, endMs: startMs + (w + 1) * dayMs };
      state = made.decider.step(state, window, profiles(made, healthy, w), null).state;
    }
    expect(state.index).toBe(11);
    expect(Object.values(state.series)[0]!.recent.map(({ index }) => index)).toEqual([11]);
  });
});

describe("incidents", () => {
  const both: Columns = { distance: numbers(1000, 0.15), late: flags(200) };
  const alsoLate: Columns = { distance: numbers(1000, 0.15), late: flags(200) };

  it("findings that start together are one incident", () => {
    const [step] = run(make([distance(), late()]), [both]);
    expect(step!.findings).toHaveLength(2);
    expect(new Set(step!.findings.map(({ incidentId }) => incidentId)).size).toBe(1);
  });

  it("a finding joins the newest open incident if that began at most h windows ago, else it starts one", () => {
    for (const [wait, incidents] of [
      [7, 1],
      [8, 2],
    ] as const) {
      const steps = run(make([distance(), late()]), [...times(wait, moved), alsoLate]);
      const last = steps.at(-1)!.findings;
      expect(last).toHaveLength(2);
      expect(new Set(last.map(({ incidentId }) => incidentId)).size).toBe(incidents);
    }
  });

  it("its magnitude is the rise of the level over the windows before, growing for h windows only", () => {
    const larger: Columns = { distance: numbers(1000, 0.3), late: flags() };
    const steps = run(make([distance(), late()]), [
      healthy,
      healthy,
      moved,
      larger,
      ...times(6, moved),
      larger,
      numbersMuch,
    ]);
    const magnitudes = steps.slice(2).map((step) => step.findings[0]!.incidentMagnitude);
    expect(magnitudes[0]).toBeCloseTo(steps[2]!.level - (steps[0]!.level + steps[1]!.level) / 2, 9);
    expect(magnitudes[1]).toBeGreaterThan(magnitudes[0]!);
    expect(magnitudes.slice(1)).toEqual(times(magnitudes.length - 1, magnitudes[1]));
  });
  const numbersMuch: Columns = { distance: numbers(1000, 0.6), late: flags() };

  it("a finding that stays open does not lend its level to the next incident", () => {
    const steps = run(make([distance(), late()]), [...times(10, moved), alsoLate]);
    const second = steps[10]!.findings.find(({ series }) => series.feature === "late")!;
    expect(second.incidentMagnitude).toBeLessThan(steps[10]!.level / 2);
    expect(second.incidentMagnitude).toBeGreaterThan(0.05);
  });
});

describe("what the fast cadence told before the window was decided", () => {
  const made = make([distance(), late()]);
  const [healthyStep] = run(made, [healthy]);
  const window = { startMs: startMs + dayMs, endMs: startMs + 2 * dayMs };
  const toldOf = (more: Partial<ToldFinding> = {}): ToldFinding => ({
    series: featureOf("distance"),
    signal: "missing",
    findingId: "told finding",
    incidentId: "told incident",
    openedWindowStartMs: startMs,
    openedWindowEndMs: startMs + dayMs,
    state: "open",
    ...more,
  });
  const gaps: Columns = { distance: missing(numbers(), 300), late: flags() };
  const stepWith = (columns: Columns, told: readonly ToldFinding[]) =>
    made.decider.step(healthyStep!.state, window, profiles(made, columns, 1), null, [], told);

  it("opens as what it was told as, in the incident that was told", () => {
    const { findings, state } = stepWith(gaps, [toldOf()]);
    const [finding] = findings.filter(({ signal }) => signal === "missing");
    expect(finding).toMatchObject({
      findingId: "told finding",
      incidentId: "told incident",
      openedWindowStartMs: startMs,
      reopened: false,
    });
    // The incident began a window ago: it takes in for h windows from there.
    expect(state.incidents).toMatchObject([{ incidentId: "told incident", openedIndex: 1 }]);
  });

  it("takes in what else moves, whatever its own signal", () => {
    const { findings } = stepWith(moved, [toldOf({ signal: "type_mismatch" })]);
    expect(findings.map(({ signal, incidentId }) => [signal, incidentId])).toEqual([["distribution", "told incident"]]);
  });

  it("leaves alone what the window does not show, and remembers nothing of it", () => {
    const { findings, state } = stepWith(healthy, [toldOf()]);
    expect(findings).toEqual([]);
    expect(state.incidents).toEqual([]);
  });

  it("opens again what had ended within the window, and joins no incident that is over", () => {
    const { findings } = stepWith(gaps, [toldOf({ state: "closed" })]);
    expect(findings[0]).toMatchObject({ findingId: "told finding", incidentId: "told incident", reopened: true });
    const [other] = stepWith(moved, [toldOf({ state: "closed" })]).findings;
    expect(other!.incidentId).not.toBe("told incident");
  });

  it("goes by its newest finding of a series and signal", () => {
    const told = [toldOf({ findingId: "earlier", state: "closed" }), toldOf()];
    expect(stepWith(gaps, told).findings[0]!.findingId).toBe("told finding");
  });
});

describe("learning", () => {
  const learnt = (state: DecisionState, feature: string) =>
    state.series[JSON.stringify(["feature", feature, "", ""])]!.learning;

  it("counts healthy windows, never one with an open finding — the window that opens it included", () => {
    const steps = run(make([distance(), late()]), [healthy, moved, moved, healthy]);
    expect(steps.map(({ state }) => learnt(state, "distance").df.distribution)).toEqual([28, 28, 28, 28]);
    expect(steps.map(({ state }) => learnt(state, "late").df.distribution)).toEqual([28, 29, 30, 31]);
    // The other signals of a feature with an open finding still learn.
    expect(learnt(steps[3]!.state, "distance").df.missing).toBe(31);
  });

  it("the last sub-window and the first live window are consecutive; a skipped window breaks the chain", () => {
    const rough = { series: featureOf("distance"), subWindows: [...times(27, numbers()), numbers(1000, 0.05)] };
    const slight: Columns = { distance: numbers(1000, 0.015) };
    const linked = run(make([rough]), [slight]);
    const broken = run(make([rough]), [{}, slight]);
    const initial = make([rough]).decider.initialState();
    expect(learnt(linked[0]!.state, "distance").s[0]).toBeGreaterThan(learnt(initial, "distance").s[0]!);
    expect(learnt(broken[1]!.state, "distance").s[0]).toBe(learnt(initial, "distance").s[0]);
  });

  it("beliefs change once a week, at the end of its last window", () => {
    const steps = run(make([distance(), late()]), times(15, healthy));
    const changed = steps.map(({ state }, w) => w > 0 && state.inflation.whole !== steps[w - 1]!.state.inflation.whole);
    expect(changed.flatMap((flag, w) => (flag ? [w + 1] : []))).toEqual([7, 14]);
  });
});

describe("versions", () => {
  const score: Series = { role: "score", feature: "score", version: "", slice: "" };
  const referenceScore = () => same(score, numbers());
  const live = (made: Made, version: string, values: readonly Value[]): LiveProfile => ({
    series: { ...score, version },
    window: { startMs, endMs: startMs + dayMs },
    counts: countsOf(made.reference.find(({ series }) => series.role === "score")!.binning, values),
  });
  const step = (made: Made, state: DecisionState, w: number, others: LiveProfile[]) =>
    made.decider.step(
      state,
      { startMs: startMs + w * dayMs, endMs: startMs + (w + 1) * dayMs },
      profiles(made, { distance: numbers() }, w, others),
      null,
    );

  it("each live version's score is a series of its own, held against the version-less reference", () => {
    const made = make([distance(), referenceScore()]);
    const result = step(made, made.decider.initialState(), 0, [
      live(made, "v1", numbers()),
      live(made, "v2", numbers(1000, 0.3)),
    ]);
    expect(result.findings.map(({ series }) => series)).toEqual([{ ...score, version: "v2" }]);
    const shared = result.evaluations.find(({ series }) => series.version === "v1")!;
    expect(shared.state).toBe("ok");
    // Two scores and one feature share what one score and one feature had.
    const alone = step(made, made.decider.initialState(), 0, [live(made, "v1", numbers())]);
    const before = alone.evaluations.find(({ series }) => series.version === "v1")!;
    expect(shared.threshold! / before.threshold!).toBeCloseTo(2 / 3, 12);
  });

  it("a version taken out of service is gone, not silent: its finding closes once another has served for h windows", () => {
    const made = make([distance(), referenceScore()]);
    let result = step(made, made.decider.initialState(), 0, [live(made, "v1", numbers(1000, 0.3))]);
    for (let w = 1; w <= 8; w += 1) {
      result = step(made, result.state, w, [live(made, "v2", numbers())]);
      expect(result.findings.map(({ state }) => state)).toEqual([w <= 7 ? "open" : "closed"]);
    }
    expect(Object.keys(result.state.series).filter((key) => key.includes("v1"))).toEqual([]);
  });
});

describe("watched slices", () => {
  const sliced = (slice: string): Series => ({ ...featureOf("distance"), slice });
  const slices = ["state=CA", "state=NY"];
  const references = () => [distance(), late(), ...slices.map((slice) => same(sliced(slice), numbers(200)))];
  const sliceProfile = (made: Made, slice: string, values: readonly Value[]): LiveProfile => ({
    series: sliced(slice),
    window: { startMs, endMs: startMs + dayMs },
    counts: countsOf(made.reference.find(({ series }) => series.slice === slice)!.binning, values),
  });
  const decide = (watchedSlices: number) => {
    const made = make(references(), { watchedSlices });
    const others = [sliceProfile(made, slices[0]!, numbers(200)), sliceProfile(made, slices[1]!, numbers(200, 0.4))];
    return made.decider.step(
      made.decider.initialState(),
      { startMs, endMs: startMs + dayMs },
      profiles(made, healthy, 0, others),
      null,
    );
  };

  it("are judged on their own α, and never add to the model's level", () => {
    const step = decide(2);
    expect(step.findings.map(({ series }) => series.slice)).toEqual(["state=NY"]);
    expect(step.level).toBeCloseTo(decide(0).level, 12);
  });

  it("without any, the whole model keeps the whole budget", () => {
    const threshold = (step: DecisionStep) => evaluation(step, "late").threshold!;
    expect(decide(0).findings).toEqual([]);
    expect(threshold(decide(2)) / threshold(decide(0))).toBeCloseTo(0.8, 12);
  });
});

describe("silence", () => {
  const hourly = 3_600_000;
  const referenceGapsMs = Array.from({ length: 28 }, (_, i) => 2 * hourly + i * 60_000);
  const gap = (hours: number): GapObservation => ({ longestGapMs: hours * hourly, referenceGapsMs });

  it("half a day without an event opens, in multiples of the longest gap there was, and an ordinary night does not", () => {
    const made = make([distance(), late()]);
    expect(run(made, [healthy], gap(2.5))[0]!.findings).toEqual([]);
    const [step] = run(made, [healthy], gap(12));
    const longest = Math.max(...referenceGapsMs);
    expect(step!.findings[0]).toMatchObject({
      series: featureOf(""),
      signal: "silence",
      contrast: "longest gap",
      reference: longest / 1000,
      current: 12 * 3600,
      effect: (12 * hourly) / longest,
    });
    expect(evaluation(step!, "", "silence").state).toBe("drift");
  });

  it("less than twice the longest gap is of no interest, however improbable", () => {
    const [step] = run(make([distance(), late()]), [healthy], gap(4.5));
    expect(step!.findings).toEqual([]);
    const { pValue, threshold, state } = evaluation(step!, "", "silence");
    expect(pValue).toBeLessThan(threshold!);
    expect(state).toBe("watching");
  });

  it("is not measured without a gap, and has no baseline from fewer than five windows", () => {
    const made = make([distance(), late()]);
    expect(evaluation(run(made, [healthy])[0]!, "", "silence").state).toBe("insufficient_data");
    const short = { longestGapMs: 20 * hourly, referenceGapsMs: referenceGapsMs.slice(0, 4) };
    expect(evaluation(run(made, [healthy], short)[0]!, "", "silence").state).toBe("no_baseline");
  });

  it("ends three windows after events are back", () => {
    const made = make([distance(), late()]);
    let state = made.decider.initialState();
    const states = [12, 2, 2, 2].map((hours, w) => {
      const window = { startMs: startMs + w * dayMs, endMs: startMs + (w + 1) * dayMs };
      const step = made.decider.step(state, window, profiles(made, healthy, w), gap(hours));
      state = step.state;
      return step.findings[0]!.state;
    });
    expect(states).toEqual(["open", "open", "open", "closed"]);
  });
});

describe("the saved state", () => {
  const windows = [healthy, healthy, moved, moved, {}, ...times(9, healthy), moved];

  it("is plain JSON: deciding from what was stored is deciding from what was in memory", () => {
    const made = make([distance(), late()]);
    const fresh = make([distance(), late()]);
    let stored = JSON.stringify(made.decider.initialState());
    run(made, windows).forEach((step, w) => {
      const window = { startMs: startMs + w * dayMs, endMs: startMs + (w + 1) * dayMs };
      const state = JSON.parse(stored) as DecisionState;
      const again = fresh.decider.step(state, window, profiles(fresh, windows[w]!, w), null);
      expect(again).toEqual(step);
      expect(JSON.parse(JSON.stringify(step.state))).toEqual(step.state);
      stored = JSON.stringify(step.state);
    });
  });

  it("is never changed by a step, so that late rows can be decided from the state before their window", () => {
    const made = make([distance(), late()]);
    const [before] = run(made, [healthy]);
    const frozen = JSON.stringify(before!.state);
    const window = { startMs: startMs + dayMs, endMs: startMs + 2 * dayMs };
    const revised = (columns: Columns) => made.decider.step(before!.state, window, profiles(made, columns, 1), null);
    expect(revised(moved).findings).toHaveLength(1);
    // The rest of the window's rows arrive, and the change was none.
    expect(revised(healthy).findings).toEqual([]);
    expect(revised(moved)).toEqual(revised(moved));
    expect(JSON.stringify(before!.state)).toBe(frozen);
  });

  it("stays small: 30 features over weeks take less than 60 kB", () => {
    const names = Array.from({ length: 30 }, (_, i) => `feature-${i}`);
    const columns = Object.fromEntries(names.map((name, i) => [name, i % 2 === 0 ? numbers() : flags()]));
    const made = make(names.map((name, i) => same(featureOf(name), i % 2 === 0 ? numbers() : flags())));
    expect(JSON.stringify(run(made, times(9, columns)).at(-1)!.state).length).toBeLessThan(60_000);
  });
});

it("weights that are all alike change nothing but the weights", () => {
  const decide = (weight: number) => {
    const values = { distance: numbers(1000, 0.15), late: flags() };
    const made = make([distance(), late()]);
    const live = profiles(made, values, 0).map((profile) => {
      const { binning } = made.reference.find(({ series }) => series.feature === profile.series.feature)!;
      const column = values[profile.series.feature as keyof typeof values];
      return { ...profile, counts: countsOf(binning, column, { weights: times(column.length, weight) }) };
    });
    return made.decider.step(made.decider.initialState(), { startMs, endMs: startMs + dayMs }, live, null);
  };
  const [plain, tenfold] = [decide(1), decide(10)];
  expect(tenfold.findings.map(({ findingId: id, rows }) => [id, rows])).toEqual(
    plain.findings.map(({ findingId: id, rows }) => [id, rows]),
  );
  expect(tenfold.findings[0]!.effect).toBeCloseTo(plain.findings[0]!.effect, 9);
  expect(Math.log(tenfold.findings[0]!.pValue)).toBeCloseTo(Math.log(plain.findings[0]!.pValue), 6);
});
