import type { Kafka, Message, Producer } from "kafkajs";
import { LeewayError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";

/** Kafka's default limit of a request is 1 MiB, and a request that is larger is refused for good. */
const maxSendBytes = 700_000;

export interface KafkaProducer extends AsyncDisposable {
  /**
   * Resolves when all in-sync replicas have the messages, which arrive in their order if they have one key.
   *
   * @throws LeewayError `kafka_unreachable`, retryable: some of them may have arrived.
   */
  send(topic: string, messages: readonly Message[]): Promise<void>;
}

/** A producer that connects when there is something to send, and anew after a failure. */
export function createKafkaProducer({ kafka, log }: { readonly kafka: Kafka; readonly log: Logger }): KafkaProducer {
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
      log.warn({ error: String(error) }, "a producer did not disconnect in good order");
    });
  };

  return {
    async send(topic, messages) {
      for (const part of splitByBytes(messages, maxSendBytes)) {
        try {
          producer ??= connected();
          await (await producer).send({ topic, acks: -1, messages: part });
        } catch (cause) {
          // After a failure its sequence numbers may be off; the next attempt begins with a new one.
          await end();
          const reason = cause instanceof Error ? cause.message : String(cause);
          throw new LeewayError("kafka_unreachable", `Kafka did not take messages for ${topic}: ${reason}`, {
            cause,
            retryable: true,
          });
        }
      }
    },
    [Symbol.asyncDispose]: end,
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
