/** A half-open interval of event time, ms since the epoch: start ≤ t < end. */
export interface Window {
  readonly startMs: number;
  readonly endMs: number;
}

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
export const weekMs = 7 * dayMs;

/** What is known of one Kafka partition (or HTTP source) that carries a model's events. */
export interface PartitionProgress {
  /** The largest *stored* event time of this model in this partition. */
  readonly maxEventTimeMs: number;
  /** Messages not yet stored; null if no collector has reported lately. */
  readonly lag: number | null;
  /** Service-clock time since which nothing new arrived. */
  readonly idleSinceMs: number;
}

/**
 * How far event time is known to be complete: the minimum over the model's partitions of min(largest stored event time,
 * now) − allowed lateness. A partition is left out only when its lag is 0 and it has been idle for `idleAfterMs`, so a
 * half-full window is never decided because one partition or one dead consumer is behind. If every partition is idle,
 * time alone moves the watermark, up to `idleHorizonMs`.
 *
 * @returns ms since the epoch, or null if the model has no partition yet.
 */
export function watermark(
  partitions: readonly PartitionProgress[],
  options: {
    readonly nowMs: number;
    readonly allowedLatenessMs: number;
    readonly idleAfterMs: number;
    /** Where the watermark may go when everything is idle: now on a wall clock, the end of the last started window on a watermark clock. */
    readonly idleHorizonMs: number;
  },
): number | null {
  if (partitions.length === 0) return null;
  const active = partitions.filter(
    (partition) => partition.lag !== 0 || options.nowMs - partition.idleSinceMs < options.idleAfterMs,
  );
  if (active.length === 0) return options.idleHorizonMs;
  const behind = Math.min(...active.map((partition) => partition.maxEventTimeMs));
  return Math.min(behind, options.nowMs) - options.allowedLatenessMs;
}
