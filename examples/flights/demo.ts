/**
 * `npm run demo`: real flights through Kafka, or over HTTP, into Leeway, with faults planted on known days, and a ledger that says what
 * must come out. Exit code 0: everything sent is stored exactly once and the ledger holds; 1: it is not so; 2: usage;
 * 3: something needed is missing.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseDemoArguments, usage } from "./arguments.ts";
import type { DemoArguments } from "./arguments.ts";
import { baselineDays, createShift, dayStartMs, daysBetween, originalDay, runDays, shiftedDay } from "./calendar.ts";
import type { Day, Shift } from "./calendar.ts";
import { chance } from "./chance.ts";
import { killPoints } from "./chaos.ts";
import { writeConfiguration } from "./configuration.ts";
import type { RunNames, Topics } from "./configuration.ts";
import { createConsole } from "./console.ts";
import { decidedDays } from "./decided.ts";
import { follow } from "./follow.ts";
import type { Passage, Traffic } from "./follow.ts";
import { alertingIsIdle, notificationText, observedFindings, readIncidents } from "./incidents.ts";
import { createLedger, judge } from "./ledger.ts";
import type { Ledger } from "./ledger.ts";
import { MissingPart } from "./missing-part.ts";
import { preflight } from "./preflight.ts";
import type { Prepared } from "./prepare.ts";
import type { ProducerReport } from "./producer-report.ts";
import { startReceiver } from "./receiver.ts";
import type { Receiver } from "./receiver.ts";
import { freePorts, serviceReady } from "./service-port.ts";
import { createStage } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { storedMessages, storedOnce } from "./stored.ts";
import { summaryLines, thousands } from "./summary.ts";
import type { Summary } from "./summary.ts";
import { createWarehouse } from "./warehouse.ts";
import type { Warehouse } from "./warehouse.ts";
import { modelName } from "./wire.ts";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");
const folder = path.join(root, "data", "demo");

interface Run {
  readonly arguments: DemoArguments;
  readonly shift: Shift;
  readonly days: readonly Day[];
  /** Settles with an exit code when somebody wants the demo to end. */
  readonly interrupted: Promise<number>;
}

async function main(interrupted: Promise<number>): Promise<number> {
  const parsed = parseDemoArguments(process.argv.slice(2));
  if (parsed.kind === "help") {
    process.stdout.write(usage);
    return 0;
  }
  if (parsed.kind === "wrong") {
    process.stderr.write(`${parsed.message}\n\n${usage}`);
    return 2;
  }
  const { lastDay } = parsed.arguments;
  return await runDemo({
    arguments: parsed.arguments,
    shift: createShift({ lastDay, nowMs: Date.now() }),
    days: daysBetween(runDays.first, lastDay),
    interrupted,
  });
}

async function runDemo(run: Run): Promise<number> {
  const { shift, days, interrupted } = run;
  const { lastDay, faults, seed, keepRunning, transport } = run.arguments;
  const startedMs = performance.now();
  const seconds = () => Math.round((performance.now() - startedMs) / 100) / 10;
  const out = createConsole(() => performance.now());
  const shown = path.relative(process.cwd(), folder);
  const givenBrokers = process.env["KAFKA_BROKERS"] || null;
  const clickhouseUrl = process.env["CLICKHOUSE_URL"] || null;

  await preflight({ root, folder, brokers: givenBrokers, needsBroker: transport === "kafka" });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  out.line(
    `US flights of 2001, moved by ${shift.weeks} weeks: ${runDays.first} is sent as ${shiftedDay(runDays.first, shift)}, ` +
      `${lastDay} as ${shiftedDay(lastDay, shift)}.`,
  );

  await using stage = createStage({ folder, interrupted });
  const { start, unlessCut } = stage;
  const [brokers, prepared] = await unlessCut(
    Promise.all([transport === "http" ? null : (givenBrokers ?? startBroker(stage, out.line)), prepare(stage, shift)]),
  );
  out.line(
    `Baseline: ${thousands(prepared.rows)} flights of ${baselineDays.first} to ${baselineDays.last}, ` +
      `${(100 * prepared.lateShare).toFixed(1)} % of them late; a model of their delays is fitted to it.`,
  );

  const ledger = createLedger({ model: modelName, firstDay: runDays.first, lastDay, shiftWeeks: shift.weeks, faults });
  await writeFile(path.join(folder, "expected.json"), `${JSON.stringify(ledger, null, 2)}\n`);
  out.line(
    `Before the run: ${shown}/expected.json says what must be found (${ledger.mustOpen.length} findings) and what may.`,
  );

  const [port, collectorPort] = await freePorts();
  const serviceUrl = `http://127.0.0.1:${port}`;
  const collectorUrl = `http://127.0.0.1:${collectorPort}`;
  await using receiver = await startReceiver(async (notification) => {
    const text = await notificationText(serviceUrl, notification);
    const quoted = withOriginalDays(text, shift)
      .split("\n")
      .map((line) => `  │ ${line}`);
    out.line(["", ...quoted, ""].join("\n"));
  });
  const names = namesOfRun({ ownBroker: givenBrokers === null, ownStore: clickhouseUrl === null });
  const configFile = await writeConfiguration({
    ...{ folder, brokers, ...names, clickhouseUrl, port, webhookUrl: receiver.url, shift },
  });
  const serve = (name: string, roles: string, servePort: number) =>
    start({
      name,
      script: path.join(root, "bin", "leeway.js"),
      args: ["serve", "--roles", roles, "--config", configFile, "--port", String(servePort)],
      // The configuration names the broker, or none.
      env: { KAFKA_BROKERS: "" },
    });
  // The first one owns the embedded engine.
  serve("leeway", "detector,alerting", port);
  await unlessCut(serviceReady(serviceUrl));
  const startCollector = () => serve("collector", "collector", collectorPort);
  const collector = startCollector();
  await unlessCut(serviceReady(collectorUrl));
  const where = clickhouseUrl === null ? `--data ${shown}` : `--config ${shown}/leeway.yaml`;
  out.line(`Ready after ${seconds()} s. Meanwhile, from another terminal:`);
  out.line(`  curl -s ${serviceUrl}/metrics`);
  out.line(
    `  npx leeway sql ${where} "SELECT toDate(event_time) AS day, count() FROM events WHERE environment = 'production' GROUP BY day ORDER BY day"`,
  );

  const warehouse = createWarehouse({ folder, clickhouseUrl, database: names.database });
  const target: Target =
    brokers === null ? { kind: "http", url: collectorUrl } : { kind: "kafka", brokers, topics: names.topics };
  const traffic = startTraffic(stage, { target, shift, lastDay, faults, seed });
  const passage = await follow({
    stage,
    out,
    seconds,
    shift,
    days,
    warehouse,
    traffic,
    collector: { first: collector, start: startCollector, url: collectorUrl },
    kills: run.arguments.chaos ? killPoints((position) => chance(seed, position)) : [],
    told: () => receiver.notifications.length,
    alertingIsIdle: () => alertingIsIdle({ warehouse, url: serviceUrl }),
  });

  const summary = await concludeRun(run, {
    ledger,
    warehouse,
    serviceUrl,
    passage,
    seconds,
    sent: traffic.report(),
    receiver,
  });
  await writeFile(path.join(folder, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  for (const line of summaryLines(summary, shown)) out.line(line);

  if (keepRunning) {
    out.line(`Still serving at ${serviceUrl} until Ctrl-C.`);
    await unlessCut(interrupted);
  }
  return summary.holds ? 0 : 1;
}

/** Looks at what a finished run left behind and holds it against what was sent and what was expected. */
async function concludeRun(
  run: Run,
  ended: {
    readonly ledger: Ledger;
    readonly warehouse: Warehouse;
    readonly serviceUrl: string;
    readonly passage: Passage;
    readonly sent: ProducerReport | null;
    readonly receiver: Receiver;
    readonly seconds: () => number;
  },
): Promise<Summary> {
  const { ledger, warehouse, passage, sent, receiver } = ended;
  const events = await storedMessages(warehouse, "events");
  const labels = await storedMessages(warehouse, "labels");
  const decided = await decidedDays(warehouse);
  const incidents = await readIncidents(ended.serviceUrl);
  const findings = observedFindings(incidents, receiver.notifications, run.shift);
  const verdicts = judge(ledger, findings);
  const failures = [
    ...passage.failures,
    ...(sent === null ? ["nothing was sent"] : storedOnce("events", events, sent)),
    ...(sent === null ? [] : storedOnce("labels", labels, sent)),
    ...(decided.days === run.days.length ? [] : [`${run.days.length} days were sent, ${decided.days} were decided`]),
    ...verdicts.filter(({ kind }) => kind === "broken").map(({ claim }) => claim),
  ];
  const perSecond = (rows: number) => Math.round((1000 * rows) / passage.storingMs);
  return {
    holds: failures.length === 0,
    seconds: ended.seconds(),
    days: { sent: run.days.length, decided: decided.days, first: ledger.firstDay, last: ledger.lastDay },
    shiftWeeks: run.shift.weeks,
    events: { sent: sent?.events ?? 0, stored: events.rows, withheldByFaults: sent?.withheld ?? 0 },
    labels: { sent: sent?.labels ?? 0, stored: labels.rows },
    deadLettered: passage.deadLettered,
    eventsPerSecond: perSecond(events.rows),
    messagesPerSecond: perSecond(events.rows + labels.rows),
    collectorKills: passage.kills,
    findings: findings.length,
    incidents: incidents.length,
    notifications: receiver.notifications.length,
    verdicts,
    failures,
  };
}

/** A broker or a server that others use too gets names of this run's own. */
function namesOfRun(options: { readonly ownBroker: boolean; readonly ownStore: boolean }): RunNames {
  const own = `flights-${Date.now()}`;
  return {
    topics: options.ownBroker
      ? { events: "leeway.events", labels: "leeway.labels", deadLetters: "leeway.dead-letters" }
      : { events: `${own}.events`, labels: `${own}.labels`, deadLetters: `${own}.dead-letters` },
    groupId: options.ownBroker ? "leeway-collector" : own,
    database: options.ownStore ? "leeway" : own.replaceAll("-", "_"),
  };
}

function startBroker(stage: Stage, line: (text: string) => void): Promise<string> {
  line("Starting Apache Kafka …");
  const { promise, resolve } = Promise.withResolvers<string>();
  stage.start({
    name: "kafka",
    script: path.join(root, "deploy", "kafka", "broker.ts"),
    // Without a folder of its own its data are thrown away, and it ends at once.
    args: [],
    onLine: (text) => resolve((JSON.parse(text) as { readonly brokers: string }).brokers),
    onErrorLine: line,
  });
  return promise;
}

function prepare(stage: Stage, shift: Shift): Promise<Prepared> {
  const { promise, resolve } = Promise.withResolvers<Prepared>();
  stage.start({
    name: "prepare",
    script: path.join(here, "prepare.ts"),
    args: ["--data", folder, "--shift-weeks", String(shift.weeks)],
    onLine: (text) => resolve(JSON.parse(text) as Prepared),
  });
  return promise;
}

/** Where the monitored service sends its events. */
type Target =
  | { readonly kind: "kafka"; readonly brokers: string; readonly topics: Topics }
  | { readonly kind: "http"; readonly url: string };

/** The monitored service begins to send. */
function startTraffic(
  stage: Stage,
  options: {
    readonly target: Target;
    readonly shift: Shift;
    readonly lastDay: Day;
    readonly faults: boolean;
    readonly seed: number;
  },
): Traffic {
  const { target, shift, lastDay, faults, seed } = options;
  const where =
    target.kind === "http"
      ? ["--url", target.url]
      : ["--brokers", target.brokers, "--events-topic", target.topics.events, "--labels-topic", target.topics.labels];
  let report: ProducerReport | null = null;
  const program = stage.start({
    name: "producer",
    script: path.join(here, "producer.ts"),
    args: [
      ...[...where, "--data", folder, "--shift-weeks", String(shift.weeks), "--seed", String(seed)],
      ...["--first", runDays.first, "--last", lastDay, ...(faults ? [] : ["--no-faults"])],
    ],
    onLine: (line) => {
      report = JSON.parse(line) as ProducerReport;
    },
  });
  return { report: () => report, sending: program.running };
}

/** `Mon 2026-11-16` becomes `Mon 2026-11-16 [2001-02-05]`; days without a weekday stand in queries and stay. */
function withOriginalDays(text: string, shift: Shift): string {
  return text.replaceAll(
    /\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (20\d\d-\d\d-\d\d)\b/g,
    (weekdayAndDay, day: string) => `${weekdayAndDay} [${originalDay(dayStartMs(day), shift)}]`,
  );
}

const interruption = Promise.withResolvers<number>();
let interruptedWith: number | null = null;
for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    interruptedWith ??= exitCode;
    interruption.resolve(exitCode);
  });
}
try {
  process.exitCode = await main(interruption.promise);
} catch (error) {
  // A terminal's Ctrl-C reaches the programs too: one that ended by it before we did is no fault.
  if (interruptedWith !== null) process.exitCode = interruptedWith;
  else {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof MissingPart ? 3 : 1;
  }
}
