import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parse } from "node:querystring";

/** `lost_answer`: Slack did it, and the connection broke before the answer. */
export type SlackBehaviour =
  | "ok"
  | "lost_answer"
  | "hang"
  | { readonly error: string }
  | { readonly status: number; readonly headers?: Record<string, string>; readonly text?: string };

interface SlackRequest {
  readonly method: string;
  readonly token: string;
  readonly values: Readonly<Record<string, unknown>>;
}

interface SlackMessage {
  readonly channel: string;
  readonly ts: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly thread: string | null;
  readonly edits: number;
}

export interface SlackReceiver extends AsyncDisposable {
  /** Address of the Web API. */
  readonly apiUrl: string;
  readonly webhookUrl: string;
  readonly requests: readonly SlackRequest[];
  /** As people see the channel now. */
  readonly messages: () => readonly SlackMessage[];
}

/**
 * A server that answers as https://docs.slack.dev/reference/methods says of chat.postMessage, chat.update,
 * conversations.history and conversations.replies, and as incoming webhooks do; it keeps a channel, and holds blocks to
 * Block Kit's limits.
 */
export async function startSlackReceiver(
  behave: (index: number, method: string) => SlackBehaviour = () => "ok",
): Promise<SlackReceiver> {
  const requests: SlackRequest[] = [];
  const messages: SlackMessage[] = [];

  const answer = (method: string, values: Readonly<Record<string, unknown>>): Record<string, unknown> => {
    const { channel, ts, thread_ts: thread } = values;
    switch (method) {
      case "chat.postMessage": {
        const fault = blockFault(values["blocks"]);
        if (fault !== null) return { ok: false, error: fault };
        const message = {
          channel: String(channel),
          ts: `1700000000.${String(messages.length + 1).padStart(6, "0")}`,
          values,
          thread: typeof thread === "string" ? thread : null,
          edits: 0,
        };
        messages.push(message);
        return { ok: true, channel: message.channel, ts: message.ts };
      }
      case "chat.update": {
        const index = messages.findIndex((each) => each.ts === ts && each.channel === channel);
        const old = messages[index];
        if (old === undefined) return { ok: false, error: "message_not_found" };
        const fault = blockFault(values["blocks"]);
        if (fault !== null) return { ok: false, error: fault };
        messages[index] = { ...old, values, edits: old.edits + 1 };
        return { ok: true, channel, ts };
      }
      case "conversations.history":
      case "conversations.replies": {
        const found = messages.filter((each) =>
          method.endsWith("replies") ? each.thread === ts || each.ts === ts : each.thread === null,
        );
        return { ok: true, messages: found.map((each) => ({ ts: each.ts, metadata: each.values["metadata"] })) };
      }
      case "webhook":
        return blockFault(values["blocks"]) === null ? { ok: true } : { ok: false, error: "invalid_blocks" };
      default:
        return { ok: false, error: "unknown_method" };
    }
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {});
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      const isWebhook = (request.url ?? "").startsWith("/services/");
      const method = isWebhook ? "webhook" : (request.url ?? "").replace("/api/", "");
      const values = isWebhook ? (JSON.parse(body) as Record<string, unknown>) : formValues(body);
      const behaviour = behave(requests.length, method);
      requests.push({ method, token: String(request.headers.authorization ?? ""), values });
      if (behaviour === "hang") return;
      if (behaviour === "lost_answer") {
        answer(method, values);
        request.socket.resetAndDestroy();
      } else if (behaviour === "ok") {
        const result = answer(method, values);
        if (isWebhook)
          response.writeHead(result["ok"] === true ? 200 : 400).end(result["ok"] === true ? "ok" : "invalid_blocks");
        else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
      } else if ("error" in behaviour) {
        const result = { ok: false, error: behaviour.error };
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
      } else response.writeHead(behaviour.status, behaviour.headers).end(behaviour.text ?? "");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    apiUrl: `http://127.0.0.1:${port}/api/`,
    webhookUrl: `http://127.0.0.1:${port}/services/T000/B000/secret`,
    requests,
    messages: () => messages,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** The client sends what is no text as JSON. */
function formValues(body: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(parse(body)).map(([name, value]) => {
      const text = String(value);
      return [name, /^[[{]/.test(text) && name !== "text" ? (JSON.parse(text) as unknown) : text];
    }),
  );
}

interface Block {
  readonly type: string;
  readonly text?: { readonly type: string; readonly text: string };
  readonly fields?: readonly { readonly text: string }[];
  readonly elements?: readonly { readonly text?: string }[];
}

/** Slack's word for what is wrong with blocks; null if nothing is. The total is what users of the API measured. */
export function blockFault(blocks: unknown): string | null {
  if (!Array.isArray(blocks) || blocks.length === 0) return "no_text";
  if (blocks.length > 50) return "invalid_blocks";
  for (const block of blocks as readonly Block[]) {
    const length = block.text?.text.length ?? 1;
    if (length === 0) return "invalid_blocks";
    if (block.type === "header" && (length > 150 || block.text?.type !== "plain_text")) return "invalid_blocks";
    if (block.type === "section" && length > 3000) return "invalid_blocks";
    if (block.type === "context" && (block.elements?.length ?? 0) > 10) return "invalid_blocks";
    if ((block.fields ?? []).length > 10 || (block.fields ?? []).some(({ text }) => text.length > 2000)) {
      return "invalid_blocks";
    }
  }
  return JSON.stringify(blocks).length > 13_000 ? "msg_blocks_too_long" : null;
}
