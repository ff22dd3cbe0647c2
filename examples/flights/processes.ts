import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";

/** A program that the demo started. Disposing asks it to stop, and kills it if it does not. */
export interface Program extends AsyncDisposable {
  readonly name: string;
  /** Settles when the program has ended; tells how. */
  readonly ended: Promise<ProgramEnd>;
  readonly running: () => boolean;
  /** Ends it at once, without a chance to tidy up. */
  readonly kill: () => Promise<void>;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines that it wrote to standard error. */
  readonly lastWords: string;
}

const stopTimeoutMs = 20_000;
const lastWordsChars = 2000;

/**
 * Starts a script under this same Node. What it writes goes to `logPath` (appended); each line of its standard output also
 * goes to `onLine`.
 */
export function startProgram(options: {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly logPath: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly onLine?: (line: string) => void;
  /** Each line of its standard error. */
  readonly onErrorLine?: (line: string) => void;
}): Program {
  const child: ChildProcess = spawn(process.execPath, [options.script, ...options.args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  const log = createWriteStream(options.logPath, { flags: "a" });
  let lastWords = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    lastWords = (lastWords + chunk.toString()).slice(-lastWordsChars);
    log.write(chunk);
  });
  const { onErrorLine } = options;
  if (onErrorLine !== undefined && child.stderr !== null)
    createInterface({ input: child.stderr }).on("line", onErrorLine);
  if (child.stdout !== null) {
    const { onLine } = options;
    if (onLine === undefined) child.stdout.on("data", (chunk: Buffer) => log.write(chunk));
    else {
      createInterface({ input: child.stdout }).on("line", (line) => {
        log.write(`${line}\n`);
        onLine(line);
      });
    }
  }
  const ended = once(child, "close").then(([code, signal]): ProgramEnd => {
    log.end();
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, lastWords: lastWords.trim() };
  });
  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    name: options.name,
    ended,
    running,
    async kill() {
      if (running()) child.kill("SIGKILL");
      await ended;
    },
    async [Symbol.asyncDispose]() {
      if (running()) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
