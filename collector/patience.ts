import { setTimeout as delay } from "node:timers/promises";
import { LeewayError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";

const longestWaitMs = 5_000;

/** Waits out pushback and outages: a message is never given up because a part is busy or away. */
export interface Patience {
  /**
   * Tries until it works. The attempts are counted from 0; between them it waits, longer each time and with jitter, so
   * that collectors do not come back all at once.
   *
   * @returns False if the signal came first.
   * @throws What `act` throws, if it is not a retryable LeewayError.
   */
  wait(on: "store" | "kafka", signal: AbortSignal, act: (attempt: number) => Promise<void>): Promise<boolean>;
}

export function createPatience(options: {
  readonly log: Logger;
  readonly backingOff: (by: "store" | "kafka") => void;
}): Patience {
  const { log, backingOff } = options;
  return {
    async wait(on, signal, act) {
      for (let attempt = 0; ; attempt++) {
        if (signal.aborted) return false;
        try {
          await act(attempt);
          return true;
        } catch (error) {
          if (!(error instanceof LeewayError) || !error.retryable) throw error;
          backingOff(on);
          const waitMs = Math.min(longestWaitMs, 100 * 2 ** attempt) * (0.5 + Math.random() / 2);
          log.warn({ code: error.code, attempt, waitMs: Math.round(waitMs) }, error.message);
          await delay(waitMs, undefined, { signal }).catch(() => {});
        }
      }
    },
  };
}
