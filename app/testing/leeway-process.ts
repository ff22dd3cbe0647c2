import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** `bin/leeway.js` as people start it, in a folder of its own. */
export interface LeewayProcess extends AsyncDisposable {
  readonly pid: number;
  /** The address that `serve` announces. @throws if it ends before. */
  readonly url: Promise<string>;
  readonly ended: Promise<LeewayEnd>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly stdoutSoFar: () => string;
  readonly stderrSoFar: () => string;
}

export interface LeewayEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface LeewayFolder extends Disposable {
  readonly path: string;
  /** Starts a command here. */
  readonly start: (args: readonly string[], environment?: Readonly<Record<string, string>>) => LeewayProcess;
  /** Runs a command here to its end. */
  readonly run: (args: readonly string[], environment?: Readonly<Record<string, string>>) => Promise<LeewayEnd>;
}

const launcher = join(import.meta.dirname, "..", "..", "bin", "leeway.js");

/**
 * A temporary folder with these files.
 * @param node The Node that runs the launcher; this one unless told otherwise.
 */
export function createLeewayFolder(
  files: Readonly<Record<string, string>>,
  node: string = process.execPath,
): LeewayFolder {
  const path = mkdtempSync(join(tmpdir(), "leeway-app-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  const start: LeewayFolder["start"] = (args, environment = {}) => {
    const child = spawn(node, [launcher, ...args], {
      cwd: path,
      // Nothing of the one who runs the tests: neither a server nor a configuration of theirs.
      env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    const { promise: url, resolve, reject } = Promise.withResolvers<string>();
    url.catch(() => {});
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      const announced = /serving (\S+) as/.exec(stdout)?.[1];
      if (announced !== undefined) resolve(announced);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const ended = once(child, "close").then(([code, signal]): LeewayEnd => {
      const end = { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout, stderr };
      reject(new Error(`leeway ${args.join(" ")} ended with ${code ?? signal}: ${stderr}`));
      return end;
    });
    return {
      pid: child.pid ?? 0,
      url,
      ended,
      kill: (signal) => void child.kill(signal),
      stdoutSoFar: () => stdout,
      stderrSoFar: () => stderr,
      [Symbol.asyncDispose]: async () => {
        if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
        await ended;
      },
    };
  };
  return {
    path,
    start,
    run: async (args, environment) => start(args, environment).ended,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** The lines that are for people: `leeway: …`. The others are the log. */
export function complaints(end: LeewayEnd): readonly string[] {
  return end.stderr.split("\n").filter((line) => line.startsWith("leeway: "));
}

/** Asks until an answer is as wanted. The test's own time limit ends it. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  wanted: (answer: Answer) => boolean,
): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
