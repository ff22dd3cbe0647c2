/** The alerting role alone, as a process that a test can kill: `node alerting-process.ts '{"clickhouse":…}'`. */
import { Registry } from "prom-client";
import { createManualClock } from "../../core/clock.ts";
import { dayMs } from "../../core/window.ts";
import { silentLogger } from "../../core/logger.ts";
import { createFacts } from "../../store/facts/client.ts";
import { openState } from "../../store/state/state.ts";
import { createAlerting } from "../alerting.ts";
import { createAlertingMetrics } from "../metrics.ts";
import { sampleModel } from "./models.ts";

export interface AlertingProcessOptions {
  readonly clickhouse: { readonly url: string; readonly token?: string };
  readonly database: string;
  readonly statePath: string;
  readonly webhook: string;
  readonly nowMs: number;
}

const options = JSON.parse(process.argv[2] ?? "") as AlertingProcessOptions;
const alerting = createAlerting({
  facts: createFacts({ ...options.clickhouse, database: options.database }),
  state: openState(options.statePath),
  models: () => [sampleModel()],
  receivers: [{ name: "ops", webhook: { url: options.webhook, timeout: "10s" } }],
  route: { receiver: "ops" },
  externalUrl: "http://127.0.0.1:8686",
  clock: createManualClock(options.nowMs),
  log: silentLogger,
  metrics: createAlertingMetrics(new Registry()),
  pollIntervalMs: 20,
  groupWaitMs: 0,
  notifyMaxAgeMs: 30 * dayMs,
  retry: { baseMs: 5, maxMs: 20, maxAttempts: 1000 },
});
alerting.start();
