/**
 * The clock is a port: everything that ages, waits or expires asks it, so that tests and replays can move time by hand.
 * Times are milliseconds since 1970-01-01T00:00:00Z.
 */
export interface Clock {
  readonly now: () => number;
}

export const systemClock: Clock = { now: () => Date.now() };

export interface ManualClock extends Clock {
  /** Moves the clock; it never runs backwards. */
  readonly set: (nowMs: number) => void;
}

export function createManualClock(startMs: number): ManualClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    set: (next) => {
      nowMs = Math.max(nowMs, next);
    },
  };
}
