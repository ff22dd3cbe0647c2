import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import { baselineDays, shiftedDay } from "./calendar.ts";
import type { Shift } from "./calendar.ts";
import { modelName } from "./wire.ts";

export interface Topics {
  readonly events: string;
  readonly labels: string;
  readonly deadLetters: string;
}

export interface RunNames {
  readonly topics: Topics;
  readonly groupId: string;
  readonly database: string;
}

export interface DemoConfiguration extends RunNames {
  /** Absolute; everything is written below it. */
  readonly folder: string;
  /** Null: events come over HTTP. */
  readonly brokers: string | null;
  /** Null: the embedded engine, in `folder`. */
  readonly clickhouseUrl: string | null;
  /** On loopback; of the process that detects and alerts. */
  readonly port: number;
  readonly webhookUrl: string;
  readonly shift: Shift;
}

/**
 * Writes leeway.yaml and models/flight-delay.yaml: what a user of Leeway would write by hand.
 *
 * @returns Path of leeway.yaml.
 */
export async function writeConfiguration(demo: DemoConfiguration): Promise<string> {
  const { folder, shift } = demo;
  const head = "# Written by `npm run demo`; the next run writes it anew.\n";
  const [first, last] = [shiftedDay(baselineDays.first, shift), shiftedDay(baselineDays.last, shift)];
  const dates = `# The baseline covers ${first} to ${last}, which were ${baselineDays.first} to ${baselineDays.last}.\n`;
  const serviceFile = path.join(folder, "leeway.yaml");
  await mkdir(path.join(folder, "models"), { recursive: true });
  // CLICKHOUSE_URL may hold a password.
  await writeFile(serviceFile, head + stringify(service(demo)), { mode: 0o600 });
  await writeFile(path.join(folder, "models", `${modelName}.yaml`), head + dates + stringify(model()));
  return serviceFile;
}

function service(demo: DemoConfiguration): object {
  const { port, brokers, topics, groupId, clickhouseUrl, database } = demo;
  return {
    data: demo.folder,
    // The flights are weeks old when they are sent: ages are measured on their clock.
    clock: "watermark",
    idle_after: "10s",
    ...(brokers !== null && {
      kafka: {
        brokers,
        group_id: groupId,
        create_topics: true,
        topics: { events: [topics.events], labels: [topics.labels], dead_letters: topics.deadLetters },
      },
    }),
    store: { ...(clickhouseUrl === null ? {} : { url: clickhouseUrl }), database },
    http: { listen: `127.0.0.1:${port}`, external_url: `http://127.0.0.1:${port}` },
    detector: { poll_interval: "1s" },
    alerting: { poll_interval: "1s" },
    receivers: [{ name: "demo", webhook: { url: demo.webhookUrl } }],
    route: { receiver: "demo", group_by: ["model", "environment"] },
  };
}

function model(): object {
  return {
    model: modelName,
    tags: { team: "ops", tier: "critical" },
    task: { kind: "binary", positive: "late", label_delay: "1d" },
    features: {
      hour: { type: "numeric" },
      distance: { type: "numeric", unit: "miles" },
      origin: { type: "categorical" },
      destination: { type: "categorical" },
      haul: { type: "categorical" },
      origin_traffic: { type: "numeric", unit: "departures a day" },
      weekday: { type: "categorical" },
    },
    cohorts: { origin_state: {}, haul: {} },
    baseline: {
      kind: "file",
      path: "../baseline.parquet",
      time: "event_time",
      prediction: "prediction",
      score: "score",
      label: "label",
    },
    monitoring: { window: "1d" },
    alerting: {
      severity: { data_broken: "page", performance_fell: "page", predictions_moved: "page", inputs_moved: "ticket" },
    },
  };
}
