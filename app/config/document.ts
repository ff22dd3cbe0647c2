import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parse,
  parseDocument,
  type Document,
  type Node,
  type Scalar,
} from "yaml";
import { type ConfigFault, formatPath, type PathPart } from "./fault.ts";

/** A YAML file as plain data, that still knows on which line each value stands. */
export interface ConfigDocument {
  /** Absolute path. */
  readonly file: string;
  /** Plain data with `${X}` replaced; a value that is nothing but `${X:-}` with X unset is left out. */
  readonly value: unknown;
  /** What the syntax and the variables had wrong; with a syntax fault `value` is null. */
  readonly faults: readonly ConfigFault[];
  /** Line of a path's key or value, or of the nearest enclosing one that exists; counted from 1. */
  readonly lineOf: (path: readonly PathPart[]) => number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Parses one YAML file. Never throws for what the file says. */
export function parseConfigDocument(file: string, text: string, environment: Environment): ConfigDocument {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true });
  const lineAt = (offset: number | undefined) => (offset === undefined ? 1 : lineCounter.linePos(offset).line || 1);

  const syntaxFaults = document.errors.map((error) => ({
    file,
    line: lineAt(error.pos[0]),
    path: "",
    message:
      error.code === "DUPLICATE_KEY"
        ? "this key stands twice in one map; keep one of them"
        : `is not valid YAML (${error.message.replaceAll(/\s+/g, " ").trim()}); correct the syntax`,
  }));
  if (syntaxFaults.length > 0) return { file, value: null, faults: syntaxFaults, lineOf: () => 1 };

  const lines = new Map<string, number>();
  const faults: ConfigFault[] = [];
  const reader: Reader = { document, environment, lineAt, lines, faults, file };
  const value = document.contents === null ? {} : (read(reader, document.contents, []) ?? {});
  return {
    file,
    value,
    faults,
    lineOf: (path) => {
      for (let length = path.length; length >= 0; length--) {
        const line = lines.get(JSON.stringify(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return 1;
    },
  };
}

interface Reader {
  readonly document: Document;
  readonly environment: Environment;
  readonly lineAt: (offset: number | undefined) => number;
  readonly lines: Map<string, number>;
  readonly faults: ConfigFault[];
  readonly file: string;
}

/** @returns plain data; undefined means "left out". */
function read(reader: Reader, node: unknown, path: readonly PathPart[]): unknown {
  const key = JSON.stringify(path);
  // A map's pair has set the line of its key already, and that is where a reader looks.
  if (!reader.lines.has(key)) reader.lines.set(key, reader.lineAt((node as Node | null)?.range?.[0]));
  if (isAlias(node)) return read(reader, node.resolve(reader.document), path);
  if (isMap(node)) {
    const result: Record<string, unknown> = {};
    for (const pair of node.items) {
      const name = isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
      const below = [...path, name];
      reader.lines.set(JSON.stringify(below), reader.lineAt((pair.key as Node | null)?.range?.[0]));
      const value = pair.value === null ? null : read(reader, pair.value, below);
      // defineProperty: a key named __proto__ is data like any other.
      if (value !== undefined) {
        Object.defineProperty(result, name, { value, enumerable: true, configurable: true, writable: true });
      }
    }
    return result;
  }
  if (isSeq(node)) {
    return node.items.map((item, index) => read(reader, item, [...path, index])).filter((item) => item !== undefined);
  }
  if (isScalar(node)) return readScalar(reader, node, path);
  return null;
}

const variable = /\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}|\$\$\{/g;

function readScalar(reader: Reader, node: Scalar, path: readonly PathPart[]): unknown {
  const text = node.value;
  if (typeof text !== "string" || !text.includes("${")) return text;
  let replaced = false;
  const result = text.replaceAll(
    variable,
    (match, name: string | undefined, fallbackPart?: string, fallback?: string) => {
      if (name === undefined) return "${"; // $${ stands for a literal ${
      replaced = true;
      const value = reader.environment[name];
      // As in a shell, `:-` also stands in for a variable that is set but empty.
      if (fallbackPart !== undefined) return value === undefined || value === "" ? (fallback ?? "") : value;
      if (value !== undefined) return value;
      reader.faults.push({
        file: reader.file,
        line: reader.lineAt(node.range?.[0]),
        path: formatPath(path),
        message: `the environment variable ${name} is not set; set it, or write \${${name}:-default}`,
      });
      return match;
    },
  );
  if (replaced && result === "") return undefined;
  // An unquoted ${PORT} may stand for a number or a boolean, as if the value were written there.
  if (replaced && node.type === "PLAIN") {
    const scalar: unknown = parseScalar(result);
    if (typeof scalar === "number" || typeof scalar === "boolean") return scalar;
  }
  return result;
}

function parseScalar(text: string): unknown {
  return /^(true|false|[-+.\d][\d.eE+-]*)$/.test(text) ? parse(text) : text;
}
