import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LeewayError } from "../../core/errors.ts";
import type { ServiceClockKind } from "../../core/model.ts";
import type { Environment } from "./document.ts";
import { brokerPattern } from "./option-types.ts";
import type { ServiceFile } from "./schema.ts";

/** Everything `leeway.yaml` says, in the program's own terms and with every default filled in. */
export interface ServiceConfig {
  /** Absolute path of leeway.yaml; null if there is none and the defaults hold. */
  readonly file: string | null;
  /** Absolute. */
  readonly dataDir: string;
  readonly clock: ServiceClockKind;
  /** Null if nobody named a broker: then the collector cannot run. */
  readonly kafka: KafkaConfig | null;
  readonly store: StoreConfig;
  readonly http: HttpConfig;
  readonly discovery: { readonly mode: "auto" | "declared"; readonly maxModels: number; readonly maxFeatures: number };
  readonly collector: {
    readonly flush: { readonly maxRows: number; readonly maxAgeMs: number };
    readonly maxBufferedBytes: number;
    readonly maxValueBytes: number;
    readonly maxEventAgeMs: number;
  };
  readonly detector: { readonly pollIntervalMs: number };
  readonly alerting: {
    readonly pollIntervalMs: number;
    readonly groupWaitMs: number;
    readonly notifyMaxAgeMs: number;
    readonly retentionMs: number;
  };
}

export interface KafkaConfig {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly groupId: string;
  readonly createTopics: boolean;
  readonly topics: {
    readonly events: readonly string[];
    readonly labels: readonly string[];
    readonly deadLetters: string;
  };
  /** PEM texts, or true for the system's authorities. */
  readonly tls: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly sasl: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  } | null;
}

export interface StoreCredentials {
  readonly user: string | null;
  readonly password: string | null;
}

export interface StoreConfig extends StoreCredentials {
  /** Null: the embedded engine. */
  readonly url: string | null;
  readonly database: string;
  /** For `leeway sql`; null: the writer's user with `readonly=2`. */
  readonly reader: StoreCredentials | null;
}

export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  /** Without a trailing slash; null: made from the address once it is known. */
  readonly externalUrl: string | null;
  /** Null: no token is asked for, which is only allowed on loopback. */
  readonly tokens: readonly ApiToken[] | null;
}

/** A bearer token that is let in. Only its hash is ever held. */
export interface ApiToken {
  readonly name: string;
  readonly sha256: Uint8Array;
}

/**
 * A valid leeway.yaml in the program's own terms. What the file says wins over the environment; `dataDir` wins over both.
 * @throws config_invalid if a variable of the environment is wrong.
 */
export function serviceConfig(
  file: ServiceFile,
  context: {
    /** Absolute path of leeway.yaml, or null. */
    readonly file: string | null;
    readonly dataDir?: string | null;
    readonly environment: Environment;
    readonly cwd: string;
    readonly tokens: readonly ApiToken[] | null;
  },
): ServiceConfig {
  const { environment, cwd } = context;
  const directory = context.file === null ? cwd : dirname(context.file);
  const own = credentials(directory, file.store);
  const { http, collector } = file;
  const discovery =
    typeof file.discovery === "string" ? { mode: file.discovery, max_models: 1000, max_features: 500 } : file.discovery;
  const fileDataDir = file.data === undefined ? null : resolve(directory, file.data);
  return {
    file: context.file,
    dataDir: resolve(cwd, context.dataDir ?? fileDataDir ?? (environment["LEEWAY_DATA"] || "data")),
    clock: file.clock,
    kafka: kafkaConfig(directory, file, environment),
    store: {
      url: file.store.url ?? environmentUrl("CLICKHOUSE_URL", environment),
      user: own.user ?? (environment["CLICKHOUSE_USER"] || null),
      password: own.password ?? (environment["CLICKHOUSE_PASSWORD"] || null),
      database: file.store.database,
      reader: file.store.reader === undefined ? null : credentials(directory, file.store.reader),
    },
    http: {
      host: http.listen.host,
      port: http.listen.port,
      externalUrl: http.external_url?.replace(/\/+$/, "") ?? null,
      tokens: context.tokens,
    },
    discovery: { mode: discovery.mode, maxModels: discovery.max_models, maxFeatures: discovery.max_features },
    collector: {
      flush: { maxRows: collector.flush_rows, maxAgeMs: collector.flush_age },
      maxBufferedBytes: collector.max_buffered,
      maxValueBytes: collector.max_value,
      maxEventAgeMs: collector.max_event_age,
    },
    detector: { pollIntervalMs: file.detector.poll_interval },
    alerting: {
      pollIntervalMs: file.alerting.poll_interval,
      // That clock stands still between windows: it would hold back the last one's findings for ever.
      groupWaitMs: file.alerting.group_wait ?? (file.clock === "watermark" ? 0 : 30_000),
      notifyMaxAgeMs: file.alerting.notify_max_age,
      retentionMs: file.alerting.retention,
    },
  };
}

function environmentUrl(name: string, environment: Environment): string | null {
  const value = environment[name];
  if (value === undefined || value === "") return null;
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new LeewayError("config_invalid", `${name} is not an http(s) URL; write it as http://host:port`);
}

interface PasswordOptions {
  readonly password?: string | undefined;
  readonly password_file?: string | undefined;
}

function credentials(
  directory: string,
  options: PasswordOptions & { readonly user?: string | undefined },
): StoreCredentials {
  return { user: options.user ?? null, password: passwordOf(directory, options) };
}

function passwordOf(directory: string, options: PasswordOptions): string | null {
  if (options.password_file === undefined) return options.password ?? null;
  return readText(directory, options.password_file).replace(/\r?\n$/, "");
}

/** @throws config_invalid: the file was there when the references were checked. */
function readText(directory: string, name: string): string {
  const file = resolve(directory, name);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new LeewayError("config_invalid", `${file}: cannot be read; correct its permissions`, { cause: error });
  }
}

function kafkaConfig(directory: string, file: ServiceFile, environment: Environment): KafkaConfig | null {
  const { kafka } = file;
  const brokers = kafka.brokers ?? environmentBrokers(environment);
  if (brokers.length === 0) return null;
  const { events, labels, dead_letters: deadLetters } = kafka.topics;
  const { tls, sasl } = kafka;
  return {
    brokers,
    clientId: kafka.client_id,
    groupId: kafka.group_id,
    createTopics: kafka.create_topics,
    topics: { events, labels, deadLetters },
    tls:
      typeof tls === "boolean"
        ? tls
        : {
            ...(tls.ca_file !== undefined && { ca: readText(directory, tls.ca_file) }),
            ...(tls.cert_file !== undefined && { cert: readText(directory, tls.cert_file) }),
            ...(tls.key_file !== undefined && { key: readText(directory, tls.key_file) }),
          },
    sasl:
      sasl === undefined
        ? null
        : { mechanism: sasl.mechanism, username: sasl.username, password: passwordOf(directory, sasl) ?? "" },
  };
}

function environmentBrokers(environment: Environment): readonly string[] {
  const brokers = (environment["KAFKA_BROKERS"] ?? "").split(",").map((broker) => broker.trim());
  const wrong = brokers.find((broker) => broker !== "" && !brokerPattern.test(broker));
  if (wrong !== undefined) {
    throw new LeewayError("config_invalid", `KAFKA_BROKERS: ${JSON.stringify(wrong)} is not a broker; write host:port`);
  }
  return brokers.filter((broker) => broker !== "");
}
