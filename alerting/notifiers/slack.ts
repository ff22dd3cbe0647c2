import type { WebClientOptions } from "@slack/web-api";
import * as z from "zod";
import { worseSeverity } from "../incidents/severity.ts";
import type { IncidentMessage } from "../message.ts";
import { failureCode } from "./failure-code.ts";
import { postJson } from "./http-post.ts";
import { defineNotifier } from "./notifier.ts";
import type { DeliveryResult, ReceiverMemory } from "./notifier.ts";
import { readSecret } from "./secret-option.ts";
import { changeContent, incidentContent } from "./slack-blocks.ts";
import type { SlackContent } from "./slack-blocks.ts";
import { timeoutMs, timeoutOption } from "./timeout-option.ts";

const options = z
  .strictObject({
    webhook_url: z.string().optional().describe("address of an incoming webhook; a message for each notification"),
    webhook_url_file: z.string().optional().describe("file that holds it; read anew for each delivery"),
    token: z.string().optional().describe("bot token with the scope chat:write; one message for each incident"),
    token_file: z.string().optional().describe("file that holds it; read anew for each delivery"),
    channel: z.string().min(1).optional().describe("with a token: the channel's ID, such as C0123456789"),
    mention: z
      .string()
      .regex(
        /^(here|channel|[UWS][A-Z0-9]{5,})$/,
        "is no one to mention; write here, channel, or an ID such as S012ABCDE",
      )
      .optional()
      .describe("who is pinged by a page: here, channel, or the ID of a user (U…) or a user group (S…)"),
    api_url: z
      .string()
      .default("https://slack.com/api/")
      .describe("address of Slack's Web API, for a proxy or a server of one's own"),
    timeout: timeoutOption.default("10s"),
  })
  .superRefine((slack, context) => {
    const { webhook_url, webhook_url_file, token, token_file, channel } = slack;
    const given = [webhook_url, webhook_url_file, token, token_file].filter((option) => option !== undefined);
    if (given.length !== 1) {
      const message = "needs exactly one of webhook_url, webhook_url_file, token and token_file; keep one of them";
      context.addIssue({ code: "custom", message });
    } else if ((token ?? token_file) !== undefined && channel === undefined) {
      const message = "is missing; with a token, name the channel to post to";
      context.addIssue({ code: "custom", message, path: ["channel"] });
    } else if ((webhook_url ?? webhook_url_file) !== undefined && channel !== undefined) {
      const message = "belongs to a token: a webhook posts to the channel it was made for; remove it";
      context.addIssue({ code: "custom", message, path: ["channel"] });
    }
  });

/**
 * Slack, by an incoming webhook (a message for each notification) or by a bot token: then an incident is one message,
 * edited as it changes, with each change told in its thread; a severity that rose, and an incident that opens again, are
 * shown in the channel too, since an edit pings nobody.
 */
export const slackNotifier = defineNotifier({
  name: "slack",
  summary: "writes to a Slack channel",
  options,
  destination: ({ channel }) => (channel === undefined ? "the webhook's channel" : `channel ${channel}`),
  createNotifier: (slack, { memory }) => {
    const { webhook_url: url, webhook_url_file: urlFile, token, token_file: tokenFile, timeout } = slack;
    return {
      deliver: async (message, { idempotencyKey, signal }) => {
        if (url !== undefined || urlFile !== undefined) {
          const address = await readSecret("webhook_url", url, urlFile);
          if (address.kind !== "secret") return address;
          const body = incidentContent(message, mentionFor(message, slack.mention));
          return postJson({ address: address.text, headers: {}, body, timeout, signal });
        }
        const secret = await readSecret("token", token, tokenFile);
        if (secret.kind !== "secret") return secret;
        const connection = { apiUrl: slack.api_url, timeout, token: secret.text, signal };
        if (!/^https?:$/.test(URL.parse(slack.api_url)?.protocol ?? "")) {
          return { kind: "permanent", error: "api_url is not an http(s) URL" };
        }
        return deliverByBot({
          call: (method, values) => callSlack(connection, method, values),
          channel: slack.channel ?? "",
          mention: slack.mention,
          memory: memory ?? forgetful,
          message,
          idempotencyKey,
        });
      },
    };
  },
});

const forgetful: ReceiverMemory = { read: () => null, write: () => {} };

/** Who is pinged: pages alone, when they open or rise; never by a drill. */
function mentionFor(message: IncidentMessage, who: string | undefined): string | null {
  if (who === undefined || message.drill === true || message.severity !== "page" || !isAlarm(message)) return null;
  if (who === "here" || who === "channel") return `<!${who}>`;
  return who.startsWith("S") ? `<!subteam^${who}>` : `<@${who}>`;
}

/** It opened (perhaps again), or its severity rose: people must hear of it though the message is there already. */
function isAlarm({ reason, severity, severityBefore }: IncidentMessage): boolean {
  if (reason === "opened") return true;
  return severityBefore !== null && severity !== severityBefore && worseSeverity(severity, severityBefore) === severity;
}

/** What is remembered of an incident's message. */
interface Remembered {
  /** The message that is edited. */
  readonly posted?: { readonly channel: string; readonly ts: string };
  /** Idempotency key of the last notification that was said completely. */
  readonly said?: string;
  /** A post under this key was begun, and whether Slack took it is not known. */
  readonly begun?: string;
}

type SlackAnswer =
  | { readonly kind: "answered"; readonly data: Readonly<Record<string, unknown>> }
  | {
      readonly kind: "failed";
      readonly result: Exclude<DeliveryResult, { kind: "ok" }>;
      /** Slack's own word for it; empty if the failure is not Slack's. */
      readonly error: string;
      /** Slack may have done it nevertheless. */
      readonly uncertain: boolean;
    };

type SlackCall = (method: string, values: Readonly<Record<string, unknown>>) => Promise<SlackAnswer>;

/** Errors of `chat.update` after which only a new message helps. */
const messageGone: ReadonlySet<string> = new Set(["message_not_found", "cant_update_message", "edit_window_closed"]);

async function deliverByBot(delivery: {
  readonly call: SlackCall;
  readonly channel: string;
  readonly mention: string | undefined;
  readonly memory: ReceiverMemory;
  readonly message: IncidentMessage;
  readonly idempotencyKey: string;
}): Promise<DeliveryResult> {
  const { call, channel, memory, message, idempotencyKey } = delivery;
  let remembered = parseRemembered(memory.read(message.incidentId));
  const remember = (next: Remembered) => {
    remembered = next;
    memory.write(message.incidentId, JSON.stringify(next));
  };

  /** Posts once, as far as Slack lets us: it knows no idempotency keys, but keeps the metadata of a message. */
  const post = async (
    content: SlackContent,
    place: Readonly<Record<string, unknown>> & { readonly channel: string },
  ): Promise<SlackAnswer> => {
    if (remembered.begun === idempotencyKey) {
      const found = await findPosted(call, place, idempotencyKey);
      if (found !== null) return found;
    }
    remember({ ...remembered, begun: idempotencyKey });
    const metadata = { event_type: "leeway_notification", event_payload: { idempotency_key: idempotencyKey } };
    const answer = await call("chat.postMessage", { ...quiet, ...content, ...place, metadata });
    if (answer.kind === "failed" && !answer.uncertain) {
      const { begun: _, ...settled } = remembered;
      remember(settled);
    }
    return answer;
  };

  const mention = mentionFor(message, delivery.mention);
  const open = async (): Promise<DeliveryResult> => {
    const answer = await post(incidentContent(message, mention), { channel });
    if (answer.kind === "failed") return answer.result;
    const { channel: postedTo, ts } = answer.data;
    // A name of a channel becomes its ID, which is what editing asks for.
    const posted = { channel: typeof postedTo === "string" ? postedTo : channel, ts: String(ts) };
    remember({ posted, said: idempotencyKey });
    return { kind: "ok" };
  };

  if (remembered.said === idempotencyKey) return { kind: "ok" };
  const { posted } = remembered;
  if (posted === undefined) return open();
  const updated = await call("chat.update", { ...quiet, ...incidentContent(message, null), ...posted });
  if (updated.kind === "failed") return messageGone.has(updated.error) ? open() : updated.result;
  const place = { channel: posted.channel, thread_ts: posted.ts, ...(isAlarm(message) && { reply_broadcast: true }) };
  const replied = await post(changeContent(message, mention), place);
  if (replied.kind === "failed") return replied.result;
  remember({ posted, said: idempotencyKey });
  return { kind: "ok" };
}

/** No names are looked for in texts, and no previews of links are shown. */
const quiet = { parse: "none", link_names: false, unfurl_links: false, unfurl_media: false } as const;

/**
 * The message that an earlier attempt left behind, or null. Needs the scope channels:history (groups:history for private
 * channels); without it an attempt whose answer was lost may post a second time.
 */
async function findPosted(
  call: SlackCall,
  place: { readonly channel: string; readonly thread_ts?: unknown },
  idempotencyKey: string,
): Promise<SlackAnswer | null> {
  const { channel, thread_ts: thread } = place;
  const values = { channel, include_all_metadata: true, limit: 15 };
  const answer =
    thread === undefined
      ? await call("conversations.history", values)
      : await call("conversations.replies", { ...values, limit: 200, ts: thread });
  if (answer.kind === "failed") return answer.result.kind === "retryable" ? answer : null;
  const messages = postedMessages.safeParse(answer.data["messages"]);
  const found = messages.data?.find(
    (each) => each.metadata?.event_payload?.["idempotency_key"] === idempotencyKey && each.ts !== thread,
  );
  return found === undefined ? null : { kind: "answered", data: { channel, ts: found.ts } };
}

const postedMessages = z.array(
  z.object({
    ts: z.string(),
    metadata: z.object({ event_payload: z.record(z.string(), z.unknown()).optional() }).optional(),
  }),
);

function parseRemembered(text: string | null): Remembered {
  return text === null ? {} : (JSON.parse(text) as Remembered);
}

/** Errors that pass by themselves; with the first two Slack may have done what it was asked. */
const passing: ReadonlySet<string> = new Set([
  "internal_error",
  "fatal_error",
  "ratelimited",
  "rate_limited",
  "message_limit_exceeded",
  "service_unavailable",
  "request_timeout",
  "team_added_to_org",
]);

/** What to do about the errors that people meet. */
const remedies: Readonly<Record<string, string>> = {
  invalid_auth: "the token is wrong; install the app anew and copy its bot token",
  not_authed: "the token is empty",
  account_inactive: "the token belongs to a removed app or workspace",
  token_revoked: "the token was revoked; install the app anew",
  token_expired: "the token expired; install the app anew",
  missing_scope: "the app needs the scope chat:write",
  channel_not_found: "no such channel, or the app may not see it; give the channel's ID and invite the app to it",
  not_in_channel: "invite the app to the channel",
  is_archived: "the channel is archived",
  restricted_action: "the workspace does not let the app post there",
};

/** Other documented errors of the methods used. What is in no list is not shown: a proxy may say anything. */
const otherErrors: ReadonlySet<string> = new Set([
  ...["access_denied", "as_user_not_supported", "deprecated_endpoint", "ekm_access_denied", "enterprise_is_restricted"],
  ...["invalid_arguments", "invalid_blocks", "invalid_blocks_format", "invalid_metadata_format", "metadata_too_large"],
  ...["method_deprecated", "missing_post_type", "msg_blocks_too_long", "msg_too_long", "no_permission", "no_text"],
  ...["not_allowed_token_type", "org_login_required", "restricted_action_read_only_channel", "slack_connect_blocked"],
  ...["restricted_action_thread_locked", "restricted_action_thread_only_channel", "team_access_not_granted"],
  ...["too_many_attachments", "two_factor_setup_required", "unknown_method"],
]);

function isKnown(word: string): boolean {
  return Object.hasOwn(remedies, word) || passing.has(word) || messageGone.has(word) || otherErrors.has(word);
}

async function callSlack(
  connection: {
    readonly apiUrl: string;
    readonly timeout: string;
    readonly token: string;
    readonly signal: AbortSignal;
  },
  method: string,
  values: Readonly<Record<string, unknown>>,
): Promise<SlackAnswer> {
  const { timeout, token, signal } = connection;
  // Loaded when it is needed: most services have no Slack.
  const slack = await import("@slack/web-api");
  const timer = AbortSignal.timeout(timeoutMs(timeout));
  const attempt = AbortSignal.any([timer, signal]);
  const clientOptions: WebClientOptions = {
    slackApiUrl: connection.apiUrl,
    allowAbsoluteUrls: false,
    // Retries are the outbox's, which outlives the process.
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: silent,
    // A redirect would carry the token elsewhere.
    fetch: (url, init) => fetch(url, { ...init, redirect: "manual", signal: attempt }),
  };
  const failed = (
    result: Exclude<DeliveryResult, { kind: "ok" }>,
    { error = "", uncertain = false }: { readonly error?: string; readonly uncertain?: boolean } = {},
  ): SlackAnswer => ({ kind: "failed", result, error, uncertain });
  try {
    const data = await new slack.WebClient(token, clientOptions).apiCall(method, { ...values });
    return { kind: "answered", data: data as unknown as Record<string, unknown> };
  } catch (error) {
    if (error instanceof slack.WebAPIRateLimitedError) {
      return failed({ kind: "retryable", error: "Slack's rate limit", retryAfterMs: error.retryAfter * 1000 });
    }
    if (error instanceof slack.WebAPIPlatformError) {
      const word = error.data.error;
      if (!isKnown(word))
        return failed({ kind: "permanent", error: "Slack refused it, with an error of no known name" });
      const remedy = remedies[word];
      const line = `Slack: ${word}${remedy === undefined ? "" : ` (${remedy})`}`;
      const uncertain = word === "internal_error" || word === "fatal_error";
      return failed({ kind: passing.has(word) ? "retryable" : "permanent", error: line }, { error: word, uncertain });
    }
    if (error instanceof slack.WebAPIHTTPError) {
      const { statusCode } = error;
      const kind = statusCode >= 500 || statusCode === 408 ? "retryable" : "permanent";
      return failed({ kind, error: `HTTP ${statusCode}` }, { uncertain: kind === "retryable" });
    }
    if (timer.aborted) return failed({ kind: "retryable", error: `no answer within ${timeout}` }, { uncertain: true });
    if (signal.aborted) {
      return failed({ kind: "retryable", error: "stopped before the answer came" }, { uncertain: true });
    }
    const original = error instanceof slack.WebAPIRequestError ? error.original : error;
    const code = failureCode(original);
    const uncertain = !/^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code);
    return failed({ kind: "retryable", error: `connection failed (${code})` }, { uncertain });
  }
}

/** The client's own log would hold addresses and bodies. */
const silent: NonNullable<WebClientOptions["logger"]> = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  setLevel: () => {},
  getLevel: () => "error" as ReturnType<NonNullable<WebClientOptions["logger"]>["getLevel"]>,
  setName: () => {},
};
