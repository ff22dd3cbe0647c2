import { spawn } from "node:child_process";
import { access, copyFile, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const kafkaVersion = "4.3.1";

const here = dirname(fileURLToPath(import.meta.url));
const cacheFolder = join(here, "..", "..", ".cache");

export const installHint = "apt-get install openjdk-17-jre-headless maven";

/** The broker's class path in a fixed order: an archive of classes only fits the list it was made with. */
export interface KafkaJars {
  readonly folder: string;
  readonly classPath: string;
}

/**
 * Finds Kafka's jars in the git-ignored cache, or fetches them there once (44 MB, about ten seconds).
 *
 * @throws Error that names the Debian packages to install if `mvn` is missing, or what Maven said if it failed.
 */
export async function fetchKafkaJars(progress: (line: string) => void): Promise<KafkaJars> {
  const folder = join(cacheFolder, `kafka-${kafkaVersion}`);
  if (!(await exists(folder))) await download(folder, progress);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jar")).toSorted();
  return { folder, classPath: names.map((name) => join(folder, name)).join(":") };
}

async function download(folder: string, progress: (line: string) => void): Promise<void> {
  await mkdir(cacheFolder, { recursive: true });
  // A broken download must never count: the folder gets its name only when everything is in it.
  const temporary = await mkdtemp(join(cacheFolder, "fetching-kafka-"));
  const startedMs = Date.now();
  progress(`Apache Kafka ${kafkaVersion}: fetching 44 MB of jars with Maven, once …`);
  const ticker = setInterval(() => {
    progress(`Apache Kafka ${kafkaVersion}: still fetching, ${Math.round((Date.now() - startedMs) / 1000)} s …`);
  }, 10_000);
  try {
    await copyFile(join(here, "pom.xml"), join(temporary, "pom.xml"));
    const target = join(temporary, "lib");
    await runMaven(temporary, [
      "-q",
      "-B",
      "-ntp",
      "dependency:copy-dependencies",
      `-DoutputDirectory=${target}`,
      "-DincludeScope=runtime",
    ]);
    await rename(target, folder).catch(async (error: unknown) => {
      // Somebody else fetched them meanwhile.
      if (!(await exists(folder))) throw error;
    });
    progress(`Apache Kafka ${kafkaVersion}: fetched in ${Math.round((Date.now() - startedMs) / 1000)} s`);
  } finally {
    clearInterval(ticker);
    await rm(temporary, { recursive: true, force: true });
  }
}

function runMaven(cwd: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("mvn", args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += String(chunk)));
    child.stderr.on("data", (chunk) => (output += String(chunk)));
    child.on("error", (cause: NodeJS.ErrnoException) => {
      const message =
        cause.code === "ENOENT"
          ? `mvn (Maven) is needed once to fetch Apache Kafka and is not installed: ${installHint}, or set KAFKA_BROKERS`
          : `mvn could not be started: ${cause.message}`;
      reject(new Error(message, { cause }));
    });
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Maven could not fetch Apache Kafka (exit code ${code}): ${output.trim().slice(-2000)}`));
    });
  });
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
