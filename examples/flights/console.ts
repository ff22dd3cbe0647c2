import { stdout } from "node:process";

/** What the demo prints: lines that stay, and one line of progress below them that is written over. */
export interface DemoConsole {
  readonly line: (text: string) => void;
  readonly progress: (text: string) => void;
}

/** Off a terminal (a log of CI) the progress line is printed at most every this often. */
const quietProgressMs = 10_000;

export function createConsole(now: () => number): DemoConsole {
  let shown = "";
  let lastQuietMs = 0;
  const clear = () => {
    if (shown !== "") stdout.write("\r\u001B[2K");
    shown = "";
  };
  return {
    line(text) {
      const below = shown;
      clear();
      stdout.write(`${text}\n`);
      if (below === "") return;
      stdout.write(below);
      shown = below;
    },
    progress(text) {
      if (!stdout.isTTY) {
        if (now() - lastQuietMs >= quietProgressMs && text !== "") {
          lastQuietMs = now();
          stdout.write(`${text}\n`);
        }
        return;
      }
      clear();
      shown = text.slice(0, stdout.columns - 1);
      stdout.write(shown);
    },
  };
}
