import type { MisfitCounts } from "./event-rows.ts";
import type { BatchMakerOptions, MessageKind, RawMessage, Verdict } from "./partition-batch.ts";
import { createBatchMaker } from "./partition-batch.ts";
import { formats } from "./formats/registry.ts";
import type { WireObject } from "./validation/fault.ts";

/** What the collector would make of a message, with what can be read of it. */
export interface JudgedMessage {
  readonly message: RawMessage;
  readonly kind: MessageKind;
  readonly verdict: Verdict;
  /** The message in the words of the contract; null if its bytes are no object. */
  readonly object: WireObject | null;
  /** Features kept in `extra` because their model's schema has no place for them, or for their type. */
  readonly misfits: MisfitCounts;
}

/**
 * Judges messages with the collector's own decoder, and stores nothing. A model or feature that is new to the store is
 * taken for known from its first message on, as by a collector.
 */
export function createMessageJudge(
  options: BatchMakerOptions,
): (kind: MessageKind, messages: readonly RawMessage[]) => readonly JudgedMessage[] {
  const maker = createBatchMaker(options);
  const format = formats[options.format ?? "leeway-json"];
  return (kind, messages) => {
    const batch = maker.createBatch(kind);
    const judged = messages.map((message): JudgedMessage => {
      const before = { ...maker.misfits };
      const verdict = batch.add(message);
      const misfits = {
        unlisted: maker.misfits.unlisted - before.unlisted,
        wrongType: maker.misfits.wrongType - before.wrongType,
      };
      const object = message.value === null ? null : format.parse(message.value, () => null);
      return { message, kind, verdict, object, misfits };
    });
    const { newSchemas: schemas, newModels: models } = batch.decoding();
    maker.markStored({ schemas, models });
    batch.release();
    return judged;
  };
}
