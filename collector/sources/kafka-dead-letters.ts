import { createHash } from "node:crypto";
import type { Kafka, Message } from "kafkajs";
import type { Logger } from "../../core/logger.ts";
import type { DeadLetterKeeper } from "../dead-letter-keeper.ts";
import type { DeadLetter } from "../partition-batch.ts";
import { createKafkaProducer } from "./kafka-producer.ts";

const maxValueBytes = 256 * 1024;

/** Resolves when all in-sync replicas have the letters; throws `kafka_unreachable`. */
export type DeadLetterProducer = DeadLetterKeeper & AsyncDisposable;

/** Sends what could not become a row to a topic of its own, with where it came from and why in its headers. */
export function createDeadLetterProducer(options: {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly log: Logger;
}): DeadLetterProducer {
  const producer = createKafkaProducer(options);
  return {
    send: (letters) => producer.send(options.topic, letters.map(deadLetterMessage)),
    [Symbol.asyncDispose]: () => producer[Symbol.asyncDispose](),
  };
}

/** The message a dead letter travels as. Its key says which message it is, so that repeats fall together. */
export function deadLetterMessage(letter: DeadLetter): Message {
  const { value, sha256 } =
    letter.value.length <= maxValueBytes
      ? letter
      : {
          value: letter.value.subarray(0, maxValueBytes),
          sha256: letter.sha256 || createHash("sha256").update(letter.value).digest("hex"),
        };
  return {
    key: `${letter.topic}/${letter.partition}/${letter.offset}`,
    value,
    headers: {
      "leeway.reason": letter.reason,
      "leeway.error": letter.detail,
      "leeway.topic": letter.topic,
      "leeway.partition": String(letter.partition),
      "leeway.offset": String(letter.offset),
      "leeway.time": new Date(letter.timestampMs).toISOString(),
      "leeway.sha256": sha256,
    },
  };
}
