import { Socket } from "node:net";

/**
 * Ends this process when the launcher that started it is gone, even by SIGKILL: then the stream that they share closes.
 * At once, as if the signal had come here: whoever kills by force may start anew the next moment, on the same port and
 * data, and nothing stored depends on a farewell.
 */
export function endWithLauncher(environment: NodeJS.ProcessEnv): void {
  const descriptor = environment["LEEWAY_LAUNCHER_FD"];
  if (descriptor === undefined) return;
  // Not for children of this process: the stream is not theirs.
  delete environment["LEEWAY_LAUNCHER_FD"];
  const stream = new Socket({ fd: Number(descriptor), readable: true, writable: false });
  const end = () => process.kill(process.pid, "SIGKILL");
  stream.on("end", end).on("error", end);
  stream.resume();
  // Waiting for the launcher's end is no reason to stay.
  stream.unref();
}
