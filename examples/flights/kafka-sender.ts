import { Kafka, logLevel } from "kafkajs";
import type { Message, Producer } from "kafkajs";
import type { Sender } from "./sender.ts";

/** A send holds at most this many bytes of values: even if all of them go to one partition it stays below the broker's 1 MB. */
const maxSendBytes = 400_000;
const partitionsFallback = 4;

const airportKeys = new Map<string, Buffer>();

function airportKey(airport: string): Buffer {
  let key = airportKeys.get(airport);
  if (key === undefined) airportKeys.set(airport, (key = Buffer.from(airport)));
  return key;
}

/** Collects messages and sends them by bytes, one send after another, so that their order in each partition stays. */
function createSender(producer: Producer, topic: string): Sender {
  let messages: Message[] = [];
  let bytes = 0;
  let inFlight: Promise<unknown> = Promise.resolve();
  const flush = async () => {
    const batch = messages;
    messages = [];
    bytes = 0;
    // The next batch is made while this one travels, but it is not sent before this one has arrived.
    await inFlight;
    inFlight = batch.length === 0 ? Promise.resolve() : producer.send({ topic, messages: batch, acks: -1 });
    // Awaited by the next flush; until then its failure must not count as unhandled.
    inFlight.catch(() => undefined);
  };
  return {
    add(airport, value) {
      const valueBytes = Buffer.from(value);
      messages.push({ key: airportKey(airport), value: valueBytes });
      bytes += valueBytes.length + 64;
      return bytes >= maxSendBytes ? flush() : null;
    },
    async flush() {
      await flush();
      await inFlight;
    },
  };
}

/**
 * Same key, same partition: the airports are spread by their position in the order of first appearance. Keys are told apart
 * by their buffer, of which the sender makes one an airport: hashing each message's key costs more than making its value.
 */
function createAirportPartitioner() {
  const partitionOf = new Map<Message["key"], number>();
  return ({ message, partitionMetadata }: { message: Message; partitionMetadata: readonly unknown[] }): number => {
    const key = message.key;
    let partition = partitionOf.get(key);
    if (partition === undefined) {
      partition = partitionOf.size % (partitionMetadata.length || partitionsFallback);
      partitionOf.set(key, partition);
    }
    return partition;
  };
}

export async function connectKafka(brokers: string): Promise<{
  readonly createSender: (topic: string) => Sender;
  readonly end: () => Promise<void>;
}> {
  const kafka = new Kafka({ clientId: "flights", brokers: brokers.split(","), logLevel: logLevel.ERROR });
  // Idempotent: a send that is retried after a lost answer must not count twice.
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    createPartitioner: createAirportPartitioner,
  });
  await producer.connect();
  return { createSender: (topic) => createSender(producer, topic), end: () => producer.disconnect() };
}
