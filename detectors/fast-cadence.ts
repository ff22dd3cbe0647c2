import type { Series } from "../core/baseline.ts";
import type { Clock } from "../core/clock.ts";
import type { FeatureSchema } from "../core/feature-schema.ts";
import { findingId } from "../core/finding.ts";
import type { Finding, Harm, Signal } from "../core/finding.ts";
import type { ModelSpec, ServiceClockKind } from "../core/model.ts";
import type { Tracing } from "../core/tracing.ts";
import { dayMs, weekMs } from "../core/window.ts";
import type { Window } from "../core/window.ts";
import type { Facts } from "../store/facts/client.ts";
import { countFast } from "../store/facts/fast-counts.ts";
import type { FastCounts } from "../store/facts/fast-counts.ts";
import { insertFindings, readLatestFindings } from "../store/facts/finding-history.ts";
import { countRows, firstEventMs, summarizeRows } from "../store/facts/windows.ts";
import { binnedExpressions } from "./baselines/baseline.ts";
import type { LoadedBaseline } from "./baselines/baseline.ts";
import { silenceAlpha } from "./decisions/budget.ts";
import type { Decider } from "./decisions/decider.ts";
import type { DecisionState } from "./decisions/decision-state.ts";
import { fastKey, fastStep, fastWindowMs, fastWindowRows, noFastState, volumeSeries } from "./decisions/fast.ts";
import type { FastBaseline, FastFinding, FastState } from "./decisions/fast.ts";
import { wholeStretches } from "./decisions/fast-learning.ts";
import { gapEvidence } from "./decisions/silence.ts";
import { learnFastReference, type FastReference } from "./fast-reference.ts";
import { horizonOf } from "./window-decision.ts";
import { exampleOfInterval, traceFindings } from "./evidence/finding-spans.ts";

/** Looks at what arrived since the last look, in stretches of minutes, and tells gross faults at once. */
export interface FastCadence {
  /**
   * Judges everything up to `throughMs` and stores findings that opened, went on or closed.
   *
   * A finding has the id, and the incident, that the decision of the window it began in would give it. As long as a
   * window's decision holds a finding of the same series and signal, theirs is the word: what is found here is said of that
   * finding, once, and what ends here ends nothing.
   */
  look(now: FastNow): Promise<FastLook>;
}

export interface FastLook {
  /** What opened, went on or closed. */
  readonly findings: readonly Finding[];
  /** For so long there will be nothing new to judge, if events go on coming as they do. */
  readonly quietMs: number;
}

export interface FastNow {
  /** Newest stored event of the model. */
  readonly newestMs: number;
  readonly watermarkMs: number;
  /** Event times from here on are left for a later look. */
  readonly throughMs: number;
  /** The newest decided window and the state after it. */
  readonly last: { readonly window: Window; readonly state: DecisionState | null } | null;
  readonly schemas: readonly FeatureSchema[];
}

/** No more stretches are counted by one statement. */
const stretchesPerStatement = 2016;
/** How far back findings are looked for that an earlier process left open. */
const restoredFromMs = 30 * dayMs;

/** Where a finding belongs. */
interface Identity {
  readonly findingId: string;
  readonly incidentId: string;
  readonly window: Window;
}

export function createFastCadence(options: {
  readonly facts: Facts;
  readonly model: ModelSpec;
  readonly environment: string;
  readonly loaded: LoadedBaseline;
  readonly decider: Pick<Decider, "incidentOf" | "initialState">;
  readonly windowOf: (timeMs: number) => Window;
  readonly serviceClock: ServiceClockKind;
  readonly clock: Clock;
  readonly tracing: Tracing;
}): FastCadence {
  const { facts, model, environment, loaded, decider, windowOf, clock } = options;
  const { baselineId, windowMs } = loaded.baseline;
  const key = { environment, model: model.name };
  const budget = model.monitoring.falseIncidentsPerModelWeek;
  const identities = new Map<string, Identity>();
  const asserted = new Map<string, number>();
  /** Ids of findings that are known to the history. */
  const recorded = new Set<string>();
  let prepared: FastReference | null = null;
  let state: FastState = noFastState;
  let nextMs = 0;
  let nextStretchMs = 0;
  let silence: Finding | null = null;
  /** What the windows hold open, by `fastKey`. */
  let held: ReadonlyMap<string, Identity> = new Map();

  async function prepare(now: FastNow): Promise<FastReference> {
    if (prepared !== null) return prepared;
    const learnt = await learnFastReference(facts, { environment, model, loaded, schemas: now.schemas, clock });
    const startMs = now.last?.window.endMs ?? (await firstLiveMs(now));
    nextMs = startMs;
    nextStretchMs = Math.ceil(startMs / fastWindowMs) * fastWindowMs;
    const stored = await readLatestFindings(facts, { ...key, endAfterMs: startMs - restoredFromMs });
    const open = stored.filter(
      (finding) => finding.state === "open" && finding.baselineId === baselineId && finding.evidence.horizon === "fast",
    );
    silence = open.find(({ signal }) => signal === "silence") ?? null;
    const restored = open.filter(
      ({ signal, openedWindowEndMs }) => signal !== "silence" && openedWindowEndMs <= startMs,
    );
    for (const finding of restored) remember(finding);
    state = { open: restored.map(fastFindingOf), pending: null };
    return (prepared = learnt);
  }

  /**
   * Where live traffic begins: until a window is decided, every start looks at all of it, so that none leaves out what an
   * earlier process did not come to. Rows follow a range at once; else nothing is missed before the first of them.
   */
  async function firstLiveMs({ newestMs }: FastNow): Promise<number> {
    const { spec } = loaded.baseline;
    const endMs = spec.kind === "range" ? spec.toMs : null;
    const firstMs = (await firstEventMs(facts, { ...key, fromMs: endMs ?? 0 })) ?? newestMs;
    return endMs !== null && windowOf(firstMs).startMs <= endMs ? endMs : firstMs;
  }

  function remember(finding: Finding): void {
    recorded.add(finding.findingId);
    identities.set(fastKey(finding.series, finding.signal), identityIn(finding));
  }

  function identityOf(series: Series, signal: Signal, window: Window, last: FastNow["last"]): Identity {
    const theirs = held.get(fastKey(series, signal));
    if (theirs !== undefined) return theirs;
    // What is open already, here or in the windows' memory, takes it in.
    const own = [...identities.values()].find(
      (identity) =>
        window.startMs - identity.window.startMs <= horizonOf(windowMs) * windowMs && openIds().has(identity.findingId),
    );
    return {
      findingId: findingId({ ...key, series, signal, baselineId, openedWindowStartMs: window.startMs }),
      incidentId: own?.incidentId ?? decider.incidentOf(last?.state ?? decider.initialState(), window),
      window,
    };
  }

  const openIds = () => new Set(state.open.map(({ key: open }) => identities.get(open)?.findingId));

  /** What the windows hold open goes on as theirs; a silence is over with its window if they do not know it. */
  function handOver({ last }: FastNow, changes: Map<string, Finding>): void {
    const theirs = last?.state?.findings ?? [];
    held = new Map(
      theirs
        .filter(({ closedIndex }) => closedIndex === null)
        .map((finding) => [fastKey(finding.series, finding.signal), identityIn(finding)]),
    );
    for (const { findingId: id } of held.values()) recorded.add(id);
    for (const finding of state.open) {
      const identity = held.get(finding.key);
      const own = identities.get(finding.key);
      if (identity === undefined || own === undefined || own.findingId === identity.findingId) continue;
      // Late rows made the windows open another one in its place.
      const { endMs } = last!.window;
      changes.set(own.findingId, stored(finding, own, endMs, endMs));
      identities.set(finding.key, identity);
    }
    if (silence === null || last === null || silence.openedWindowEndMs > last.window.endMs) return;
    const { findingId: id } = silence;
    const { endMs } = last.window;
    if (theirs.every((finding) => finding.findingId !== id)) {
      changes.set(id, {
        ...silence,
        state: "closed",
        windowEndMs: endMs,
        closedWindowEndMs: endMs,
        evaluatedAtMs: clock.now(),
      });
    }
    silence = null;
  }

  function step(
    baseline: FastBaseline,
    window: Parameters<typeof fastStep>[2],
    now: FastNow,
    changes: Map<string, Finding>,
  ) {
    const before = new Set(state.open.map(({ key: open }) => open));
    const result = fastStep(baseline, state, window, budget);
    for (const finding of result.state.open) {
      if (!before.has(finding.key)) {
        identities.set(finding.key, identityOf(finding.series, finding.signal, windowOf(finding.openedMs), now.last));
      }
    }
    state = result.state;
    for (const finding of result.closed) {
      const identity = identities.get(finding.key)!;
      if (!held.has(finding.key)) {
        changes.set(identity.findingId, stored(finding, identity, window.endMs, window.endMs));
      }
      identities.delete(finding.key);
      asserted.delete(finding.key);
    }
    for (const finding of result.state.open) {
      const due = window.endMs - (asserted.get(finding.key) ?? -Infinity) >= fastWindowMs;
      if (!due || (held.has(finding.key) && before.has(finding.key))) continue;
      asserted.set(finding.key, window.endMs);
      const identity = identities.get(finding.key)!;
      changes.set(identity.findingId, stored(finding, identity, window.endMs, null));
    }
  }

  function stored(finding: FastFinding, identity: Identity, endMs: number, closedMs: number | null): Finding {
    const { evidence, series, signal } = finding;
    return {
      ...common(identity, series, signal),
      state: closedMs === null ? "open" : "closed",
      windowEndMs: endMs,
      closedWindowEndMs: closedMs,
      magnitude: magnitudeOf(finding),
      incidentMagnitude: magnitudeOf(finding),
      evidence: { ...evidence, horizon: "fast", ...nothingElse },
    };
  }

  /** In rows moved, as other magnitudes: rows that do not come for five minutes are few of a day's. */
  function magnitudeOf({ signal, evidence }: FastFinding): number {
    return signal === "volume" ? evidence.effectLow * Math.min(1, fastWindowMs / windowMs) : evidence.effectLow;
  }

  const common = (identity: Identity, series: Series, signal: Signal) => ({
    findingId: identity.findingId,
    incidentId: identity.incidentId,
    environment,
    model: model.name,
    series,
    signal,
    baselineId,
    harm: fastHarm(signal),
    revision: 0,
    openedWindowStartMs: identity.window.startMs,
    openedWindowEndMs: identity.window.endMs,
    reopened: false,
    provisional: false,
    evaluatedAtMs: clock.now(),
  });

  /** A gap that is still running is not waited for: the window that ends in it can only find it longer. */
  function runningSilence(now: FastNow): Finding | null {
    if (silence !== null || options.serviceClock !== "wall" || now.watermarkMs <= now.newestMs) return null;
    const gap = { longestGapMs: now.watermarkMs - now.newestMs, referenceGapsMs: loaded.gapsMs };
    const threshold = silenceAlpha({ falseIncidentsPerModelWeek: budget, windowsPerWeek: weekMs / windowMs });
    const found = gapEvidence(gap, threshold);
    if (found === null || !found.passes) return null;
    const window = windowOf(now.watermarkMs);
    const known = now.last?.state?.findings.some(
      (finding) => finding.signal === "silence" && finding.closedIndex === null,
    );
    if (known === true) return null;
    silence = {
      ...common(identityOf(volumeSeries, "silence", window, now.last), volumeSeries, "silence"),
      state: "open",
      windowEndMs: now.watermarkMs,
      closedWindowEndMs: null,
      magnitude: 0,
      incidentMagnitude: 0,
      evidence: {
        contrast: "longest gap",
        horizon: "fast",
        reference: found.longestReferenceMs / 1000,
        current: gap.longestGapMs / 1000,
        effect: found.ratio,
        effectLow: found.ratio,
        pValue: found.pValue,
        threshold,
        rows: 0,
        referenceRows: found.referenceWindows,
        minimumDetectableEffect: found.minimumDetectableRatio,
        ...nothingElse,
      },
    };
    return silence;
  }

  async function look(now: FastNow): Promise<FastLook> {
    const { counted, baseline } = await prepare(now);
    const changes = new Map<string, Finding>();
    handOver(now, changes);
    const throughMs = Math.min(now.throughMs, now.newestMs + 1);
    let quietMs: number = fastWindowMs;
    if (throughMs > nextMs) {
      const scope = { ...key, fromMs: nextMs, toMs: throughMs };
      const live = await summarizeRows(facts, scope);
      const series = binnedExpressions(loaded, model, now.schemas, live?.schemaIds ?? []);
      const seen = now.schemas.filter(({ schemaId }) => live?.schemaIds.includes(schemaId));
      const conditions = counted.map(({ condition }) => condition(seen, series));
      for (const stretch of live === null ? [] : await countFast(facts, scope, conditions, fastWindowMs)) {
        const window = windowNow(stretch, nextMs, throughMs, now);
        if (window === null) {
          quietMs = quietFor(stretch, nextMs);
          break;
        }
        step(baseline, window, now, changes);
        nextMs = window.endMs;
      }
    }
    if (baseline.volume !== null) {
      const wholeMs = Math.min(now.watermarkMs, now.throughMs);
      const stretches = wholeStretches(nextStretchMs, wholeMs, stretchesPerStatement);
      const rows = await countRows(facts, key, stretches);
      for (const [index, stretch] of stretches.entries()) {
        step(baseline, { ...stretch, rows: rows[index] ?? 0, counts: null }, now, changes);
      }
      nextStretchMs = stretches.at(-1)?.endMs ?? nextStretchMs;
    }
    const gap = runningSilence(now);
    const findings = await traceFindings([...changes.values(), ...(gap === null ? [] : [gap])], {
      tracing: options.tracing,
      isNew: ({ state: now, findingId: id }) => now === "open" && !recorded.has(id),
      exampleOf: (finding) =>
        exampleOfInterval(facts, finding, { fromMs: finding.windowEndMs - fastWindowMs, toMs: finding.windowEndMs }),
    });
    for (const { findingId: id } of findings) recorded.add(id);
    await insertFindings(facts, findings, clock.now());
    return { findings, quietMs };
  }

  return {
    look: async (now) => {
      try {
        return await look(now);
      } catch (error) {
        // What was judged but perhaps not stored is judged again, as by another process.
        prepared = null;
        silence = null;
        identities.clear();
        asserted.clear();
        recorded.clear();
        throw error;
      }
    },
  };
}

function identityIn(
  finding: Pick<Finding, "findingId" | "incidentId" | "openedWindowStartMs" | "openedWindowEndMs">,
): Identity {
  const { findingId: id, incidentId, openedWindowStartMs: startMs, openedWindowEndMs: endMs } = finding;
  return { findingId: id, incidentId, window: { startMs, endMs } };
}

/** Until an unfinished stretch ends, or has enough rows at its present rate. */
function quietFor({ startMs, rows, newestMs }: FastCounts, fromMs: number): number {
  const perMs = rows / Math.max(1, newestMs - Math.max(startMs, fromMs));
  return Math.max(0, Math.min(startMs + fastWindowMs - newestMs, (fastWindowRows - rows) / perMs));
}

/** Nothing that costs another look at the rows: the message must not wait. */
const nothingElse = {
  methods: {},
  summary: {},
  contributors: [],
  slices: [],
  predictions: { verdict: "not_known", effect: null, effectHigh: null },
} as const;

/** The part of a stretch that is judged now; null if it must wait for more rows, or for its end. */
function windowNow(stretch: FastCounts, fromMs: number, throughMs: number, now: FastNow) {
  const endMs = stretch.startMs + fastWindowMs;
  const startMs = Math.max(stretch.startMs, fromMs);
  const { rows, counts, newestMs } = stretch;
  const complete = endMs <= now.newestMs || endMs <= now.watermarkMs;
  if (complete && endMs <= throughMs) return { startMs, endMs, rows, counts };
  return rows >= fastWindowRows ? { startMs, endMs: newestMs + 1, rows, counts } : null;
}

/** Data that does not arrive as it should is broken; values that were never seen may be the world's. */
function fastHarm(signal: Signal): Harm {
  if (signal === "latency") return "performance_fell";
  return signal === "unseen" || signal === "out_of_range" ? "inputs_moved" : "data_broken";
}

function fastFindingOf({ series, signal, evidence, openedWindowStartMs }: Finding): FastFinding {
  return {
    key: fastKey(series, signal as FastFinding["signal"]),
    series,
    signal: signal as FastFinding["signal"],
    openedMs: openedWindowStartMs,
    excess: Math.abs(evidence.current - evidence.reference),
    calmSinceMs: null,
    calmWindows: 0,
    evidence,
  };
}
