import type { TestProject } from "vitest/node";
import { startBroker } from "../kafka/broker.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A comma list, as `KAFKA_BROKERS` has it. */
    kafkaBrokers: string;
  }
}

/** One broker for all integration tests of a run; `KAFKA_BROKERS` names existing ones instead. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const existing = process.env["KAFKA_BROKERS"];
  if (existing !== undefined && existing !== "") {
    project.provide("kafkaBrokers", existing);
    return undefined;
  }
  const broker = await startBroker();
  project.provide("kafkaBrokers", broker.brokers);
  return async () => {
    await broker[Symbol.asyncDispose]();
  };
}
