import { clearEventBlock, createEventBlock, eventBlockCapacity, type EventBlock } from "../store/facts/event-block.ts";
import { clearLabelBlock, createLabelBlock, labelBlockCapacity, type LabelBlock } from "../store/facts/label-block.ts";
import { createNativeSink, type NativeSink } from "../store/facts/native/sink.ts";

/**
 * Buffers of batches that are done with, for the next ones. V8 counts memory outside its heap and collects garbage for
 * every 64 MB of it: growing new buffers for every batch cost a fifth of the collector's time.
 */
export interface BlockPool {
  readonly takeEvents: () => EventBlock;
  readonly takeLabels: () => LabelBlock;
  readonly takeSink: () => NativeSink;
  readonly giveEvents: (block: EventBlock) => void;
  readonly giveLabels: (block: LabelBlock) => void;
  readonly giveSink: (sink: NativeSink) => void;
}

/** @param maxBytes What the pool keeps at most; what is given beyond it is left to the garbage collector. */
export function createBlockPool(maxBytes: number): BlockPool {
  let kept = 0;
  function shelf<T>(create: () => T, capacityOf: (item: T) => number, clear: (item: T) => void) {
    const items: { readonly item: T; readonly bytes: number }[] = [];
    return {
      take: (): T => {
        const found = items.pop();
        if (found === undefined) return create();
        kept -= found.bytes;
        return found.item;
      },
      give: (item: T): void => {
        const bytes = capacityOf(item);
        if (kept + bytes > maxBytes) return;
        clear(item);
        kept += bytes;
        items.push({ item, bytes });
      },
    };
  }
  const events = shelf(createEventBlock, eventBlockCapacity, clearEventBlock);
  const labels = shelf(createLabelBlock, labelBlockCapacity, clearLabelBlock);
  const sinks = shelf(
    () => createNativeSink(),
    (sink) => sink.bytes.length,
    (sink) => {
      sink.length = 0;
    },
  );
  return {
    takeEvents: events.take,
    takeLabels: labels.take,
    takeSink: sinks.take,
    giveEvents: events.give,
    giveLabels: labels.give,
    giveSink: sinks.give,
  };
}
