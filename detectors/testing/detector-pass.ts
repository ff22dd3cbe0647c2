import { createManualClock } from "../../core/clock.ts";
import { silentLogger, type Logger } from "../../core/logger.ts";
import type { ModelSpec, ServiceClockKind } from "../../core/model.ts";
import type { Facts } from "../../store/facts/client.ts";
import { createDetector, type PassReport } from "../detector.ts";

/** A process that looks once at what is stored, and ends. @throws what kept a model from being decided */
export async function detectorPass(
  facts: Facts,
  options: {
    readonly model: ModelSpec;
    readonly nowMs: number;
    readonly serviceClock?: ServiceClockKind;
    readonly log?: Logger;
  },
): Promise<PassReport> {
  const { model, nowMs, serviceClock = "watermark", log = silentLogger } = options;
  await using detector = createDetector({
    facts,
    models: () => [model],
    serviceClock,
    pollIntervalMs: 1000,
    lateCheckIntervalMs: 0,
    clock: createManualClock(nowMs),
    log,
    metrics: null,
  });
  const report = await detector.pass();
  for (const one of report.models) if (one.failure !== null) throw one.failure;
  return report;
}
