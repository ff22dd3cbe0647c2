import { createHash } from "node:crypto";
import type { Kafka, Message, Producer } from "kafkajs";
import { LeewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { DeadLetterKeeper } from "../dead-letter-keeper.ts";
import type { DeadLetter } from "../partition-batch.ts";

/** Kafka's default limit of a request is 1 MiB, and a request that is larger is refused for good. */
const maxSendBytes = 700_000;
const maxValueBytes = 256 * 1024;

/** Resolves when all in-sync replicas have the letters; throws `kafka_unreachable`. */
export type DeadLetterProducer = DeadLetterKeeper & AsyncDisposable;

/** Sends what could not become a row to a topic of its own, with where it came from and why in its headers. */
export function createDeadLetterProducer(options: {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly log: Logger;
}): DeadLetterProducer {
  const { kafka, topic, log } = options;
  let producer: Promise<Producer> | null = null;

  const connected = async () => {
    // An idempotent producer keeps the order of its retries only with one request at a time.
    const fresh = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    await fresh.connect();
    return fresh;
  };

  const end = async () => {
    const ending = producer;
    producer = null;
    await (await ending?.catch(() => null))?.disconnect().catch((error: unknown) => {
      log.warn({ error: String(error) }, "the dead-letter producer did not disconnect in good order");
    });
  };

  return {
    async send(letters) {
      for (const messages of splitByBytes(letters.map(deadLetterMessage), maxSendBytes)) {
        try {
          producer ??= connected();
          await (await producer).send({ topic, acks: -1, messages });
        } catch (cause) {
          // After a failure its sequence numbers may be off; the next attempt begins with a new one.
          await end();
          const reason = cause instanceof Error ? cause.message : String(cause);
          throw new LeewayError("kafka_unreachable", `dead letters could not be sent to ${topic}: ${reason}`, {
            cause,
            retryable: true,
          });
        }
      }
    },
    [Symbol.asyncDispose]: end,
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

/** Groups messages so that no group is larger than `maxBytes`, unless one message is. Their order stays. */
export function splitByBytes(messages: readonly Message[], maxBytes: number): Message[][] {
  const groups: Message[][] = [];
  let group: Message[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = messageBytes(message);
    if (group.length > 0 && bytes + size > maxBytes) {
      groups.push(group);
      group = [];
      bytes = 0;
    }
    group.push(message);
    bytes += size;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

function messageBytes({ key, value, headers }: Message): number {
  let bytes = 64 + (key?.length ?? 0) + (value === null ? 0 : Buffer.byteLength(value));
  for (const [name, header] of Object.entries(headers ?? {})) {
    bytes += 8 + name.length + (header === undefined ? 0 : Buffer.byteLength(String(header)));
  }
  return bytes;
}
