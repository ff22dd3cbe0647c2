import { type Alerting, createAlerting } from "../../alerting/alerting.ts";
import type { AlertingMetrics } from "../../alerting/metrics.ts";
import type { ModelSpec } from "../../core/model.ts";
import type { Tracing } from "../../core/tracing.ts";
import type { Facts } from "../../store/facts/client.ts";
import { openState } from "../../store/state/state.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { Log } from "../telemetry/log.ts";
import { createServiceClock } from "./service-clock.ts";
import { stateFile } from "./state-file.ts";

/** @throws config_invalid, state_unreadable */
export async function startAlerting(options: {
  readonly config: LoadedConfig;
  readonly facts: Facts;
  readonly models: () => readonly ModelSpec[];
  /** In links, unless the configuration names another address. */
  readonly url: string;
  readonly metrics: AlertingMetrics;
  readonly tracing: Tracing;
  readonly log: Log;
}): Promise<Alerting> {
  const { config, facts, log } = options;
  const { service, receivers, route } = config;
  await using resources = new AsyncDisposableStack();
  const state = resources.use(openState(stateFile(service.dataDir)));
  const clock = resources.use(await createServiceClock({ kind: service.clock, facts, log }));
  const alerting = resources.use(
    createAlerting({
      facts,
      state,
      models: options.models,
      receivers,
      route,
      externalUrl: service.http.externalUrl ?? options.url,
      clock,
      log,
      metrics: options.metrics,
      tracing: options.tracing,
      pollIntervalMs: service.alerting.pollIntervalMs,
      groupWaitMs: service.alerting.groupWaitMs,
      notifyMaxAgeMs: service.alerting.notifyMaxAgeMs,
      retentionMs: service.alerting.retentionMs,
      printedTo: process.stdout,
      sqlCommand: `npx leeway sql ${service.file === null ? `--data ${shellWord(service.dataDir)}` : `--config ${shellWord(service.file)}`}`,
    }),
  );
  alerting.start();
  const held = resources.move();
  return { ...alerting, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** A path as one word of a shell's command line. */
function shellWord(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
