import { nearestName } from "../config/fault.ts";
import { LeewayError } from "../../core/errors.ts";
import { requireConfig } from "../config/load.ts";
import { outputPalette, type Palette } from "./colour.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { createProgress } from "./progress.ts";
import { printable } from "./table.ts";
import { textWidth, wrapText } from "./wrap.ts";
import type { DoctorVerdict } from "../doctor/check.ts";
import type { CheckReport } from "../doctor/examine.ts";

export const doctorCommand = defineCommand({
  name: "doctor",
  summary: "check everything that Leeway needs and watches, with what to do",
  description:
    "Looks at Node, memory, disk, ports, the state file, ClickHouse and its tables, Kafka with its topics and consumer group, clocks, baselines, receivers, and at monitors that are noisy or could never fire. Each gets a verdict: ok, warn, fail, or skipped, which means not measured. It changes nothing: it writes a small file into the data directory, and deletes it.",
  options: {
    ...configOptions,
    only: { type: "string", placeholder: "LIST", description: "Only these checks, such as disk,kafka." },
    json: { type: "boolean", description: "Print JSON." },
  },
  audience: "operate",
  exits: { 0: "nothing fails; there may be warnings", 1: "something fails", 3: null },
  examples: [
    "leeway doctor",
    "leeway doctor --only disk,store,kafka",
    "leeway doctor --config deploy/leeway.yaml --json",
  ],
  run: async ({ options }, context) => {
    const config = requireConfig(configRequest(options, context));
    // Loaded here: the other commands need none of it.
    const [{ checks }, { examineService }] = await Promise.all([
      import("../doctor/registry.ts"),
      import("../doctor/examine.ts"),
    ]);
    const names = checks.map(({ name }) => name);
    const wanted = options.only?.split(",").map((name) => name.trim().replaceAll("-", "_")) ?? names;
    for (const name of wanted) {
      if (names.includes(name)) continue;
      const nearest = nearestName(name, names);
      const remedy = nearest === null ? `use some of ${names.join(", ")}` : `did you mean ${nearest}?`;
      throw new LeewayError("usage", `--only: ${JSON.stringify(name)} is not a check; ${remedy}`);
    }
    const chosen = checks.filter(({ name }) => wanted.includes(name));
    let reports: readonly CheckReport[];
    {
      using progress = createProgress(context, { label: "examining", unit: "checks" });
      reports = await examineService(config, chosen, {
        started: (_, index) => progress.update(index, chosen.length),
      });
    }
    const failed = reports.some(({ observations }) => observations.some(({ verdict }) => verdict === "fail"));
    context.write(
      options.json === true ? `${JSON.stringify(jsonOf(reports, failed), null, 2)}\n` : page(reports, context),
    );
    return failed ? 1 : 0;
  },
});

function jsonOf(reports: readonly CheckReport[], failed: boolean): object {
  return {
    verdict: failed ? "fail" : countOf(reports, "warn") > 0 ? "warn" : "ok",
    checks: reports.map(({ check, observations }) => ({ check, observations })),
  };
}

function countOf(reports: readonly CheckReport[], verdict: DoctorVerdict): number {
  return reports.flatMap(({ observations }) => observations).filter((one) => one.verdict === verdict).length;
}

function page(reports: readonly CheckReport[], context: CommandContext): string {
  const palette = outputPalette(context);
  const width = textWidth(context);
  const column = Math.max(...reports.map(({ title }) => title.length));
  const indent = "skipped".length + column + 4;
  const lines = reports.flatMap(({ title, observations }) =>
    observations.flatMap(({ verdict, subject, detail, remedy }) => {
      const text = printable(subject === null ? detail : `${subject}: ${detail}`);
      const head = `${colourOf(verdict, palette)(verdict.padEnd("skipped".length))}  ${title.padEnd(column)}  `;
      const advice =
        remedy === null
          ? []
          : [`${" ".repeat(indent)}${palette.faint("→")} ${wrapText(printable(remedy), width, indent + 2)}`];
      return [`${head}${wrapText(text, width, indent)}`, ...advice];
    }),
  );
  const counts = (["fail", "warn", "ok", "skipped"] as const)
    .map((verdict) => [countOf(reports, verdict), verdict] as const)
    .filter(([count]) => count > 0)
    .map(([count, verdict]) => `${count} ${verdict}`);
  return `${lines.join("\n")}\n\n${palette.strong(counts.join(", "))}\n`;
}

function colourOf(verdict: DoctorVerdict, palette: Palette): (text: string) => string {
  return { ok: palette.good, warn: palette.warning, fail: palette.bad, skipped: palette.faint }[verdict];
}
