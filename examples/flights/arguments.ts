import { parseArgs } from "node:util";
import { dayStartMs, runDays } from "./calendar.ts";
import type { Day } from "./calendar.ts";

export interface DemoArguments {
  /** Original day, included. */
  readonly lastDay: Day;
  readonly faults: boolean;
  readonly seed: number;
  readonly keepRunning: boolean;
  readonly chaos: boolean;
  readonly transport: Transport;
}

/** How events reach Leeway: through a broker, or over HTTP without one. */
export const transports = ["kafka", "http"] as const;
export type Transport = (typeof transports)[number];

export const usage = `npm run demo -- [options]

  --until DATE      last day sent, by its original date: ${runDays.first} to ${runDays.lastOfAll} (default ${runDays.last})
  --all             the same as --until ${runDays.lastOfAll}
  --no-faults       plant no faults: only the storms remain
  --seed N          which rows the random faults hit (default 1)
  --transport NAME  ${transports.join(" or ")} (default ${transports[0]}); http needs no broker, and no Java
  --chaos           kill the collector by SIGKILL five times during the run
  --keep-running    go on serving when everything is done, until Ctrl-C
  --help
`;

export type ParsedArguments =
  | { readonly kind: "run"; readonly arguments: DemoArguments }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly message: string };

export function parseDemoArguments(argv: readonly string[]): ParsedArguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        until: { type: "string" },
        all: { type: "boolean", default: false },
        "no-faults": { type: "boolean", default: false },
        seed: { type: "string", default: "1" },
        chaos: { type: "boolean", default: false },
        transport: { type: "string", default: transports[0] },
        "keep-running": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return { kind: "help" };
    if (values.all && values.until !== undefined) throw new RangeError("--all and --until exclude each other");
    const lastDay = values.all ? runDays.lastOfAll : (values.until ?? runDays.last);
    const lastMs = dayStartMs(lastDay);
    if (lastMs < dayStartMs(runDays.first) || lastMs > dayStartMs(runDays.lastOfAll)) {
      throw new RangeError(`--until ${lastDay} is not between ${runDays.first} and ${runDays.lastOfAll}`);
    }
    const seed = Number(values.seed);
    if (!Number.isInteger(seed)) throw new RangeError(`--seed ${values.seed} is not a whole number`);
    const transport = transports.find((name) => name === values.transport);
    if (transport === undefined) {
      throw new RangeError(`--transport ${values.transport} is neither ${transports.join(" nor ")}`);
    }
    return {
      kind: "run",
      arguments: {
        lastDay,
        faults: !values["no-faults"],
        seed,
        keepRunning: values["keep-running"],
        chaos: values.chaos,
        transport,
      },
    };
  } catch (error) {
    return { kind: "wrong", message: error instanceof Error ? error.message : String(error) };
  }
}
