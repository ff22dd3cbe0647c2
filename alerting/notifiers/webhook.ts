import * as z from "zod";
import { postJson } from "./http-post.ts";
import { defineNotifier } from "./notifier.ts";
import { readSecret } from "./secret-option.ts";
import { timeoutOption } from "./timeout-option.ts";
import { webhookBody } from "./webhook-body.ts";

const options = z
  .strictObject({
    url: z.string().optional().describe("http(s) address; user and password in it become basic authentication"),
    url_file: z.string().optional().describe("file that holds the address; read anew for each delivery"),
    headers: z.record(z.string(), z.string()).optional(),
    timeout: timeoutOption.default("10s"),
  })
  .refine(({ url, url_file }) => (url === undefined) !== (url_file === undefined), "give either url or url_file");

/**
 * Posts the message as JSON, with the idempotency key in `Idempotency-Key` and, where the service traces, the attempt's span
 * in `traceparent`; what is tried again: see `postJson`.
 */
export const webhookNotifier = defineNotifier({
  name: "webhook",
  summary: "posts JSON to an address",
  options,
  createNotifier: ({ url, url_file: urlFile, headers = {}, timeout }) => ({
    deliver: async (message, { idempotencyKey, signal, traceparent = null }) => {
      const address = await readSecret("url", url, urlFile);
      if (address.kind !== "secret") return address;
      return postJson({
        address: address.text,
        headers: { ...(traceparent !== null && { traceparent }), ...headers, "idempotency-key": idempotencyKey },
        body: webhookBody(message),
        timeout,
        signal,
      });
    },
  }),
});
