import { type Clock, systemClock } from "../../core/clock.ts";
import type { ServiceClockKind } from "../../core/model.ts";
import type { Facts } from "../../store/facts/client.ts";
import { readDecidedThrough } from "../../store/facts/decided-through.ts";
import type { Log } from "../telemetry/log.ts";

export interface ServiceClock extends Clock, AsyncDisposable {}

const lookEveryMs = 1_000;

/**
 * The clock on which ages and waits are measured. `wall` is the time of day. `watermark` stands at the end of the newest
 * window that was decided, so that a replay of last year's events ages as those events did; it never runs backwards.
 */
export async function createServiceClock(options: {
  readonly kind: ServiceClockKind;
  readonly facts: Facts;
  readonly log: Log;
}): Promise<ServiceClock> {
  const { kind, facts, log } = options;
  if (kind === "wall") return { now: systemClock.now, [Symbol.asyncDispose]: async () => {} };
  let nowMs = 0;
  const look = async () => {
    nowMs = Math.max(nowMs, (await readDecidedThrough(facts)) ?? 0);
  };
  await look();
  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = look().catch((error: unknown) => log.warn({ err: error }, "the watermark clock could not be read"));
  }, lookEveryMs);
  return {
    now: () => nowMs,
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}
