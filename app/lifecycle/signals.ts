import { constants } from "node:os";

export type EndSignal = "SIGINT" | "SIGTERM";

/** What a shell would report: 130 or 143. */
export function signalExitCode(signal: EndSignal): 130 | 143 {
  return (128 + constants.signals[signal]) as 130 | 143;
}

/** Ctrl-C reaches every process of a terminal, and launchers pass it on too: two within this time are one. */
const sameSignalMs = 300;

export interface EndSignals extends Disposable {
  /** Aborted at the first signal. */
  readonly abort: AbortSignal;
  /** Resolves at the first signal. */
  readonly first: Promise<EndSignal>;
}

/** The first SIGINT or SIGTERM asks for a graceful end, the second ends the process at once. */
export function listenForEnd(onFirst: (signal: EndSignal) => void): EndSignals {
  const controller = new AbortController();
  const { promise: first, resolve } = Promise.withResolvers<EndSignal>();
  let firstAt: number | null = null;
  const listener = (signal: EndSignal) => {
    const now = performance.now();
    if (firstAt === null) {
      firstAt = now;
      controller.abort();
      onFirst(signal);
      resolve(signal);
    } else if (now - firstAt > sameSignalMs) process.exit(signalExitCode(signal));
  };
  process.on("SIGINT", listener).on("SIGTERM", listener);
  return {
    abort: controller.signal,
    first,
    [Symbol.dispose]: () => void process.off("SIGINT", listener).off("SIGTERM", listener),
  };
}
