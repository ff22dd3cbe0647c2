import { LeewayError } from "../../core/errors.ts";
import { displayPath, formatPath, nearestName } from "../config/fault.ts";
import { requireConfig } from "../config/load.ts";
import { outputPalette } from "./colour.ts";
import { defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { formatTable } from "./table.ts";

export const configCommand = defineCommand({
  name: "config",
  summary: "show what applies to a model, and from which line",
  operands: "effective",
  maxOperands: 1,
  description: "Shows every option of a model after all defaults: its value, and the file and line that set it.",
  options: {
    model: { type: "string", placeholder: "NAME", description: "The model; needed unless there is only one." },
    ...configOptions,
    json: { type: "boolean", description: "Print JSON: path, value, file and line of each option." },
  },
  audience: "operate",
  exits: { 3: null },
  examples: ["leeway config effective --model flight-delay", "leeway config effective --model flight-delay --json"],
  run: async ({ options, operands: [operand] }, context) => {
    if (operand !== "effective") {
      throw new LeewayError("usage", "config: say what to show; write leeway config effective --model NAME");
    }
    const config = requireConfig(configRequest(options, context));
    const names = config.models.map((model) => model.name);
    const name = options.model ?? (names.length === 1 ? names[0] : undefined);
    if (name === undefined) {
      const known = names.length === 0 ? "no model file declares one" : `use one of ${names.join(", ")}`;
      throw new LeewayError("usage", `config: --model is missing; ${known}`);
    }
    const effective = config.effectiveOptions(name);
    if (effective === null) {
      const nearest = nearestName(name, names);
      const remedy = nearest === null ? "leeway models lists them" : `did you mean ${nearest}?`;
      throw new LeewayError("usage", `config: no file declares the model ${JSON.stringify(name)}; ${remedy}`);
    }
    if (options.json === true) {
      const rows = effective.map(({ path, value, source }) => ({
        option: formatPath(path),
        value,
        file: source?.file ?? null,
        line: source?.line ?? null,
      }));
      context.write(`${JSON.stringify(rows, null, 2)}\n`);
      return 0;
    }
    const palette = outputPalette(context);
    context.write(
      formatTable(
        [
          { name: "option", align: "left" },
          { name: "value", align: "left" },
          { name: "from", align: "left", paint: (text, cell) => (cell === "built in" ? palette.faint(text) : text) },
        ],
        effective.map(({ path, value, source }) => [
          formatPath(path),
          typeof value === "object" ? JSON.stringify(value) : String(value),
          source === null ? "built in" : `${displayPath(source.file, context.cwd)}:${source.line}`,
        ]),
        { width: context.output?.columns },
      ),
    );
    return 0;
  },
});
