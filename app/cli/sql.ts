import { text } from "node:stream/consumers";
import { LeewayError } from "../../core/errors.ts";
import { readStatement } from "../../store/facts/reader.ts";
import { requireConfig } from "../config/load.ts";
import { readerAddress } from "../lifecycle/store-reader.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions, configRequest } from "./config-options.ts";
import { type Cell, formatTable } from "./table.ts";

/** Formats by the names people use; any other name goes to ClickHouse as it is. */
const formats: Readonly<Record<string, string>> = {
  csv: "CSVWithNames",
  json: "JSONEachRow",
  markdown: "Markdown",
  parquet: "Parquet",
  tsv: "TabSeparatedWithNames",
  vertical: "Vertical",
};

export const sqlCommand = defineCommand({
  name: "sql",
  summary: "read the tables with one SQL statement",
  operands: '"SELECT …"',
  maxOperands: 1,
  description:
    "Runs one read-only statement and prints its rows. It reads the embedded engine of a running `leeway serve`, or the\nClickHouse server of the configuration with its reader. Tables: events, labels, profiles, evaluations,\nfinding_history …; views: v_<model>, v_<model>_labelled.",
  options: {
    ...configOptions,
    format: {
      type: "string",
      placeholder: "NAME",
      description: `table (default), ${Object.keys(formats).join(", ")}, or any ClickHouse format.`,
    },
  },
  audience: "look",
  exits: { 2: "the command line, the configuration or the statement is wrong" },
  examples: [
    'leeway sql "SELECT model, count() FROM events GROUP BY model"',
    'leeway sql "SHOW TABLES" --data data/demo',
    'leeway sql "SELECT * FROM evaluations" --format csv > evaluations.csv',
  ],
  run: async ({ options, operands: [statement] }, context) => {
    const sql = statement?.trim().replace(/;\s*$/, "") ?? "";
    if (sql === "") throw new LeewayError("usage", 'sql: no statement; write leeway sql "SELECT …"');
    const { service } = requireConfig(configRequest(options, context));
    const address = await readerAddress(service);
    const format = options.format ?? "table";
    // A FORMAT of one's own asks for its bytes.
    if (format === "table" && !/\bFORMAT\s+\w+\s*$/i.test(sql)) {
      context.write(tableOf(await text(await readStatement(address, sql, "JSONCompactEachRowWithNamesAndTypes"))));
      return 0;
    }
    const target = formats[format.toLowerCase()] ?? (format === "table" ? "TabSeparated" : format);
    await pass(await readStatement(address, sql, target), context);
    return 0;
  },
});

/** JSONCompactEachRowWithNamesAndTypes: a line of names, one of types, then a line per row. */
function tableOf(lines: string): string {
  const rows = lines.split("\n").filter((line) => line !== "");
  const [names = [], types = [], ...body] = rows.map((line) => JSON.parse(line, exactNumber) as readonly unknown[]);
  if (names.length === 0) return "";
  return formatTable(
    names.map((name, index) => ({ name: String(name), align: isNumberType(String(types[index])) ? "right" : "left" })),
    body.map((row) => row.map(cellOf)),
  );
}

/** Keeps a number's digits where a double would lose some: UInt64, Decimal. */
function exactNumber(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" && String(value) !== context?.source ? (context?.source ?? value) : value;
}

function isNumberType(type: string): boolean {
  return /^(LowCardinality\()?(Nullable\()?(U?Int|Float|Decimal|BFloat)/.test(type);
}

function cellOf(value: unknown): Cell {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  return JSON.stringify(value);
}

async function pass(source: AsyncIterable<Uint8Array>, context: CommandContext): Promise<void> {
  for await (const chunk of source) await context.writeBytes(chunk);
}
