import { expect, test } from "vitest";
import { sampleMessage } from "../testing/messages.ts";
import { messageText } from "../text/message-text.ts";
import { createReceiver } from "./registry.ts";

async function printed(isTTY: boolean, environment: Record<string, string> = {}): Promise<string> {
  const texts: string[] = [];
  const notifier = createReceiver(
    { name: "here", console: {} },
    { printedTo: { write: (text: string) => texts.push(text), isTTY }, environment },
  );
  await notifier.deliver(sampleMessage(), { idempotencyKey: "k", signal: new AbortController().signal });
  return texts.join("");
}

const escape = "\u001b[";

test("prints the message's text, without colour where nobody could see it", async () => {
  expect(await printed(false)).toBe(`\n${messageText(sampleMessage())}\n`);
  expect(await printed(true, { NO_COLOR: "1" })).not.toContain(escape);
});

test("colours the first line on a terminal", async () => {
  const [, first, ...rest] = (await printed(true)).split("\n");
  expect(first).toContain(escape);
  expect(rest.join("")).not.toContain(escape);
});
