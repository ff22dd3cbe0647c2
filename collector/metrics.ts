import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { DeadLetterReason, DropReason } from "../core/inference-event.ts";

/**
 * What a collector counts. A message is counted when its range is committed, once, by the collector that committed it:
 * received = stored + dropped + dead-lettered, and a message that is read again after a crash is not counted again.
 */
export interface CollectorMetrics {
  received(topic: string, messages: number): void;
  stored(topic: string, messages: number): void;
  dropped(topic: string, reason: DropReason, messages: number): void;
  deadLettered(topic: string, reason: DeadLetterReason, messages: number): void;
  /** Offsets that Kafka deleted before they were read. */
  expired(topic: string, offsets: number): void;
  flushed(seconds: number, rows: number): void;
  backedOff(by: "store" | "kafka"): void;
  rebalanced(): void;
  buffered(bytes: number, messages: number): void;
  /** Memory of requests that are not answered yet. */
  requestsHeld(bytes: number): void;
  paused(partitions: number): void;
  lag(topic: string, partition: number, events: number, seconds: number): void;
  /** Partitions that went to another collector are no longer reported here. */
  forgetLag(): void;
}

export function createCollectorMetrics(registry: Registry): CollectorMetrics {
  const registers = [registry];
  const received = new Counter({
    name: "leeway_messages_received_total",
    help: "Messages read from Kafka or taken over HTTP, and settled: stored, dropped or dead-lettered.",
    labelNames: ["topic"],
    registers,
  });
  const stored = new Counter({
    name: "leeway_messages_stored_total",
    help: "Messages stored as a row.",
    labelNames: ["topic"],
    registers,
  });
  const dropped = new Counter({
    name: "leeway_messages_dropped_total",
    help: "Messages set aside on purpose, by reason.",
    labelNames: ["topic", "reason"],
    registers,
  });
  const deadLettered = new Counter({
    name: "leeway_messages_dead_lettered_total",
    help: "Messages that could not become a row, by reason.",
    labelNames: ["topic", "reason"],
    registers,
  });
  const expired = new Counter({
    name: "leeway_messages_expired_total",
    help: "Offsets that Kafka deleted before a collector read them.",
    labelNames: ["topic"],
    registers,
  });
  const flushSeconds = new Histogram({
    name: "leeway_flush_duration_seconds",
    help: "Time from the intent to the commit of one flush, over all of its partitions.",
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  });
  const flushRows = new Counter({ name: "leeway_flush_rows_total", help: "Rows written by flushes.", registers });
  const backedOff = new Counter({
    name: "leeway_collector_retries_total",
    help: "Writes that were tried again because the store or Kafka pushed back or was away.",
    labelNames: ["by"],
    registers,
  });
  const rebalances = new Counter({
    name: "leeway_consumer_rebalances_total",
    help: "Times that this collector (re)joined its consumer group.",
    registers,
  });
  const bufferedBytes = new Gauge({
    name: "leeway_collector_buffered_bytes",
    help: "Memory held by messages that are not stored yet.",
    registers,
  });
  const bufferedMessages = new Gauge({
    name: "leeway_collector_buffered_messages",
    help: "Messages that are read and wait for a write.",
    registers,
  });
  const heldBytes = new Gauge({
    name: "leeway_ingest_held_bytes",
    help: "Memory held by HTTP requests that are not answered yet.",
    registers,
  });
  const paused = new Gauge({
    name: "leeway_consumer_paused_partitions",
    help: "Partitions that are not fetched for now, because the store does not keep up.",
    registers,
  });
  const lagEvents = new Gauge({
    name: "leeway_consumer_lag_events",
    help: "Offsets between what is stored and a partition's end.",
    labelNames: ["topic", "partition"],
    registers,
  });
  const lagSeconds = new Gauge({
    name: "leeway_consumer_lag_seconds",
    help: "Age of a partition's oldest message that is known and not stored; 0 if everything is.",
    labelNames: ["topic", "partition"],
    registers,
  });
  return {
    received: (topic, messages) => received.inc({ topic }, messages),
    stored: (topic, messages) => stored.inc({ topic }, messages),
    dropped: (topic, reason, messages) => dropped.inc({ topic, reason }, messages),
    deadLettered: (topic, reason, messages) => deadLettered.inc({ topic, reason }, messages),
    expired: (topic, offsets) => expired.inc({ topic }, offsets),
    flushed(seconds, rows) {
      flushSeconds.observe(seconds);
      flushRows.inc(rows);
    },
    backedOff: (by) => backedOff.inc({ by }),
    rebalanced: () => rebalances.inc(),
    buffered(bytes, messages) {
      bufferedBytes.set(bytes);
      bufferedMessages.set(messages);
    },
    requestsHeld: (bytes) => heldBytes.set(bytes),
    paused: (partitions) => paused.set(partitions),
    lag(topic, partition, events, seconds) {
      lagEvents.set({ topic, partition: String(partition) }, events);
      lagSeconds.set({ topic, partition: String(partition) }, seconds);
    },
    forgetLag() {
      lagEvents.reset();
      lagSeconds.reset();
    },
  };
}
