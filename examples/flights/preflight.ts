import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { findDataset, openFileEngine } from "./dataset.ts";
import { MissingPart } from "./missing-part.ts";

/**
 * Looks for everything that the run needs before it starts anything.
 *
 * @param options.brokers `KAFKA_BROKERS`; without it a broker is started, which needs Java, and Maven the first time.
 * @throws MissingPart that names all that is missing.
 */
export async function preflight(options: {
  readonly root: string;
  readonly folder: string;
  readonly brokers: string | null;
  readonly needsBroker: boolean;
}): Promise<void> {
  findDataset();
  openFileEngine();
  if (options.needsBroker && options.brokers === null) findBroker(options.root);
  if (await engineAnswers(options.folder)) {
    throw new MissingPart(
      `${options.folder} is in use: an earlier demo still runs. End it first, with Ctrl-C in its terminal.`,
    );
  }
}

function findBroker(root: string): void {
  const missing: string[] = [];
  if (!answers("java", "-version")) missing.push("java (Debian package openjdk-17-jre-headless)");
  // Jars that an earlier run fetched: then Maven is not needed.
  const fetched = globSync("kafka-*", { cwd: path.join(root, ".cache") }).length > 0;
  if (!fetched && !answers("mvn", "-version")) missing.push("mvn (Debian package maven)");
  if (missing.length === 0) return;
  throw new MissingPart(
    `No Kafka: ${missing.join(" and ")} not found. Install with \`apt-get install openjdk-17-jre-headless maven\`, ` +
      "or name a running broker: KAFKA_BROKERS=host:9092 npm run demo; or do without: npm run demo -- --transport http.",
  );
}

function answers(command: string, argument: string): boolean {
  return spawnSync(command, [argument], { stdio: "ignore" }).error === undefined;
}

async function engineAnswers(folder: string): Promise<boolean> {
  try {
    const { url } = JSON.parse(await readFile(path.join(folder, "engine.json"), "utf8")) as { readonly url: string };
    return (await fetch(new URL("/ping", url), { signal: AbortSignal.timeout(1000) })).ok;
  } catch {
    return false;
  }
}
