import { connect } from "node:net";

/**
 * Asks whoever listens on a loopback port for Kafka's Metadata (version 5) and returns the cluster id of the answer, or
 * null if there is none in time. A port that merely answers may be another program's broker.
 */
export function clusterIdAt(port: number, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const chunks: Buffer[] = [];
    const finish = (clusterId: string | null) => {
      socket.destroy();
      resolve(clusterId);
    };
    socket.setTimeout(timeoutMs, () => finish(null));
    socket.on("error", () => finish(null));
    socket.on("close", () => finish(null));
    socket.on("connect", () => socket.write(metadataRequest()));
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      const answer = Buffer.concat(chunks);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      try {
        finish(clusterIdOf(answer));
      } catch {
        // Some other protocol.
        finish(null);
      }
    });
  });
}

function metadataRequest(): Buffer {
  const client = Buffer.from("leeway-broker");
  const body = Buffer.alloc(8 + 2 + client.length + 4 + 1);
  body.writeInt16BE(3, 0);
  body.writeInt16BE(5, 2);
  body.writeInt32BE(1, 4);
  body.writeInt16BE(client.length, 8);
  client.copy(body, 10);
  // No topics, and none to be created: the two last fields stay 0.
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

function clusterIdOf(answer: Buffer): string | null {
  let at = 4 + 4 + 4;
  const text = () => {
    const length = answer.readInt16BE(at);
    at += 2;
    if (length < 0) return null;
    at += length;
    return answer.toString("utf8", at - length, at);
  };
  const brokers = answer.readInt32BE(at);
  at += 4;
  for (let broker = 0; broker < brokers; broker++) {
    at += 4;
    text();
    at += 4;
    text();
  }
  return text();
}
