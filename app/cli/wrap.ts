import type { CommandContext } from "./command.ts";
import { visibleLength } from "./colour.ts";

const widest = 100;

/** Columns for running text on standard output: the terminal's, but lines longer than 100 are hard to read. */
export function textWidth(context: Pick<CommandContext, "output">): number {
  return Math.max(40, Math.min(widest, context.output?.columns ?? widest));
}

/**
 * Running text in lines of at most `width` columns. Line ends within a paragraph are as good as spaces, an empty line
 * parts paragraphs, and a line that begins with two spaces is left as it is.
 *
 * @param indent Spaces before each line but the first, for text that hangs beside a name.
 */
export function wrapText(text: string, width: number, indent = 0): string {
  const margin = " ".repeat(indent);
  const lines: string[] = [];
  let current = "";
  const flush = () => {
    if (current !== "") lines.push(current);
    current = "";
  };
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("  ")) {
      flush();
      lines.push(line);
      continue;
    }
    for (const word of line.split(" ")) {
      if (current === "") current = word;
      else if (visibleLength(current) + 1 + visibleLength(word) <= width - indent) current += ` ${word}`;
      else {
        flush();
        current = word;
      }
    }
  }
  flush();
  return lines.map((line, index) => (index === 0 || line === "" ? line : margin + line)).join("\n");
}
