import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** `lost_answer`: it took the message and the connection broke before the answer. */
export type Behaviour =
  | "ok"
  | "hang"
  | "reset"
  | "lost_answer"
  | { readonly status: number; readonly headers?: Record<string, string> };

export interface ReceivedRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  readonly key: string;
  readonly behaviour: Behaviour;
}

export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** Those that it took: answered with ok, or lost the answer. */
  readonly taken: () => readonly ReceivedRequest[];
  /** Resolves once so many requests have come in. */
  readonly count: (requests: number) => Promise<void>;
}

/** A real HTTP receiver on loopback that behaves as told, request by request. */
export async function startWebhookReceiver(
  behave: (index: number, path: string) => Behaviour = () => "ok",
): Promise<WebhookReceiver> {
  const requests: ReceivedRequest[] = [];
  const waiting: { readonly requests: number; readonly resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {});
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      const behaviour = behave(requests.length, path);
      const text = Buffer.concat(chunks).toString();
      requests.push({
        path,
        headers: request.headers,
        body: request.headers["content-type"] === "application/json" ? JSON.parse(text) : text,
        key: String(request.headers["idempotency-key"]),
        behaviour,
      });
      if (behaviour === "ok") response.writeHead(204).end();
      else if (behaviour === "reset" || behaviour === "lost_answer") request.socket.resetAndDestroy();
      else if (behaviour !== "hang")
        response.writeHead(behaviour.status, behaviour.headers).end("secret-in-the-answer");
      for (const each of waiting) if (requests.length >= each.requests) each.resolve();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    taken: () => requests.filter(({ behaviour }) => behaviour === "ok" || behaviour === "lost_answer"),
    count: async (wanted) => {
      if (requests.length >= wanted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ requests: wanted, resolve });
      await promise;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
