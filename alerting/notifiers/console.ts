import { styleText } from "node:util";
import * as z from "zod";
import { messageText } from "../text/message-text.ts";
import { defineNotifier } from "./notifier.ts";

/** Prints plain text of at most 100 columns; colour only on a terminal, and never with NO_COLOR. */
export const consoleNotifier = defineNotifier({
  name: "console",
  summary: "prints to standard output",
  options: z.strictObject({}),
  createNotifier: (_options, { printedTo, environment }) => ({
    deliver: async (message) => {
      const coloured = printedTo.isTTY === true && (environment["NO_COLOR"] ?? "") === "";
      const text = messageText(message);
      const [first = "", ...rest] = text.split("\n");
      const style = message.status === "ended" || message.status === "withdrawn" ? "green" : colours[message.severity];
      const head = coloured ? styleText(["bold", style], first, { validateStream: false }) : first;
      printedTo.write(`\n${[head, ...rest].join("\n")}\n`);
      return { kind: "ok" };
    },
  }),
});

const colours = { page: "red", ticket: "yellow", none: "gray" } as const;
