import type { ServiceClockKind } from "../../core/model.ts";
import { watermark } from "../../core/window.ts";
import type { PartitionProgress } from "../../core/window.ts";
import type { EventProgress } from "../../store/facts/event-progress.ts";
import type { StoredProgress } from "../../store/facts/partition-progress.ts";

/** A report older than this says nothing about now: the collector may be dead. */
const reportStaleMs = 30_000;

/**
 * A model's watermark, from what is stored of it and what collectors report of their partitions.
 *
 * Lag is unknown once a report is older than 30 s, or half of `idleAfterMs` if that is less: a collector that died right
 * after it reported a lag of 0 must not let its partition pass for idle. Idleness is measured on the wall clock from when
 * the model's last row was stored to when the partition was last reported. A partition that many models share is hardly
 * ever read to its end; there, later events of other models (by more than `idleAfterMs` of event time) show that the model
 * itself went quiet. A partition that nobody ever reported is not known to
 * be read to its end; a source that is no topic (HTTP, files) has nothing left to read.
 *
 * On the wall clock, time alone carries an idle model forward, so that silence is seen. On the watermark clock nothing lies
 * behind the newest event: an idle model ends with the window that holds it.
 *
 * @returns ms since the epoch; null if the model has no rows.
 */
export function modelWatermark(
  events: readonly EventProgress[],
  options: {
    readonly reports: readonly StoredProgress[];
    /** Largest event time of any model in a partition; null if it was not asked for. */
    readonly partitionEventTimeMs: (topic: string, partition: number) => number | null;
    readonly serviceClock: ServiceClockKind;
    readonly wallMs: number;
    readonly allowedLatenessMs: number;
    readonly idleAfterMs: number;
    /** End of the window that holds an event time. */
    readonly windowEndMs: (eventTimeMs: number) => number;
  },
): number | null {
  const { wallMs, idleAfterMs, serviceClock, allowedLatenessMs } = options;
  const newestMs = Math.max(...events.map((event) => event.maxEventTimeMs));
  const nowMs = serviceClock === "wall" ? wallMs : newestMs;
  const staleMs = Math.min(reportStaleMs, Math.max(2_000, idleAfterMs / 2));
  const partitions = events.map((event): PartitionProgress => {
    const report = latestReport(options.reports, event.topic, event.partition);
    const others = options.partitionEventTimeMs(event.topic, event.partition);
    const quiet = others !== null && others - event.maxEventTimeMs >= idleAfterMs;
    const seenMs = report === null ? wallMs : report.reportedAtMs;
    return {
      maxEventTimeMs: event.maxEventTimeMs,
      lag:
        report === null
          ? event.topic === ""
            ? 0
            : null
          : wallMs - report.reportedAtMs > staleMs
            ? null
            : quiet
              ? 0
              : report.lag,
      // `watermark` measures idleness against its own now, which here may be an event time.
      idleSinceMs: nowMs - Math.max(0, seenMs - event.lastIngestMs),
    };
  });
  return watermark(partitions, {
    nowMs,
    allowedLatenessMs,
    idleAfterMs,
    idleHorizonMs: serviceClock === "wall" ? wallMs - allowedLatenessMs : options.windowEndMs(newestMs),
  });
}

function latestReport(reports: readonly StoredProgress[], topic: string, partition: number): StoredProgress | null {
  let latest: StoredProgress | null = null;
  for (const report of reports) {
    if (report.topic !== topic || report.partition !== partition) continue;
    if (latest === null || report.reportedAtMs > latest.reportedAtMs) latest = report;
  }
  return latest;
}
