import { endWithLauncher } from "../lifecycle/launcher.ts";
import { runCommandLine } from "./command-line.ts";
import type { OutputStream } from "./command.ts";

function writeOut(bytes: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  // Node types both as terminals; on a pipe or a file they are undefined.
  const { isTTY, columns } = stream as { readonly isTTY?: boolean; readonly columns?: number };
  return { isTerminal: isTTY === true, columns: columns ?? null };
}

// `leeway sql … | head` closes the pipe early: nobody reads on, so there is nothing left to do.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
// Exit code 1 would say that the thing asked about is not as it should be.
process.on("uncaughtException", (error) => {
  process.stderr.write(`leeway: a fault in Leeway itself; please report it: ${error.stack ?? error.message}\n`);
  process.exit(3);
});
endWithLauncher(process.env);
const exitCode = await runCommandLine(process.argv.slice(2), {
  environment: process.env,
  cwd: process.cwd(),
  write: (text) => void writeOut(text),
  writeBytes: writeOut,
  complain: (line) => void process.stderr.write(`${line}\n`),
  output: outputStream(process.stdout),
  errors: { ...outputStream(process.stderr), write: (text) => void process.stderr.write(text) },
});
// A pipe takes what is written in its own time; then nothing that was left open keeps the process.
await writeOut("");
process.exit(exitCode);
