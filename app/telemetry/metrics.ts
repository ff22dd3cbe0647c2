import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Registry } from "prom-client";

/** The registry of this process, with what every role shows. The roles add their own. */
export function createRegistry(build: { readonly version: string; readonly roles: readonly string[] }): Registry {
  const registry = new Registry();
  registerProcessMetrics(registry, build);
  return registry;
}

/**
 * prom-client's own default metrics are not used: `promtool check metrics` finds faults in their names.
 */
function registerProcessMetrics(
  registry: Registry,
  build: { readonly version: string; readonly roles: readonly string[] },
): void {
  const registers = [registry];
  new Gauge({
    name: "leeway_build_info",
    help: "1; the version and the Node that runs it are labels.",
    labelNames: ["version", "node"],
    registers,
  }).set({ version: build.version, node: process.version }, 1);
  const role = new Gauge({
    name: "leeway_role_info",
    help: "1 for each role of this process.",
    labelNames: ["role"],
    registers,
  });
  for (const name of build.roles) role.set({ role: name }, 1);
  new Gauge({
    name: "leeway_process_start_time_seconds",
    help: "When this process started, since 1970.",
    registers,
  }).set(Math.round((Date.now() / 1000 - process.uptime()) * 1000) / 1000);
  new Gauge({
    name: "leeway_process_resident_memory_bytes",
    help: "Resident memory of this process, the embedded engine not included.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "leeway_process_heap_used_bytes",
    help: "JavaScript heap in use.",
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed);
    },
  });
  let countedCpuSeconds = 0;
  new Counter({
    name: "leeway_process_cpu_seconds_total",
    help: "User and system time of this process.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      const seconds = (user + system) / 1e6;
      this.inc(Math.max(0, seconds - countedCpuSeconds));
      countedCpuSeconds = seconds;
    },
  });
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  new Gauge({
    name: "leeway_event_loop_delay_seconds",
    help: "99th percentile of how late timers ran since the last scrape.",
    registers,
    collect() {
      const p99 = delay.percentile(99);
      this.set(Number.isFinite(p99) ? Math.max(0, p99 / 1e9 - 0.02) : 0);
      delay.reset();
    },
  });
}

export interface ServiceMetrics {
  readonly httpAnswered: (route: string, status: number) => void;
  readonly configReloaded: (succeeded: boolean, atMs: number) => void;
}

export function createServiceMetrics(registry: Registry): ServiceMetrics {
  const registers = [registry];
  const answers = new Counter({
    name: "leeway_http_requests_total",
    help: "Requests answered, by route and status.",
    labelNames: ["route", "status"],
    registers,
  });
  const reloadSucceeded = new Gauge({
    name: "leeway_config_last_reload_successful",
    help: "Whether the last reading of the configuration succeeded; if not, the one before holds.",
    registers,
  });
  const reloadTime = new Gauge({
    name: "leeway_config_last_reload_success_timestamp_seconds",
    help: "When the configuration that holds was read.",
    registers,
  });
  return {
    httpAnswered: (route, status) => answers.inc({ route, status: String(status) }),
    configReloaded: (succeeded, atMs) => {
      reloadSucceeded.set(succeeded ? 1 : 0);
      if (succeeded) reloadTime.set(atMs / 1000);
    },
  };
}

export type { Registry };
