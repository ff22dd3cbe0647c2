/**
 * `leeway compare` beside what others use for the same two files, all in one run: CPU time of all of a program's
 * processes, and the most memory they held together. Needs Linux, python3 and pip; by hand, not in CI.
 *
 *     node app/comparison/peers.bench.ts [--rows 1000000] [--directory DIR] [--only leeway,scipy]
 *
 * The directory keeps the Python packages and the files, so that a second run begins at once.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    directory: { type: "string", default: join(tmpdir(), "leeway-peers") },
    only: { type: "string" },
  },
});

const root = join(import.meta.dirname, "..", "..");
const peers = join(root, "deploy", "peers");
const python = join(options.directory, "packages", "bin", "python");
const files = join(options.directory, `files-${options.rows}`);

/** Cheapest last: what ran before leaves the files in the system's cache for all. */
const subjects = [
  peer("Evidently, default drift report", "evidently_report.py"),
  peer("NannyML, default univariate drift", "nannyml_drift.py"),
  peer("SciPy with pandas, KS and chi-square", "scipy_tests.py"),
  peer("one plain engine query a file", "plain_query.py"),
  leeway("leeway compare, Parquet", "parquet"),
  leeway("leeway compare, CSV", "csv"),
];

interface Subject {
  readonly title: string;
  readonly command: readonly [program: string, ...args: string[]];
}

interface Cost {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  readonly wallSeconds: number;
}

function peer(title: string, script: string): Subject {
  const paths = ["reference", "current"].map((name) => join(files, `${name}.parquet`));
  return { title, command: [python, join(peers, script), ...paths] };
}

function leeway(title: string, ending: string): Subject {
  const paths = ["reference", "current"].map((name) => join(files, `${name}.${ending}`));
  const launcher = join(root, "bin", "leeway.js");
  return { title, command: [process.execPath, launcher, "compare", ...paths, "--json"] };
}

/** Peers that report their use to somebody are asked not to. */
const environment = { ...process.env, DO_NOT_TRACK: "1", NML_DISABLE_USAGE_LOGGING: "1" };

async function run(command: readonly [string, ...string[]]): Promise<void> {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"], env: environment });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}`);
}

/** User and system seconds of everything that this process started and that has ended. */
function cpuOfEnded(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Memory of a process and of everything it started: pages that are shared count once for each. */
function residentBytes(pid: string): number {
  const [pages = 0] = numbersIn(`/proc/${pid}/statm`).slice(1);
  const children = numbersIn(`/proc/${pid}/task/${pid}/children`);
  return children.reduce((total, child) => total + residentBytes(String(child)), pages * 4096);
}

/** Empty if the process is gone. */
function numbersIn(path: string): readonly number[] {
  try {
    return readFileSync(path, "utf8").trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

const sampleMs = 25;

async function measured({ command: [program, ...args] }: Subject): Promise<Cost> {
  const before = cpuOfEnded();
  const start = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"], env: environment });
  let peakBytes = 0;
  const watch = setInterval(() => (peakBytes = Math.max(peakBytes, residentBytes(String(child.pid)))), sampleMs);
  const [code] = (await once(child, "exit")) as [number | null];
  clearInterval(watch);
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
  return { cpuSeconds: cpuOfEnded() - before, peakBytes, wallSeconds: (performance.now() - start) / 1000 };
}

await mkdir(files, { recursive: true });
if (!existsSync(python)) {
  await run(["python3", "-m", "venv", join(options.directory, "packages")]);
  await run([python, "-m", "pip", "install", "--quiet", "--requirement", join(peers, "requirements.txt")]);
}
if (!existsSync(join(files, "current.csv"))) await run([python, join(peers, "generate_files.py"), files, options.rows]);

const packages = readFileSync(join(peers, "requirements.txt"), "utf8").match(/^\w+==\S+$/gm) ?? [];
console.log(
  `${Number(options.rows).toLocaleString("en-US")} rows × 30 columns a side; ${cpus().length} × ${cpus()[0]!.model}`,
);
console.log(`Node ${process.version}, ${packages.join(", ")}\n`);
console.log("| what | CPU s | peak MB | wall s |\n| --- | ---: | ---: | ---: |");
const wanted = options.only?.split(",");
const costs = new Map<string, Cost>();
for (const subject of subjects) {
  const { title } = subject;
  if (wanted !== undefined && !wanted.some((word) => title.toLowerCase().includes(word.toLowerCase()))) continue;
  const cost = await measured(subject);
  costs.set(title, cost);
  const { cpuSeconds, peakBytes, wallSeconds } = cost;
  console.log(`| ${title} | ${cpuSeconds.toFixed(1)} | ${Math.round(peakBytes / 1e6)} | ${wallSeconds.toFixed(1)} |`);
}
const [parquet, csv] = [costs.get("leeway compare, Parquet"), costs.get("leeway compare, CSV")];
if (parquet !== undefined) {
  console.log("");
  for (const [title, { cpuSeconds, peakBytes }] of costs) {
    if (title.startsWith("leeway")) continue;
    const [cpu, memory] = [cpuSeconds / parquet.cpuSeconds, peakBytes / parquet.peakBytes];
    console.log(
      `- ${title}: ${cpu.toFixed(1)} × the CPU time and ${memory.toFixed(1)} × the memory of leeway compare.`,
    );
  }
  if (csv !== undefined)
    console.log(`- CSV costs ${(csv.cpuSeconds / parquet.cpuSeconds).toFixed(2)} × the CPU time of Parquet.`);
}
