import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createManualClock, systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import { dayMs, hourMs, minuteMs, windowContaining } from "../../core/window.ts";
import { createAlerting } from "../../alerting/alerting.ts";
import type { IncidentMessage } from "../../alerting/message.ts";
import { createAlertingMetrics } from "../../alerting/metrics.ts";
import { createBatchMaker } from "../../collector/partition-batch.ts";
import { createDetector } from "../../detectors/detector.ts";
import { readBaseline } from "../../store/facts/baselines.ts";
import { readFeatureSchemas } from "../../store/facts/feature-schemas.ts";
import type { FileMessage } from "../../store/facts/file-events.ts";
import { listNotificationsAfter } from "../../store/state/outbox.ts";
import { openState } from "../../store/state/state.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { EventFile } from "../files/event-file.ts";
import { createFileStoring, type StoredFile } from "../files/store-file.ts";
import { decodingOptions } from "../lifecycle/collector-role.ts";
import { stateFile } from "../lifecycle/state-file.ts";
import { connectStore } from "../lifecycle/store-connection.ts";
import type { Log } from "../telemetry/log.ts";
import { createRegistry } from "../telemetry/metrics.ts";

export interface ReplayRequest {
  readonly file: EventFile;
  readonly config: LoadedConfig;
  /** Watched in the environments that it names: the replay's own alone. */
  readonly model: ModelSpec;
  readonly environment: string;
  /** The detectors look this often, in event time, and at each window's end. */
  readonly stepMs: number;
  /** Seconds of event time in a second; null: as fast as it goes. */
  readonly speed: number | null;
  /** Deliver to the configured receivers as well. */
  readonly notify: boolean;
  readonly version: string;
  readonly log: Log;
  readonly abort: AbortSignal;
  /** What would have been told, as it comes. */
  readonly told: (alert: ReplayedAlert) => void;
  readonly progress: (rows: number) => void;
}

export interface ReplayedAlert {
  /** On the replay's clock, at the step that told it. */
  readonly atMs: number;
  readonly message: IncidentMessage;
}

export interface Replayed {
  readonly stored: StoredFile;
  readonly windows: number;
  /** Of the windows that were decided; null if none was. */
  readonly decidedThroughMs: number | null;
  readonly windowMs: number | null;
  /** Length of history that no window was decided of, at the end. */
  readonly undecidedFromMs: number | null;
  /** Why nothing could be judged; null if it was. */
  readonly failure: LeewayError | null;
  readonly alerts: number;
}

/** A last window counts as whole if no more than this share of it has no event. */
const wholeShare = 0.05;

/**
 * Lives a file's history again: its rows are stored in the order of their time, window by window, and after each window the
 * service's own detector and alerting look. Store and state are temporary; the clock is the watermark.
 */
export async function replayFile(request: ReplayRequest): Promise<Replayed> {
  const { file, config, environment, log, abort } = request;
  await using resources = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "leeway-replay-"));
  resources.defer(() => rm(dataDir, { recursive: true, force: true }));
  const service = { ...config.service, dataDir, store: { ...config.service.store, url: null } };
  const { facts } = resources.use(await connectStore({ service, owner: true, log, abort }));
  const state = resources.use(openState(stateFile(dataDir)));

  let model = request.model;
  const registry = createRegistry({ version: request.version, roles: ["replay"] });
  const clock = createManualClock(0);
  // A pass is a minute to the detector, which would spare itself looks that follow each other at once.
  let passes = 0;
  const wallClock = { now: () => systemClock.now() + passes * minuteMs };
  const detector = resources.use(
    createDetector({
      facts,
      models: () => [model],
      serviceClock: "watermark",
      pollIntervalMs: 1_000,
      clock: wallClock,
      log,
      metrics: null,
      // Rows come in order, so that no window has late ones.
      lateCheckIntervalMs: Number.MAX_SAFE_INTEGER,
    }),
  );
  const alerting = resources.use(
    createAlerting({
      facts,
      state,
      models: () => [model],
      ...(request.notify
        ? { receivers: config.receivers, route: config.route }
        : { receivers: [{ name: "replay", console: {} }], route: { receiver: "replay" } }),
      printedTo: { write: () => true },
      externalUrl: config.service.http.externalUrl ?? "http://127.0.0.1:8686",
      clock,
      log,
      metrics: createAlertingMetrics(registry),
      pollIntervalMs: 1_000,
      // Everything of a window is there at once.
      groupWaitMs: 0,
      notifyMaxAgeMs: config.service.alerting.notifyMaxAgeMs,
    }),
  );
  const storing = await createFileStoring({
    facts,
    batchMaker: createBatchMaker({
      ...decodingOptions({ ...config, models: [model] }, await readFeatureSchemas(facts), wallClock),
      discovery: "auto",
      // History may be of any age.
      maxEventAgeMs: Number.MAX_SAFE_INTEGER,
    }),
    file,
    kind: "events",
    model: model.name,
    environment,
    clock: wallClock,
    keepRefused: () => Promise.resolve(),
    abort,
  });

  const { fromMs, toMs } = file.messages;
  if (fromMs === null || toMs === null) throw noTimes(file);
  let windows = 0;
  let decidedThroughMs: number | null = null;
  let windowMs: number | null = null;
  let failure: LeewayError | null = null;
  let lastNotification = 0;
  let alerts = 0;

  /** @param reachedMs Everything before is stored. */
  const look = async (reachedMs: number): Promise<void> => {
    passes += 1;
    const report = await detector.pass();
    windows += report.windowsDecided;
    const [pass] = report.models;
    failure = pass?.failure ?? null;
    decidedThroughMs = pass?.decidedThroughMs ?? decidedThroughMs;
    if (windowMs === null && pass?.baselineId) {
      const key = { environment, model: model.name, baselineId: pass.baselineId };
      windowMs = (await readBaseline(facts, key))?.windowMs ?? null;
    }
    if (pass === undefined || pass.baselineId === null) return;
    clock.set(reachedMs);
    await alerting.pass();
    tell();
  };
  const tell = (): void => {
    const seen = new Set<string>();
    for (const row of listNotificationsAfter(state, lastNotification)) {
      lastNotification = row.id;
      // One notification goes to each of its receivers.
      if (seen.has(row.idempotencyKey)) continue;
      seen.add(row.idempotencyKey);
      alerts += 1;
      request.told({ atMs: clock.now(), message: JSON.parse(row.message) as IncidentMessage });
    }
  };
  const window = (): { readonly lengthMs: number; readonly zone: string } => {
    const { zone } = model.monitoring;
    return { lengthMs: windowMs ?? lengthBeforeBaseline(model), zone };
  };

  let last: { readonly timeMs: number; readonly row: number } | null = null;
  const store = async (page: readonly FileMessage[]): Promise<FileMessage | null> => {
    const end = page.at(-1);
    if (end === undefined) return null;
    await storing.write(page.flatMap((message) => inEnvironment(message, environment, model.name) ?? []));
    last = end;
    request.progress(storing.outcome.rows);
    return end;
  };
  const storeBefore = async (endMs: number): Promise<void> => {
    while ((await store(await file.after(last, file.pageRows, endMs))) !== null);
  };
  /** @returns the time of the next event; null if there is none. */
  const storeNext = async (): Promise<number | null> => (await store(await file.after(last, 1)))?.timeMs ?? null;

  const lateMs = model.monitoring.allowedLatenessMs;
  const { baseline } = model;
  // Until a range is complete there is nothing to look at.
  const beginMs = baseline?.kind === "range" ? Math.max(fromMs, baseline.toMs) : fromMs;
  let reachedMs = windowContaining(beginMs, window()).startMs;
  while (!abort.aborted && reachedMs <= toMs) {
    const windowEndMs = windowContaining(reachedMs - lateMs, window()).endMs + lateMs;
    const nextMs = Math.min(windowEndMs, reachedMs + request.stepMs);
    await storeBefore(nextMs);
    // A window is decided when an event comes that is late enough to show that it is over.
    const decidedMs = nextMs === windowEndMs ? await storeNext() : null;
    await look(Math.max(nextMs, decidedMs ?? 0));
    // A baseline that could not be made now will not be made later either.
    if (failure !== null) break;
    if (request.speed !== null) {
      const ms = (nextMs - reachedMs) / request.speed;
      await delay(Math.min(ms, 2 ** 31 - 1), undefined, { signal: abort }).catch(() => {});
    }
    reachedMs = nextMs;
  }
  if (!abort.aborted && failure === null) {
    const end = windowContaining(toMs, window());
    if (end.endMs - toMs <= wholeShare * (end.endMs - end.startMs)) {
      // Nothing more will come: what a live model's idle partitions come to after a while.
      model = { ...model, monitoring: { ...model.monitoring, idleAfterMs: 0 } };
      await look(end.endMs + lateMs);
    }
    await alerting.idle();
    tell();
  }
  if (storing.outcome.rows === 0 && !abort.aborted) {
    const message = `replay: no event of ${file.name} is of model ${JSON.stringify(model.name)}; correct --model`;
    throw new LeewayError("insufficient_data", message);
  }
  return {
    stored: storing.outcome,
    windows,
    decidedThroughMs,
    windowMs,
    undecidedFromMs: decidedThroughMs !== null && decidedThroughMs <= toMs ? decidedThroughMs : null,
    failure,
    alerts,
  };
}

/** How far to go at once while the windows' length is not known: a range is complete at the end of a day, a file always. */
function lengthBeforeBaseline({ monitoring, baseline }: ModelSpec): number {
  if (monitoring.windowMs !== "auto") return monitoring.windowMs;
  return baseline?.kind === "file" ? hourMs : dayMs;
}

/** Lines that are events already name an environment: here it is the replay's. Null: another model's. */
function inEnvironment(message: FileMessage, environment: string, model: string): FileMessage | null {
  if (message.message.startsWith(`{"model":${JSON.stringify(model)},"environment":${JSON.stringify(environment)},`)) {
    return message;
  }
  try {
    const event = JSON.parse(message.message) as Record<string, unknown>;
    if (typeof event["model"] === "string" && event["model"] !== model) return null;
    return { ...message, message: JSON.stringify({ ...event, environment }) };
  } catch {
    // It is refused, with the reason.
    return message;
  }
}

function noTimes(file: EventFile): LeewayError {
  return new LeewayError(
    "file_unreadable",
    `replay: ${file.name}: no row has a time that can be read; see --time-column`,
  );
}
