/**
 * What deciding costs, as CPU time of this process and the engine's together: deciding from stored profiles, counting a
 * window's rows into a profile beside JSON.parse alone of the same events in the same run, and the memory of both. CPU
 * time, not wall time: other programs may be running. Needs Linux.
 *
 *     node detectors/detectors.bench.ts [--rounds 5] [--only decide|profile|memory] [--json]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchEvents } from "../collector/bench-events.ts";
import { createBatchMaker } from "../collector/partition-batch.ts";
import { systemClock } from "../core/clock.ts";
import { createFeatureSchema } from "../core/feature-schema.ts";
import type { FeatureSchema } from "../core/feature-schema.ts";
import { silentLogger } from "../core/logger.ts";
import type { CohortSpec, ModelSpec } from "../core/model.ts";
import { noTracing } from "../core/tracing.ts";
import { dayMs, hourMs } from "../core/window.ts";
import type { Window } from "../core/window.ts";
import { startEngine } from "../store/engine/engine.ts";
import { cohortExpressions } from "../store/facts/cohort-expressions.ts";
import { createFacts } from "../store/facts/client.ts";
import type { Facts } from "../store/facts/client.ts";
import { readFeatureSchemas, writeFeatureSchemas } from "../store/facts/feature-schemas.ts";
import { generateEvents, normalSql, uniformSql } from "../store/facts/test-events.ts";
import { migrate } from "../store/migrations/migrate.ts";
import { binnedExpressions, ensureBaseline, loadStoredBaseline } from "./baselines/baseline.ts";
import type { LoadedBaseline } from "./baselines/baseline.ts";
import { testModel } from "./testing/model.ts";
import { createWindowDecider, deciderOf, storedProfiles, writeLiveProfiles } from "./window-decision.ts";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const rounds = Number(options.rounds);
const environment = "production";
const wants = (part: "decide" | "profile" | "memory") => options.only === undefined || options.only === part;
const progress = (line: string) => process.stderr.write(`${line}\n`);

interface Bench {
  readonly facts: Facts;
  readonly enginePid: () => number;
}

/** User and system time of a process in ms. Linux counts it in ticks of 10 ms. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

interface Cost {
  readonly own: number;
  readonly engine: number;
}

/** CPU ms of this process and of the engine while `work` runs, garbage collection included. */
async function costOf(bench: Bench, work: () => Promise<unknown>): Promise<Cost> {
  const engine = cpuMsOf(bench.enginePid());
  const own = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(own);
  return { own: (user + system) / 1000, engine: cpuMsOf(bench.enginePid()) - engine };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function medianCost(costs: readonly Cost[]): Cost & { readonly total: number } {
  return {
    own: median(costs.map(({ own }) => own)),
    engine: median(costs.map(({ engine }) => engine)),
    total: median(costs.map(({ own, engine }) => own + engine)),
  };
}

/** Merges that an earlier insert left behind are not part of what is measured. */
async function untilMerged({ facts }: Bench): Promise<void> {
  for (let quiet = 0; quiet < 3;) {
    const [merges] = await facts.query<{ count: number }>("SELECT count() AS count FROM system.merges");
    quiet = merges?.count === 0 ? quiet + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** The range that a model of the bench is held against. */
function rangeOf({ baseline }: ModelSpec) {
  if (baseline?.kind !== "range") throw new Error("the bench's models have ranges");
  return baseline;
}

function windowDecider({ facts }: Bench, model: ModelSpec, loaded: LoadedBaseline) {
  const common = { clock: systemClock, metrics: null, tracing: noTracing };
  return createWindowDecider({ facts, model, environment, loaded, ...common });
}

// Deciding from profiles

const days = 30;
const rowsPerDay = 9000;
const valuesPerCohort = 50;
const slicedFeatures = [
  ...Array.from({ length: 20 }, (_, index) => ({ name: `num_${index}`, type: "numeric" as const })),
  ...Array.from({ length: 7 }, (_, index) => ({ name: `cat_${index}`, type: "categorical" as const })),
  ...Array.from({ length: 3 }, (_, index) => ({ name: `flag_${index}`, type: "boolean" as const })),
];

/** 30 days of a reference and 30 days since, each day's profile of 30 features stored for the whole and for 150 slices. */
async function storeSlicedDays(bench: Bench): Promise<{ model: ModelSpec; schemas: FeatureSchema[]; live: Window[] }> {
  const { facts } = bench;
  const startMs = Math.floor(Date.now() / dayMs) * dayMs - 2 * days * dayMs;
  const liveMs = startMs + days * dayMs;
  const name = "sliced";
  const schema = createFeatureSchema(name, slicedFeatures);
  await writeFeatureSchemas(facts, [schema], startMs);
  await generateEvents(facts, {
    model: name,
    schemaId: schema.schemaId,
    fromMs: startMs,
    stepMs: dayMs / rowsPerDay,
    count: 2 * days * rowsPerDay,
    num: slicedFeatures
      .filter(({ type }) => type === "numeric")
      .map((_, index) => (index % 3 === 0 ? `floor(${uniformSql(index)} * 1000)` : `${normalSql(index)} * 20 + 100`)),
    cat: slicedFeatures
      .filter(({ type }) => type !== "numeric")
      .map(({ type }, index) =>
        type === "boolean"
          ? `if(${uniformSql(100 + index)} < 0.4, 'true', 'false')`
          : `concat('c', toString(floor(${uniformSql(100 + index)} * 40)))`,
      ),
    score: `${uniformSql(200)} * 0.5`,
    predictionClass: `if(${uniformSql(200)} > 0.8, 'yes', 'no')`,
    cohorts: Object.fromEntries(
      [0, 1, 2].map((index) => [`cohort_${index}`, `floor(${uniformSql(300 + index)} * ${valuesPerCohort})`]),
    ),
  });
  const model = testModel({
    name,
    features: slicedFeatures.map((feature) => ({ ...feature, unit: null })),
    cohorts: [0, 1, 2].map((index): CohortSpec => ({ attribute: `cohort_${index}`, watch: true })),
    baseline: { kind: "range", fromMs: startMs, toMs: liveMs },
  });
  const live = Array.from({ length: days }, (_, day) => ({
    startMs: liveMs + day * dayMs,
    endMs: liveMs + (day + 1) * dayMs,
  }));
  return { model, schemas: [schema], live };
}

async function measureDeciding(bench: Bench) {
  const { facts } = bench;
  progress(`deciding: ${2 * days} days of ${rowsPerDay} rows`);
  const { model, schemas, live } = await storeSlicedDays(bench);
  const { name, features } = model;
  const request = { environment, model, features, schemas };
  progress("deciding: the baseline");
  const spec = { ...request, spec: rangeOf(model) };
  const made = await ensureBaseline(facts, spec, { clock: systemClock, log: silentLogger });
  const { baselineId } = made.baseline;
  progress(`deciding: the profiles of ${live.length} windows, ${made.reference.length} series`);
  const of = { environment, model: name };
  await writeLiveProfiles(facts, { ...of, loaded: made }, live, {
    series: binnedExpressions(made, model, schemas, made.schemaIds),
    cohorts: cohortExpressions(model.cohorts, features, schemas, "UTC"),
    weighted: false,
    versions: ["v1"],
    revision: 0,
    computedAtMs: Date.now(),
  });
  await untilMerged(bench);

  const decideFrom = async (loaded: LoadedBaseline, windows: readonly Window[]) => {
    const pure = deciderOf(loaded, model, environment);
    let now = pure.initialState();
    for (const window of windows) {
      const profiles = await storedProfiles(facts, { ...of, loaded }, window, 0);
      now = pure.step(now, window, profiles, null).state;
    }
  };
  const load = async () => (await loadStoredBaseline(facts, request, baselineId))!;
  const costs = { learning: [] as Cost[], loading: [] as Cost[], next: [] as Cost[], replay: [] as Cost[] };
  for (let round = 0; round < rounds; round++) {
    progress(`deciding: round ${round + 1} of ${rounds}`);
    let loaded = made;
    await facts.command("TRUNCATE TABLE learnt_references");
    costs.learning.push(
      await costOf(bench, async () => {
        loaded = await ensureBaseline(facts, spec, { clock: systemClock, log: silentLogger });
        await decideFrom(loaded, live.slice(0, 1));
      }),
    );
    costs.loading.push(
      await costOf(bench, async () => {
        loaded = await load();
        await decideFrom(loaded, live.slice(0, 1));
      }),
    );
    const pure = deciderOf(loaded, model, environment);
    let now = pure.initialState();
    for (const window of live.slice(0, 3)) {
      const cost = await costOf(bench, async () => {
        const profiles = await storedProfiles(facts, { ...of, loaded }, window, 0);
        now = pure.step(now, window, profiles, null).state;
      });
      if (window === live[2]) costs.next.push(cost);
    }
    costs.replay.push(await costOf(bench, () => decideFrom(loaded, live)));
  }
  progress("deciding: five windows with all that a decision stores");
  const decider = windowDecider(bench, model, made);
  let state = decider.initialState();
  const whole: Cost[] = [];
  for (const window of live.slice(0, 5)) {
    const how = { revision: 1, recount: true, schemas };
    whole.push(await costOf(bench, async () => void ({ state } = await decider.decide(state, window, how))));
  }
  return {
    series: made.reference.length,
    learnAndDecide: medianCost(costs.learning),
    loadAndDecide: medianCost(costs.loading),
    first: costs.loading[0]!,
    nextWindow: medianCost(costs.next),
    replay: medianCost(costs.replay),
    wholeDecision: medianCost(whole.slice(2)),
  };
}

// Counting rows into profiles

const chunk = 50_000;
const benchModel = "flight-delay";
const benchCohorts: readonly CohortSpec[] = ["region", "browser", "origin"].map((attribute) => ({
  attribute,
  watch: true,
}));

/** Stores events as the collector would. @returns CPU µs per event of JSON.parse alone, of the same events. */
async function storeEvents({ facts }: Bench, fromTimeMs: number, count: number): Promise<number> {
  const maker = createBatchMaker({
    discovery: "auto",
    models: [],
    knownSchemas: [],
    caps: { maxModels: 10, maxFeatures: 100 },
    maxValueBytes: 1 << 20,
    maxEventAgeMs: 800 * dayMs,
    defaultRetentionDays: 90,
    clock: systemClock,
  });
  let parseUs = 0;
  for (let at = 0; at < count; at += chunk) {
    const events = benchEvents({ count: chunk, models: 1, fromTimeMs: fromTimeMs + at, seed: fromTimeMs / chunk + at });
    parseUs += parseCost(events) * chunk;
    const batch = maker.createBatch("events");
    for (const [offset, value] of events.entries()) {
      batch.add({ topic: "bench", partition: 0, offset, value, timestampMs: 0 });
    }
    if (batch.deadLetters.length > 0) throw new Error(`events were refused: ${JSON.stringify(batch.deadLetters[0])}`);
    for (const { table, columns, body } of batch.blocks()) {
      await facts.insertBlock({ table, columns, body, token: `bench/${fromTimeMs + at}` });
    }
    await writeFeatureSchemas(facts, batch.decoding().newSchemas, Date.now());
    batch.release();
  }
  return parseUs / count;
}

/** The median of five times, as of everything that it is held against. */
function parseCost(events: readonly Buffer[]): number {
  const texts = events.map((event) => event.toString());
  for (const text of texts.slice(0, 10_000)) JSON.parse(text);
  const costs = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    for (const text of texts) JSON.parse(text);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / events.length;
  });
  return costs.toSorted((a, b) => a - b)[2]!;
}

interface CountedWindow {
  readonly rows: number;
  readonly window: Window;
  readonly parse: number;
}

/** A reference of an hour and hours of the given numbers of events, as they come from Kafka. */
async function storeHours(bench: Bench, rows: readonly number[]) {
  const referenceMs = Math.floor(Date.now() / hourMs) * hourMs - (rows.length + 3) * hourMs;
  progress("profiles: the reference");
  await storeEvents(bench, referenceMs, 2 * chunk);
  const windows: CountedWindow[] = [];
  for (const [index, count] of rows.entries()) {
    const startMs = referenceMs + (index + 1) * hourMs;
    progress(`profiles: a window of ${count} events`);
    const parse = await storeEvents(bench, startMs, count);
    windows.push({ rows: count, window: { startMs, endMs: startMs + hourMs }, parse });
  }
  await untilMerged(bench);
  const schemas = (await readFeatureSchemas(bench.facts)).filter(({ model }) => model === benchModel);
  const of = async (cohorts: readonly CohortSpec[]) => {
    const fields = schemas[0]?.fields ?? [];
    const model = testModel({
      name: benchModel,
      task: { kind: "binary", positive: "late", labelDelayMs: dayMs, labelWindowMs: dayMs },
      features: fields.map((field) => ({ ...field, unit: null })),
      cohorts,
      baseline: { kind: "range", fromMs: referenceMs, toMs: referenceMs + hourMs },
      monitoring: { windowMs: hourMs },
    });
    const request = { environment, model, features: model.features, schemas, spec: rangeOf(model) };
    const loaded = await ensureBaseline(bench.facts, request, { clock: systemClock, log: silentLogger });
    return { model, loaded, schemas };
  };
  return { windows, whole: await of([]), sliced: await of(benchCohorts) };
}

type Hours = Awaited<ReturnType<typeof storeHours>>;

/** Counts a window as a decision does. Another revision each time: a repeated insert would not be done again. */
async function countWindow({ facts }: Bench, { model, loaded, schemas }: Hours["whole"], { window }: CountedWindow) {
  const ids = schemas.map(({ schemaId }) => schemaId);
  await writeLiveProfiles(facts, { environment, model: model.name, loaded }, [window], {
    series: binnedExpressions(loaded, model, schemas, ids),
    cohorts: cohortExpressions(model.cohorts, loaded.features, schemas, "UTC"),
    weighted: false,
    versions: ["2026-03"],
    revision: ++countings,
    computedAtMs: Date.now(),
  });
}
let countings = 0;

async function measureProfiles(bench: Bench, { windows, whole, sliced }: Hours) {
  const results = windows.map((counted) => ({ counted, whole: [] as Cost[], sliced: [] as Cost[] }));
  for (let round = -1; round < rounds; round++) {
    progress(round < 0 ? "profiles: once to warm up" : `profiles: round ${round + 1} of ${rounds}`);
    for (const result of results) {
      const { counted } = result;
      const plain = await costOf(bench, () => countWindow(bench, whole, counted));
      const slices = await costOf(bench, () => countWindow(bench, sliced, counted));
      if (round < 0) continue;
      result.whole.push(plain);
      result.sliced.push(slices);
    }
  }
  return results.map((result) => {
    const perEvent = (costs: readonly Cost[]) => (medianCost(costs).total * 1000) / result.counted.rows;
    const { rows, parse } = result.counted;
    return { rows, parse, whole: perEvent(result.whole), sliced: perEvent(result.sliced) };
  });
}

// Memory

/** The most memory that a process held since the last call, in MB. */
function peakMb(pid: number | "self"): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  // 5 sets the peak to what is held now.
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return Number(kilobytes) / 1024;
}

async function measureMemory(bench: Bench, { windows, sliced }: Hours) {
  const { model, loaded, schemas } = sliced;
  const decider = windowDecider(bench, model, loaded);
  const results = windows.map(({ rows }) => ({ rows, engine: [] as number[], own: [] as number[] }));
  for (let round = -1; round < rounds; round++) {
    for (const [index, { window }] of windows.entries()) {
      peakMb(bench.enginePid());
      peakMb("self");
      await decider.decide(decider.initialState(), window, { revision: ++countings, recount: true, schemas });
      if (round < 0) continue;
      results[index]?.engine.push(peakMb(bench.enginePid()));
      results[index]?.own.push(peakMb("self"));
    }
  }
  return results.map(({ rows, engine, own }) => ({ rows, engine: median(engine), own: median(own) }));
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "leeway-bench-"));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(() => rm(dataDir, { recursive: true, force: true }));
  const engine = cleanUp.use(await startEngine({ dataDir }));
  const facts = cleanUp.use(createFacts({ url: engine.url, token: engine.token }));
  await migrate(facts);
  const bench: Bench = { facts, enginePid: () => engine.pid()! };

  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(0)}`;
  const hours = wants("profile") || wants("memory") ? await storeHours(bench, [50_000, 500_000, 1_000_000]) : null;
  const profiles = hours !== null && wants("profile") ? await measureProfiles(bench, hours) : [];
  const memory = hours !== null && wants("memory") ? await measureMemory(bench, hours) : [];
  const deciding = wants("decide") ? await measureDeciding(bench) : null;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine, deciding, profiles, memory }, null, 2)}\n`);
    return;
  }
  process.stdout.write(
    `${[machine, ...decidingTable(deciding), ...profileTable(profiles), ...memoryTable(memory)].join("\n")}\n`,
  );
}

function decidingTable(deciding: Awaited<ReturnType<typeof measureDeciding>> | null): string[] {
  if (deciding === null) return [];
  const { learnAndDecide, loadAndDecide, first, nextWindow, replay, wholeDecision } = deciding;
  // How fast the machine is does not show in these.
  const ratio = ({ own, engine }: Cost) => ((own + engine) / learnAndDecide.total).toFixed(2);
  const row = (title: string, cost: Cost) => {
    const seconds = [cost.own, cost.engine, cost.own + cost.engine].map((ms) => (ms / 1000).toFixed(2));
    return `| ${title} | ${[...seconds, ratio(cost)].join(" | ")} |`;
  };
  return [
    "",
    `| deciding ${deciding.series} series, CPU s | own | engine | both | ÷ a start that learns |`,
    "| --- | ---: | ---: | ---: | ---: |",
    row("a start that learns from the reference's 30 days, and one window decided", learnAndDecide),
    row("a start with what the reference taught, and one window decided", loadAndDecide),
    row("… the first of them", first),
    row("the next window", nextWindow),
    row("30 windows, the reference read already", replay),
    row("one window with its counting, evaluations and state stored", wholeDecision),
  ];
}

function profileTable(profiles: Awaited<ReturnType<typeof measureProfiles>>): string[] {
  if (profiles.length === 0) return [];
  return [
    "",
    "| CPU µs per event | JSON.parse alone | profile | ÷ JSON.parse | with 3 cohorts | ÷ JSON.parse |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...profiles.map(({ rows, parse, whole, sliced }) => {
      const numbers = [parse, whole, whole / parse, sliced, sliced / parse].map((value) => value.toFixed(2));
      return `| a window of ${rows} events | ${numbers.join(" | ")} |`;
    }),
  ];
}

function memoryTable(memory: Awaited<ReturnType<typeof measureMemory>>): string[] {
  if (memory.length === 0) return [];
  return [
    "",
    "| a window counted and decided, peak MB | engine | own |",
    "| --- | ---: | ---: |",
    ...memory.map(({ rows, engine, own }) => `| ${rows} events | ${engine.toFixed(0)} | ${own.toFixed(0)} |`),
  ];
}

await main();
