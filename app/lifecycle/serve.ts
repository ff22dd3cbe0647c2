import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { systemClock } from "../../core/clock.ts";
import { LeewayError } from "../../core/errors.ts";
import type { Tracing } from "../../core/tracing.ts";
import type { Actions } from "../../alerting/actions.ts";
import type { Alerting } from "../../alerting/alerting.ts";
import { createAlertingMetrics } from "../../alerting/metrics.ts";
import type { Collector } from "../../collector/collector.ts";
import { createCollectorMetrics } from "../../collector/metrics.ts";
import type { HttpSource } from "../../collector/sources/http.ts";
import { createDetector } from "../../detectors/detector.ts";
import { createDetectorMetrics } from "../../detectors/metrics.ts";
import { configError } from "../config/fault.ts";
import { type ConfigRequest, type LoadedConfig, loadConfig, requireConfig } from "../config/load.ts";
import { firstEventCommand } from "../http/first-event.ts";
import { createReadiness } from "../http/readiness.ts";
import { type IncidentSource, startHttpServer } from "../http/server.ts";
import type { PageSource } from "../page/source.ts";
import type { Log } from "../telemetry/log.ts";
import { createRegistry, createServiceMetrics } from "../telemetry/metrics.ts";
import { writeAddressFiles } from "./address-files.ts";
import { startAlerting } from "./alerting-role.ts";
import { startCollector, startHttpSource } from "./collector-role.ts";
import { createModelDirectory } from "./model-directory.ts";
import { createRestartable, type Restartable } from "./restartable.ts";
import type { Role, Shard } from "./roles.ts";
import { listenForEnd, signalExitCode } from "./signals.ts";
import { connectStore } from "./store-connection.ts";
import { connectReader } from "./store-reader.ts";

export interface ServeOptions {
  readonly request: ConfigRequest;
  readonly roles: ReadonlySet<Role>;
  readonly shard: Shard | null;
  /** Instead of the port of `http.listen`. */
  readonly port: number | null;
  readonly version: string;
  readonly log: Log;
  readonly tracing: Tracing;
  /** A line for the person who started it. */
  readonly announce: (line: string) => void;
}

/** A graceful end that takes longer is none. */
const endTimeoutMs = 30_000;

/**
 * Runs roles until a signal or until one of them cannot go on.
 *
 * Parts start from the inside out (store, tables, models, then roles) and end in the reverse order: the collector first,
 * which writes what it holds and leaves its group, the store last.
 *
 * @returns 130 or 143 after a signal.
 * @throws LeewayError with the exit code that is due, after everything that was started has ended.
 */
export async function serve(options: ServeOptions): Promise<130 | 143> {
  const { roles, log, request, tracing } = options;
  let config = requireConfig(request);
  const clock = systemClock;

  const readiness = createReadiness();
  for (const part of ["store", ...roles]) readiness.set(part, { state: "starting", detail: "not started yet" });
  let ending = false;
  using signals = listenForEnd((signal) => {
    ending = true;
    log.info({ signal }, "ending; a second signal ends at once");
    readiness.set("process", { state: "stopping", detail: `received ${signal}` });
    setTimeout(() => {
      log.error({ afterMs: endTimeoutMs }, "the graceful end took too long; ending at once");
      process.exit(signalExitCode(signal));
    }, endTimeoutMs).unref();
  });

  const registry = createRegistry({ version: options.version, roles: [...roles] });
  const metrics = createServiceMetrics(registry);
  metrics.configReloaded(true, clock.now());
  let incidents: () => IncidentSource | null = () => null;
  let actions: () => Actions | null = () => null;
  let models: () => LoadedConfig["models"] = () => config.models;
  let source: () => HttpSource | null = () => null;
  let page: () => PageSource | null = () => null;

  try {
    await using resources = new AsyncDisposableStack();
    const http = resources.use(
      await startHttpServer({
        config: { ...config.service.http, ...(options.port !== null && { port: options.port }) },
        registry,
        metrics,
        readiness,
        models: () => models(),
        incidents: () => incidents(),
        actions: () => actions(),
        ...(roles.has("collector") && { ingest: { source: () => (ending ? null : source()) } }),
        ...(roles.has("alerting") && { page: () => page() }),
        log: log.child({ part: "http" }),
      }),
    );
    resources.use(writeAddressFiles(config.service.dataDir, http.url, roles));

    const owner = roles.has("detector") || roles.has("alerting");
    const store = resources.use(
      await connectStore({ service: config.service, owner, log: log.child({ part: "store" }), abort: signals.abort }),
    );
    const { facts } = store;
    readiness.check("store", () => facts.ping());
    signals.abort.throwIfAborted();

    const directory = resources.use(
      await createModelDirectory({
        facts,
        config: () => config,
        views: owner,
        clock,
        log: log.child({ part: "models" }),
      }),
    );
    models = directory.models;

    const fatal = Promise.withResolvers<never>();
    // Whoever waits below hears it; until then it is not unhandled.
    fatal.promise.catch(() => {});

    // Started in the order in which they end the other way round: the collector first, whose rows the others wait for.
    let alerting: Restartable<Alerting> | null = null;
    if (roles.has("alerting")) {
      const alertingMetrics = createAlertingMetrics(registry);
      const alertingLog = log.child({ role: "alerting" });
      alerting = resources.use(
        await createRestartable(() =>
          startAlerting({
            config,
            facts,
            models: directory.models,
            url: linkUrl(http.url),
            metrics: alertingMetrics,
            tracing,
            log: alertingLog,
          }),
        ),
      );
      incidents = () => alerting?.current()?.incidents ?? null;
      actions = () => alerting?.current()?.actions ?? null;
      const shown: PageSource = {
        facts,
        models: directory.models,
        incidents: () => incidents(),
        clock,
        serviceClock: config.service.clock,
        url: config.service.http.externalUrl ?? linkUrl(http.url),
      };
      page = () => shown;
      readiness.set("alerting", { state: "ready" });
    }

    if (roles.has("detector")) {
      const detector = resources.use(
        createDetector({
          facts,
          models: directory.models,
          serviceClock: config.service.clock,
          ...(options.shard !== null && { shard: options.shard }),
          pollIntervalMs: config.service.detector.pollIntervalMs,
          clock,
          log: log.child({ role: "detector" }),
          metrics: createDetectorMetrics(registry),
          tracing,
          connectReader: () => connectReader(config.service),
        }),
      );
      detector.start();
      readiness.set("detector", { state: "ready" });
    }

    let collector: Restartable<Collector> | null = null;
    let door: Restartable<HttpSource> | null = null;
    if (roles.has("collector")) {
      const collectorMetrics = createCollectorMetrics(registry);
      const collectorLog = log.child({ role: "collector" });
      const { kafka } = config.service;
      if (kafka !== null) {
        collector = resources.use(
          await createRestartable(async () => {
            const started = await startCollector({
              config,
              kafka,
              facts,
              metrics: collectorMetrics,
              tracing,
              clock,
              log: collectorLog,
              abort: signals.abort,
            });
            started.stopped.catch((error: unknown) => fatal.reject(error));
            return started;
          }),
        );
      }
      const learnt = () =>
        void directory
          .refresh()
          .catch((error: unknown) => collectorLog.warn({ err: error }, "a new model is listed later"));
      door = resources.use(
        await createRestartable(() =>
          startHttpSource({ config, facts, metrics: collectorMetrics, tracing, clock, log: collectorLog, learnt }),
        ),
      );
      source = () => door?.current() ?? null;
      readiness.check("collector", async () => {
        if (kafka === null) return;
        const current = collector?.current() ?? null;
        if (current === null) throw new Error("it is started again with a new configuration");
        await current.check();
      });
    }

    const reload = async () => {
      const next = reloaded(request, log);
      if (next === null) {
        metrics.configReloaded(false, clock.now());
        return;
      }
      const before = config;
      config = next;
      await directory.refresh();
      if (tells(before, next)) await alerting?.restart();
      if (collects(before, next)) {
        await collector?.restart();
        await door?.restart();
      }
      if (needsRestart(before, next)) {
        log.warn({}, "kafka, store, http, data or clock changed: that takes effect when this process is started again");
      }
      metrics.configReloaded(true, clock.now());
      log.info({ models: next.models.length }, "the configuration was read anew");
    };
    let reloading: Promise<void> = Promise.resolve();
    const onHangup = () => {
      reloading = reloading.then(() => (ending ? undefined : reload())).catch((error: unknown) => fatal.reject(error));
    };
    process.on("SIGHUP", onHangup);
    resources.defer(async () => {
      process.off("SIGHUP", onHangup);
      await reloading;
    });

    options.announce(
      `serving ${http.url} as ${[...roles].join(", ")}; data in ${config.service.dataDir}, ${engineText(store.engine)}`,
    );
    if (roles.has("collector") && config.service.kafka === null) {
      options.announce(firstEvent({ url: linkUrl(http.url), needsToken: config.service.http.tokens !== null }));
    }
    const signal = await Promise.race([signals.first, fatal.promise]);
    return signalExitCode(signal);
  } catch (error) {
    // Whatever was under way when the signal came has been broken off by it.
    if (signals.abort.aborted && !(error instanceof LeewayError)) return signalExitCode(await signals.first);
    throw error;
  }
}

/** For whom nobody sends anything yet. */
function firstEvent(options: { readonly url: string; readonly needsToken: boolean }): string {
  return `no Kafka is configured: it takes events over HTTP. A first one, to paste into another terminal:

${firstEventCommand(options)}

Then open ${options.url}/ or run \`npx leeway models\`. docs/ingest.md says more; Ctrl-C ends it.`;
}

/** Links lead to a machine, not to "every address". */
function linkUrl(url: string): string {
  return url.replace(/\/\/(0\.0\.0\.0|\[::\])(?=:)/, `//${hostname()}`);
}

function engineText(engine: "server" | "started" | "found"): string {
  if (engine === "server") return "facts on the ClickHouse server";
  return engine === "started" ? "facts on its own engine" : "facts on the engine of another process";
}

/** All or nothing: null if the new configuration has a fault, and then the old one holds. */
function reloaded(request: ConfigRequest, log: Log): LoadedConfig | null {
  try {
    const result = loadConfig(request);
    if (result.kind === "valid") return result.config;
    log.error(
      { faults: configError(result.faults, request.cwd).message.split("\n") },
      "the new configuration is wrong; the old one holds",
    );
  } catch (error) {
    log.error({ err: error }, "the new configuration could not be read; the old one holds");
  }
  return null;
}

/** Whether alerting would tell other people, or otherwise. */
function tells(before: LoadedConfig, after: LoadedConfig): boolean {
  const part = ({ service, receivers, route }: LoadedConfig) => [service.alerting, receivers, route];
  return !isDeepStrictEqual(part(before), part(after));
}

/** Whether the collector would decode or write differently. */
function collects(before: LoadedConfig, after: LoadedConfig): boolean {
  const part = ({ service, models }: LoadedConfig) => [service.collector, service.discovery, models];
  return !isDeepStrictEqual(part(before), part(after));
}

function needsRestart(before: LoadedConfig, after: LoadedConfig): boolean {
  const part = ({ service: { kafka, store, http, dataDir, clock } }: LoadedConfig) => [
    kafka,
    store,
    http,
    dataDir,
    clock,
  ];
  return !isDeepStrictEqual(part(before), part(after));
}
