import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** The parts of Leeway's webhook body (version 1) that the demo reads. */
export interface Notification {
  readonly version: 1;
  readonly idempotency_key: string;
  readonly reason: "opened" | "grew" | "worsened" | "ended" | "withdrawn";
  readonly incident: { readonly id: string; readonly severity: "page" | "ticket" | "none" };
  readonly title: string;
  /** RFC 3339; end of the latest window that was looked at. */
  readonly since: { readonly window_end: string };
  readonly predictions: { readonly verdict: "moved" | "did not move" | "not known" };
  readonly findings: readonly {
    readonly id: string;
    readonly role: "new" | "worsened" | "withdrawn" | "present";
  }[];
}

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  /** In order of arrival; a repeated delivery counts once. */
  readonly notifications: readonly Notification[];
}

/** The other end of Leeway's webhook: a person's inbox. Each new notification is handed on before it is confirmed. */
export async function startReceiver(onNotification: (notification: Notification) => Promise<void>): Promise<Receiver> {
  const notifications = new Map<string, Notification>();
  const server = createServer((request, response) => {
    const receive = async () => {
      const notification = JSON.parse(await text(request)) as Notification;
      if (notification.version !== 1) throw new Error("this receiver understands version 1");
      if (notifications.has(notification.idempotency_key)) return;
      notifications.set(notification.idempotency_key, notification);
      await onNotification(notification);
    };
    receive().then(
      () => response.writeHead(204).end(),
      (error: unknown) => response.writeHead(400).end(error instanceof Error ? error.message : "unreadable"),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    get notifications() {
      return [...notifications.values()];
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
