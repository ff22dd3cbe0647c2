import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { CommandContext } from "./command.ts";
import { commandsPage } from "./commands-page.ts";
import { commands } from "./commands.ts";
import { commandHelp, overview } from "./help.ts";

const context: CommandContext = {
  environment: {},
  cwd: "/",
  write: () => {},
  writeBytes: async () => {},
  complain: () => {},
};

/** The words of a command line up to a pipe or redirection, settings before the command left out. */
function exampleArguments(example: string): readonly string[] {
  const words = [...example.matchAll(/"[^"]*"|'[^']*'|[^\s"']+/g)].map(([word]) => word.replaceAll(/^["']|["']$/g, ""));
  const end = words.findIndex((word) => ["|", ">", ">>", "<", "&&"].includes(word));
  const command = words.slice(words.indexOf("leeway") + 1, end < 0 ? words.length : end);
  expect(words.slice(0, words.indexOf("leeway")).every((word) => /^(\w+=.*|npx|\w+)$/.test(word))).toBe(true);
  return command;
}

test("docs/cli.md lists the commands that there are", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/cli.md"), "utf8");
  expect(page, "npm run docs writes it").toBe(commandsPage(commands));
});

test("names are unique", () => {
  expect(new Set(commands.map((command) => command.name)).size).toBe(commands.length);
});

describe.each(commands.map((command) => ({ name: command.name, command })))("leeway $name", ({ name, command }) => {
  test("says in half a sentence what it is for, and in whole ones what it does", () => {
    expect(command.summary).toMatch(/^[a-z].*[^.]$/);
    // One with verbs of its own, such as `receivers list`, may begin with one of them.
    expect(command.description).toMatch(/^([A-Z]|[a-z]+ [a-z]+s )[^]*\.$/);
    for (const [option, { description }] of Object.entries(command.options)) {
      expect(description, `--${option}`).toMatch(/[.?]$/);
    }
  });

  test("has an example, and each of its examples parses", () => {
    expect(command.examples.length).toBeGreaterThan(0);
    for (const example of command.examples) {
      const [first, ...args] = exampleArguments(example);
      expect(first, example).toBe(name);
      expect(() => command.parse(args), example).not.toThrow();
    }
  });

  test("documents its exit codes", () => {
    expect(Object.keys(command.exits)).toContain("2");
    for (const meaning of Object.values(command.exits)) expect(meaning).toMatch(/^[a-z0-9][^]*[^.]$/i);
  });

  test("has a page in the one style, at every width", () => {
    for (const columns of [60, 100, 200]) {
      const page = commandHelp(command, { ...context, output: { isTerminal: true, columns } });
      const plain = commandHelp(command, { ...context, noColour: true, output: { isTerminal: true, columns } });
      expect(plain).toMatch(/^Usage: leeway .*\n\n[^]*\n\nOptions:\n[^]*\n\nExamples:\n[^]*\n\nExit codes:\n[^]*\n$/);
      expect(page).toContain("\u001b[1mOptions:\u001b[22m");
      for (const line of plain.split("\n")) {
        if (line.startsWith("  leeway") || / leeway /.test(line)) continue;
        expect(line.length, line).toBeLessThanOrEqual(Math.min(columns, 100));
      }
    }
  });

  test("is on the overview", () => {
    expect(overview(commands, context)).toContain(`\n  ${name} `);
  });
});
