import { LeewayError } from "../../core/errors.ts";
import { inspectKafka } from "../../collector/sources/kafka-inspection.ts";
import type { Facts } from "../../store/facts/client.ts";
import type { LoadedConfig } from "../config/load.ts";
import { kafkaConnection } from "../lifecycle/collector-role.ts";
import { connectReader } from "../lifecycle/store-reader.ts";
import { type Check, type Observation, type Patient, skipped } from "./check.ts";
import { futureToleranceMs } from "./checks/clock-skew.ts";

export interface CheckReport {
  readonly check: string;
  readonly title: string;
  readonly observations: readonly Observation[];
}

const timeoutMs = 30_000;

/** Runs checks one after the other, so that one does not disturb what another measures. */
export async function examineService(
  config: LoadedConfig,
  checks: readonly Check[],
  { started = () => {} }: { readonly started?: (check: Check, index: number) => void } = {},
): Promise<readonly CheckReport[]> {
  await using connections = createPatient(config);
  const reports: CheckReport[] = [];
  for (const [index, check] of checks.entries()) {
    started(check, index);
    reports.push({ check: check.name, title: check.title, observations: await observe(check, connections.patient) });
  }
  return reports;
}

async function observe(check: Check, patient: Patient): Promise<readonly Observation[]> {
  const timer = Promise.withResolvers<readonly Observation[]>();
  const timeout = setTimeout(() => timer.resolve([skipped(`no answer within ${timeoutMs / 1000} s`)]), timeoutMs);
  try {
    return await Promise.race([check.run(patient), timer.promise]);
  } catch (error) {
    if (!(error instanceof LeewayError)) throw error;
    const away = { store_unreachable: "ClickHouse does not answer", kafka_unreachable: "no broker answers" };
    return [skipped(away[error.code as keyof typeof away] ?? error.message)];
  } finally {
    clearTimeout(timeout);
  }
}

function createPatient(config: LoadedConfig): AsyncDisposable & { readonly patient: Patient } {
  const { service } = config;
  const { kafka } = service;
  let facts: Promise<Facts> | null = null;
  let inspection: ReturnType<typeof inspectKafka> | null = null;
  const nowMs = () => Date.now();
  return {
    patient: {
      config,
      nowMs,
      facts: () => (facts ??= connectReader(service)),
      kafka: () => {
        if (kafka === null) return null;
        const { events, labels, deadLetters } = kafka.topics;
        inspection ??= inspectKafka({
          connection: kafkaConnection(kafka),
          topics: [...new Set([...events, ...labels, deadLetters])],
          groupId: kafka.groupId,
          futureMs: nowMs() + futureToleranceMs,
        });
        return inspection;
      },
    },
    [Symbol.asyncDispose]: async () => {
      const connected = await facts?.catch(() => null);
      await connected?.[Symbol.asyncDispose]();
    },
  };
}
