import { describe, expect, test } from "vitest";
import type { IncidentMessage } from "../message.ts";
import { sampleMessage } from "../testing/messages.ts";
import { startSlackReceiver } from "../testing/slack-receiver.ts";
import type { SlackBehaviour, SlackReceiver } from "../testing/slack-receiver.ts";
import type { DeliveryResult, ReceiverMemory } from "./notifier.ts";
import { createReceiver } from "./registry.ts";

const opened = sampleMessage();
const grew: IncidentMessage = { ...opened, reason: "grew", severityBefore: "page", title: "now also distance changed" };
const ended: IncidentMessage = { ...opened, reason: "ended", status: "ended", severityBefore: "page", nextSteps: [] };

function createMemory(): ReceiverMemory {
  const kept = new Map<string, string>();
  return {
    read: (incidentId) => kept.get(incidentId) ?? null,
    write: (incidentId, value) => kept.set(incidentId, value),
  };
}

function bot(receiver: SlackReceiver, memory: ReceiverMemory, more: { mention?: string; timeout?: string } = {}) {
  const slack = { token: "xoxb-1", channel: "C0123456789", api_url: receiver.apiUrl, ...more };
  // A new one each time: what is remembered must not live in the notifier.
  return (message: IncidentMessage, idempotencyKey: string): Promise<DeliveryResult> =>
    createReceiver({ name: "ops", slack }, { printedTo: { write: () => {} }, environment: {}, memory }).deliver(
      message,
      {
        idempotencyKey,
        signal: new AbortController().signal,
      },
    );
}

describe("with a bot token", () => {
  test("an incident is one message, edited as it changes, with each change in its thread", async () => {
    await using slack = await startSlackReceiver();
    const deliver = bot(slack, createMemory());
    expect(await deliver(opened, "k1")).toEqual({ kind: "ok" });
    expect(await deliver(grew, "k2")).toEqual({ kind: "ok" });
    expect(await deliver(ended, "k3")).toEqual({ kind: "ok" });
    const [first, ...replies] = slack.messages();
    expect(first).toMatchObject({ channel: "C0123456789", thread: null, edits: 2 });
    expect(JSON.stringify(first?.values["blocks"])).toContain("✅ OVER");
    expect(replies.map(({ thread }) => thread)).toEqual([first?.ts, first?.ts]);
    expect(replies.map(({ values }) => values["reply_broadcast"])).toEqual([undefined, undefined]);
    expect(slack.requests.every(({ token }) => token === "Bearer xoxb-1")).toBe(true);
  });

  test("a severity that rose, and an incident that opens again, are shown in the channel", async () => {
    await using slack = await startSlackReceiver();
    const deliver = bot(slack, createMemory());
    await deliver({ ...opened, severity: "ticket" }, "k1");
    await deliver({ ...grew, severity: "page", severityBefore: "ticket" }, "k2");
    await deliver(opened, "k3");
    expect(slack.messages().map(({ values }) => values["reply_broadcast"])).toEqual([undefined, "true", "true"]);
  });

  test("pages mention whom they shall, once: with the opening and the rise, not in edits, nor for tickets", async () => {
    await using slack = await startSlackReceiver();
    const deliver = bot(slack, createMemory(), { mention: "S012ABCDE" });
    await deliver({ ...opened, severity: "ticket" }, "k1");
    await deliver({ ...grew, severity: "page", severityBefore: "ticket" }, "k2");
    await deliver(grew, "k3");
    await deliver({ ...opened, incidentId: "drill", drill: true, severity: "page" }, "k4");
    const mentions = slack.requests.filter(({ values }) => JSON.stringify(values).includes("<!subteam^S012ABCDE>"));
    expect(mentions.map(({ method, values }) => [method, values["reply_broadcast"]])).toEqual([
      ["chat.postMessage", "true"],
    ]);
  });

  test("a notification that was said is not said again", async () => {
    await using slack = await startSlackReceiver();
    const deliver = bot(slack, createMemory());
    await deliver(opened, "k1");
    await deliver(opened, "k1");
    await deliver(grew, "k2");
    await deliver(grew, "k2");
    expect(slack.messages()).toHaveLength(2);
  });

  test.each<[string, IncidentMessage[]]>([
    ["the opening", [opened]],
    ["a reply", [opened, grew]],
  ])("an answer that was lost makes no second message: %s", async (_case, messages) => {
    let lost = false;
    await using slack = await startSlackReceiver((_index, method) => {
      if (method !== "chat.postMessage" || lost || slack.messages().length < messages.length - 1) return "ok";
      lost = true;
      return "lost_answer";
    });
    const deliver = bot(slack, createMemory());
    for (const [index, message] of messages.entries()) {
      const last = index === messages.length - 1;
      const result = await deliver(message, `k${index}`);
      expect(result.kind).toBe(last ? "retryable" : "ok");
      if (last) expect(await deliver(message, `k${index}`)).toEqual({ kind: "ok" });
    }
    expect(slack.messages()).toHaveLength(messages.length);
    expect(await deliver(ended, "end")).toEqual({ kind: "ok" });
    expect(slack.messages()[0]?.edits).toBeGreaterThan(0);
  });

  test("without the scope to look, a lost answer is sent again rather than never", async () => {
    let posts = 0;
    await using slack = await startSlackReceiver((_index, method) => {
      if (method === "conversations.history") return { error: "missing_scope" };
      posts += method === "chat.postMessage" ? 1 : 0;
      return posts === 1 ? "lost_answer" : "ok";
    });
    const deliver = bot(slack, createMemory());
    await deliver(opened, "k1");
    expect(await deliver(opened, "k1")).toEqual({ kind: "ok" });
    expect(slack.messages()).toHaveLength(2);
  });

  test("a message that somebody deleted is posted anew, and edited from then on", async () => {
    let gone = true;
    await using slack = await startSlackReceiver((_index, method) =>
      method === "chat.update" && gone ? { error: "message_not_found" } : "ok",
    );
    const deliver = bot(slack, createMemory());
    await deliver(opened, "k1");
    expect(await deliver(grew, "k2")).toEqual({ kind: "ok" });
    gone = false;
    await deliver(ended, "k3");
    expect(slack.messages().map(({ thread, edits }) => [thread, edits])).toEqual([
      [null, 0],
      [null, 1],
      [slack.messages()[1]?.ts, 0],
    ]);
  });

  test.each<[string, SlackBehaviour, DeliveryResult]>([
    [
      "429 is tried again when Slack says",
      { status: 429, headers: { "retry-after": "30" } },
      { kind: "retryable", error: "Slack's rate limit", retryAfterMs: 30_000 },
    ],
    ["500 is tried again", { status: 500 }, { kind: "retryable", error: "HTTP 500" }],
    [
      "internal_error is tried again",
      { error: "internal_error" },
      { kind: "retryable", error: "Slack: internal_error" },
    ],
    [
      "invalid_auth is final, and says what to do",
      { error: "invalid_auth" },
      {
        kind: "permanent",
        error: "Slack: invalid_auth (the token is wrong; install the app anew and copy its bot token)",
      },
    ],
    [
      "not_in_channel is final",
      { error: "not_in_channel" },
      { kind: "permanent", error: "Slack: not_in_channel (invite the app to the channel)" },
    ],
    ["no answer in time is tried again", "hang", { kind: "retryable", error: "no answer within 300ms" }],
    [
      "a redirect is not followed",
      { status: 302, headers: { location: "/x" } },
      { kind: "permanent", error: "HTTP 302" },
    ],
  ])("%s", async (_claim, behaviour, result) => {
    await using slack = await startSlackReceiver(() => behaviour);
    const timeout = behaviour === "hang" ? "300ms" : "10s";
    expect(await bot(slack, createMemory(), { timeout })(opened, "k1")).toEqual(result);
  });
});

describe("with a webhook", () => {
  const deliver = (url: string, message = opened) =>
    createReceiver(
      { name: "ops", slack: { webhook_url: url } },
      { printedTo: { write: () => {} }, environment: {} },
    ).deliver(message, { idempotencyKey: "k", signal: new AbortController().signal });

  test("each notification is a message", async () => {
    await using slack = await startSlackReceiver();
    expect(await deliver(slack.webhookUrl)).toEqual({ kind: "ok" });
    expect(slack.requests.map(({ method }) => method)).toEqual(["webhook"]);
  });

  test.each<[number, DeliveryResult]>([
    [429, { kind: "retryable", error: "HTTP 429", retryAfterMs: 7000 }],
    [404, { kind: "permanent", error: "HTTP 404" }],
    [410, { kind: "permanent", error: "HTTP 410" }],
    [500, { kind: "retryable", error: "HTTP 500" }],
  ])("HTTP %i", async (status, result) => {
    await using slack = await startSlackReceiver(() => ({
      status,
      ...(status === 429 && { headers: { "retry-after": "7" } }),
    }));
    expect(await deliver(slack.webhookUrl)).toEqual(result);
  });
});
