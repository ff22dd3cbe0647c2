/** Acts on a state file like the alerting role, and is killed the moment that it is told `done`. */
import { Registry } from "prom-client";
import { createManualClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import { dayMs, hourMs } from "../../core/window.ts";
import { createFacts } from "../../store/facts/client.ts";
import { openState } from "../../store/state/state.ts";
import { createAlerting } from "../alerting.ts";
import { createAlertingMetrics } from "../metrics.ts";
import { sampleModel } from "./models.ts";

export interface ActingProcessOptions {
  readonly clickhouse: { readonly url: string; readonly token?: string };
  readonly database: string;
  readonly statePath: string;
  readonly nowMs: number;
  readonly incidentId: string;
  readonly action: "acknowledge" | "silence" | "feedback" | "accept";
}

const options = JSON.parse(process.argv[2] ?? "") as ActingProcessOptions;
const { incidentId, nowMs } = options;
const alerting = createAlerting({
  facts: createFacts({ ...options.clickhouse, database: options.database }),
  state: openState(options.statePath),
  models: () => [sampleModel()],
  receivers: [{ name: "ops", webhook: { url: "http://127.0.0.1:9", timeout: "1s" } }],
  route: { receiver: "ops" },
  externalUrl: "http://127.0.0.1:8686",
  clock: createManualClock(nowMs),
  wallClock: createManualClock(nowMs),
  log: silentLogger,
  metrics: createAlertingMetrics(new Registry()),
  pollIntervalMs: dayMs,
});
const { actions } = alerting;
const ada = { by: "ada", comment: null };
const outcome = await {
  acknowledge: () => actions.acknowledge(incidentId, ada),
  silence: () => actions.silence(incidentId, { ...ada, untilMs: nowMs + hourMs }),
  feedback: () => actions.feedback(incidentId, { ...ada, verdict: "noise" }),
  accept: () => actions.accept(incidentId, ada),
}[options.action]();
if (outcome.kind === "done") process.kill(process.pid, "SIGKILL");
else throw new Error(outcome.detail);
