import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createManualClock, systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { ModelSpec } from "../../core/model.ts";
import { dayMs, hourMs, nextWindow, windowContaining, type Window } from "../../core/window.ts";
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
  /** On the replay's clock, when it would have been told: the end of the window that told it, and the allowed lateness. */
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
  const detector = resources.use(
    createDetector({
      facts,
      models: () => [model],
      serviceClock: "watermark",
      pollIntervalMs: 1_000,
      clock: systemClock,
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
      ...decodingOptions({ ...config, models: [model] }, await readFeatureSchemas(facts), systemClock),
      discovery: "auto",
      // History may be of any age.
      maxEventAgeMs: Number.MAX_SAFE_INTEGER,
    }),
    file,
    kind: "events",
    model: model.name,
    environment,
    clock: systemClock,
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

  const look = async (): Promise<void> => {
    const report = await detector.pass();
    windows += report.windowsDecided;
    const [pass] = report.models;
    failure = pass?.failure ?? null;
    decidedThroughMs = pass?.decidedThroughMs ?? decidedThroughMs;
    if (windowMs === null && pass?.baselineId) {
      const key = { environment, model: model.name, baselineId: pass.baselineId };
      windowMs = (await readBaseline(facts, key))?.windowMs ?? null;
    }
    if (decidedThroughMs === null) return;
    clock.set(decidedThroughMs + model.monitoring.allowedLatenessMs);
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
  const storeBefore = async (endMs: number): Promise<void> => {
    for (;;) {
      const page: FileMessage[] = await file.after(last, file.pageRows, endMs);
      const end = page.at(-1);
      if (end === undefined) return;
      await storing.write(page.map((message) => inEnvironment(message, environment, model.name)));
      last = end;
      request.progress(storing.outcome.rows);
    }
  };

  const lateMs = model.monitoring.allowedLatenessMs;
  let step: Window = windowContaining(fromMs, window());
  while (!abort.aborted && step.startMs <= toMs) {
    // Up to where the watermark passes the window's end, so that it is decided as soon as it can be.
    await storeBefore(step.endMs + lateMs + 1);
    await look();
    step = nextWindow(step, window());
    if (request.speed !== null) {
      const ms = (step.endMs - step.startMs) / request.speed;
      await delay(Math.min(ms, 2 ** 31 - 1), undefined, { signal: abort }).catch(() => {});
    }
  }
  if (!abort.aborted) {
    await storeBefore(toMs + 1);
    await look();
    const end = windowContaining(toMs, window());
    if (end.endMs - toMs <= wholeShare * (end.endMs - end.startMs)) {
      // Nothing more will come: what a live model's idle partitions come to after a while.
      model = { ...model, monitoring: { ...model.monitoring, idleAfterMs: 0 } };
      await look();
    }
    await alerting.idle();
    tell();
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

/** Lines that are events already name an environment: here it is the replay's. */
function inEnvironment(message: FileMessage, environment: string, model: string): FileMessage {
  if (message.message.startsWith(`{"model":${JSON.stringify(model)},"environment":${JSON.stringify(environment)},`)) {
    return message;
  }
  try {
    const event = JSON.parse(message.message) as Record<string, unknown>;
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
