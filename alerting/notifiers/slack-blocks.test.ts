import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { IncidentMessage } from "../message.ts";
import { sampleMessage } from "../testing/messages.ts";
import { blockFault } from "../testing/slack-receiver.ts";
import { changeContent, incidentContent, mrkdwn } from "./slack-blocks.ts";

/** The sample with a name wherever a stranger may have chosen one. */
function named(name: string, count = 3): IncidentMessage {
  const sample = sampleMessage();
  const [finding] = sample.findings;
  if (finding === undefined) throw new Error("the sample has no finding");
  const share = { name, reference: 0.1, current: 0.2, carried: 0.3 };
  const hostile = {
    ...finding,
    name,
    headline: `${name} changed`,
    change: `${name} 1 → 2`,
    contributors: Array.from({ length: count }, () => share),
    slices: Array.from({ length: count }, () => share),
  };
  return {
    ...sample,
    title: `${name} changed`,
    model: name,
    environment: name,
    incidentId: name,
    query: name,
    nextSteps: [name, name, name],
    link: `http://127.0.0.1/${name}`,
    findings: Array.from({ length: count }, () => hostile),
  };
}

/** What a person can send Slack to do something: anything in angle brackets but our own link, and bare mentions. */
function commands(content: ReturnType<typeof incidentContent>): readonly string[] {
  const texts = content.blocks.flatMap((block) => {
    if (block.type === "section") return [block.text.text];
    return block.type === "context" ? block.elements.map(({ text }) => text) : [];
  });
  return [content.text, ...texts].flatMap((text) => [
    ...(text.match(/<[^>]*>/g) ?? []).filter((found) => !/^<http:\/\/[^|<>\s]*\|Open the incident>$/.test(found)),
    ...(text.match(/@(here|channel|everyone)/gi) ?? []),
  ]);
}

describe("whatever names are", () => {
  const hostile = [
    "<!channel>",
    "<!here|here>",
    "<@U012AB3CD>",
    "<!subteam^S012ABCDE>",
    "@here @channel @everyone",
    "<http://evil.example|Open the incident>",
    "&lt;!channel&gt;",
    "*bold* _it_ ~no~ `code` ```block```",
    "a\n> quote\n<!channel>",
    "\u202e<!channel>",
    "|>|<",
  ];

  test.each(hostile)("%j pings nobody, links nowhere", (name) => {
    const message = named(name);
    expect(commands(incidentContent(message, null))).toEqual([]);
    expect(commands(changeContent(message, null))).toEqual([]);
  });

  test.each(["&", "<", "x", "😀", "<!channel>", "\ud800", "\u0000"])("%j a hundred thousand times fits", (part) => {
    const message = named(part.repeat(100_000), 60);
    for (const content of [incidentContent(message, "<!here>"), changeContent(message, "<!here>")]) {
      expect(blockFault(content.blocks)).toBeNull();
      expect(content.text.length).toBeLessThanOrEqual(400);
    }
  });

  test("any text at all fits, and commands nothing", () => {
    const property = fc.property(fc.string({ unit: "binary", maxLength: 3000 }), (name) => {
      const content = incidentContent(named(name), null);
      return commands(content).length === 0 && blockFault(content.blocks) === null;
    });
    fc.assert(property, { numRuns: 200 });
  });
});

test("a text that is cut ends between characters and entities", () => {
  expect(mrkdwn("a&b", 20)).toBe("a&amp;b");
  expect(mrkdwn("&&&&", 8)).toBe("&amp;…");
  expect(mrkdwn("😀😀", 4)).toBe("😀…");
});

test("names with underscores stay as they are", () => {
  expect(mrkdwn("origin_state changed", 100)).toBe("origin_state changed");
});

test("a mention is ours alone to make", () => {
  expect(JSON.stringify(incidentContent(sampleMessage(), "<!here>").blocks)).toContain("<!here>");
});
