import { errorPalette } from "./colour.ts";
import type { CommandContext } from "./command.ts";

/** One line about work that takes a while. Ends with `using`: the line is wiped, what follows starts clean. */
export interface Progress extends Disposable {
  /** `done` of `total`; null where the total is not known. Cheap: call it as often as there is news. */
  readonly update: (done: number, total?: number | null) => void;
}

const redrawMs = 100;
const lineEveryMs = 10_000;

/**
 * On a terminal: a line on standard error, drawn anew at most ten times a second. Elsewhere, such as in a log of CI: a
 * whole line every ten seconds, so that quick work says nothing. Standard output is never touched.
 *
 * @param label what is done, such as `reading flights.csv`
 * @param unit what is counted, such as `rows`
 */
export function createProgress(
  context: CommandContext,
  { label, unit, now = () => performance.now() }: { label: string; unit: string; now?: () => number },
): Progress {
  const stream = context.errors;
  const palette = errorPalette(context);
  const started = now();
  let last = stream?.isTerminal === true ? -Infinity : started;
  let drawn = false;

  return {
    update: (done, total = null) => {
      const time = now();
      const terminal = stream?.isTerminal === true;
      if (time - last < (terminal ? redrawMs : lineEveryMs)) return;
      last = time;
      const seconds = (time - started) / 1000;
      const text = progressText({ label, unit, done, total, seconds });
      if (!terminal) return context.complain(text);
      const columns = stream.columns ?? 80;
      const shown = text.length < columns ? text : `${text.slice(0, columns - 2)}…`;
      stream.write(`\r\u001b[2K${palette.faint(shown)}`);
      drawn = true;
    },
    [Symbol.dispose]: () => {
      if (drawn) stream?.write("\r\u001b[2K");
      drawn = false;
    },
  };
}

function progressText({
  label,
  unit,
  done,
  total,
  seconds,
}: {
  label: string;
  unit: string;
  done: number;
  total: number | null;
  seconds: number;
}): string {
  const rate = seconds >= 1 ? `, ${count(Math.round(done / seconds))} a second` : "";
  if (total === null || total <= 0) return `${label}: ${count(done)} ${unit}${rate}`;
  const share = Math.floor((100 * Math.min(done, total)) / total);
  return `${label}: ${count(done)} of ${count(total)} ${unit} (${share} %)${rate}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
