import { accessSync, constants, existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { judgedMetrics, judgedMetricsOf, labelledModelView, modelView } from "../../core/model.ts";
import { sqlTokens } from "../../store/engine/sql-tokens.ts";
import type { ConfigDocument } from "./document.ts";
import { type ConfigFault, nearestName, type PathPart } from "./fault.ts";
import { faultAt, valueAt } from "./file-faults.ts";
import { isLoopback } from "./loopback.ts";

/**
 * What a file's values say about one another and about the disk. These checks look at the plain values, whatever the
 * schema found, so that a mistyped option elsewhere does not hide them.
 */

/** Secrets' files exist, and no option stands beside its own `_file`. */
export function fileOptionFaults(document: ConfigDocument): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  visit(document.value, [], (map, path) => {
    for (const [key, value] of Object.entries(map)) {
      const option = /^(.+)_file$/.exec(key)?.[1];
      if (option === undefined || typeof value !== "string") continue;
      if (Object.hasOwn(map, option)) {
        faults.push(faultAt(document, [...path, key], `stands beside ${option}; keep one of them`));
      }
      const file = resolve(dirname(document.file), value);
      const reason = unreadable(file);
      if (reason !== null) {
        faults.push(faultAt(document, [...path, key], `the file ${file} ${reason}; create it or correct the path`));
      }
    }
  });
  return faults;
}

function visit(
  value: unknown,
  path: readonly PathPart[],
  each: (map: Readonly<Record<string, unknown>>, path: readonly PathPart[]) => void,
): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => visit(item, [...path, index], each));
    return;
  }
  each(value as Record<string, unknown>, path);
  for (const [key, below] of Object.entries(value)) visit(below, [...path, key], each);
}

function unreadable(file: string): string | null {
  if (!existsSync(file)) return "does not exist";
  try {
    accessSync(file, constants.R_OK);
    return null;
  } catch {
    return "may not be read";
  }
}

/** Every route leads to a receiver that exists, and no two receivers share a name. */
export function receiverFaults(document: ConfigDocument): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  const receivers = valueAt(document.value, ["receivers"]);
  const names = Array.isArray(receivers)
    ? receivers.map((_, index) => textAt(document, ["receivers", index, "name"]))
    : ["console"];
  names.forEach((name, index) => {
    if (name !== null && names.indexOf(name) < index) {
      faults.push(
        faultAt(
          document,
          ["receivers", index, "name"],
          `${JSON.stringify(name)} is the name of an earlier receiver too; rename one`,
        ),
      );
    }
  });
  const known = names.filter((name) => name !== null);
  const checkRoute = (path: readonly PathPart[]): void => {
    const receiver = textAt(document, [...path, "receiver"]);
    if (receiver !== null && !known.includes(receiver)) {
      const nearest = nearestName(receiver, known);
      const remedy =
        nearest === null ? `add it to receivers, or use one of ${known.join(", ")}` : `did you mean ${nearest}?`;
      faults.push(
        faultAt(document, [...path, "receiver"], `no receiver is named ${JSON.stringify(receiver)}; ${remedy}`),
      );
    }
    const routes = valueAt(document.value, [...path, "routes"]);
    if (Array.isArray(routes)) routes.forEach((_, index) => checkRoute([...path, "routes", index]));
  };
  checkRoute(["route"]);
  return faults;
}

/** A topic carries events, labels or dead letters, never two of them. */
export function topicFaults(document: ConfigDocument): readonly ConfigFault[] {
  const topics: readonly PathPart[] = ["kafka", "topics"];
  const list = (name: string, fallback: string): readonly unknown[] => {
    const value = valueAt(document.value, [...topics, name]);
    return Array.isArray(value) ? value : [fallback];
  };
  const events = list("events", "leeway.events");
  const labels = list("labels", "leeway.labels");
  const faults: ConfigFault[] = [];
  const both = events.find((topic) => labels.includes(topic));
  if (both !== undefined) {
    faults.push(
      faultAt(
        document,
        [...topics, "labels"],
        `${JSON.stringify(both)} is a topic of events too; a topic carries one of the two`,
      ),
    );
  }
  const deadLetters = textAt(document, [...topics, "dead_letters"]) ?? "leeway.dead-letters";
  if (events.includes(deadLetters) || labels.includes(deadLetters)) {
    faults.push(
      faultAt(
        document,
        [...topics, "dead_letters"],
        "is a topic that the collector reads; dead letters need one of their own",
      ),
    );
  }
  return faults;
}

/** Who listens where others can reach it lets nobody in without a token. */
export function listenFaults(document: ConfigDocument): readonly ConfigFault[] {
  const host = /^(.+):\d+$/.exec(textAt(document, ["http", "listen"]) ?? "")?.[1]?.replace(/^\[(.*)\]$/, "$1");
  if (host === undefined || isLoopback(host) || textAt(document, ["http", "tokens_file"]) !== null) return [];
  const message = `is ${host}, which others can reach; set http.tokens_file, or listen on 127.0.0.1`;
  return [faultAt(document, ["http", "listen"], message)];
}

/** An entry of `defaults:` that selects by no tag would silently mean every model. */
export function selectorFaults(document: ConfigDocument): readonly ConfigFault[] {
  const entries = valueAt(document.value, ["defaults"]);
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((_, index) => {
    const match = valueAt(document.value, ["defaults", index, "match"]);
    const empty = typeof match === "object" && match !== null && Object.keys(match).length === 0;
    const message = "is an empty map; name a tag, or remove it to mean all models";
    return empty ? [faultAt(document, ["defaults", index, "match"], message)] : [];
  });
}

/** A model's baseline: the file is there, the range runs forwards. */
export function baselineFaults(document: ConfigDocument): readonly ConfigFault[] {
  const kind = valueAt(document.value, ["baseline", "kind"]);
  if (kind === "range" || kind === "version" || kind === "concurrent") {
    const [from, to] = ["from", "to"].map((name) => Date.parse(textAt(document, ["baseline", name]) ?? ""));
    if (from! >= to!) {
      return [
        faultAt(document, ["baseline", "to"], "is not after baseline.from; it is the end of the range, exclusive"),
      ];
    }
  }
  const path = textAt(document, ["baseline", "path"]);
  if (kind !== "file" || path === null) return [];
  const file = resolve(dirname(document.file), path);
  if (!/\.(parquet|csv|ndjson|jsonl)$/i.test(file)) {
    return [faultAt(document, ["baseline", "path"], "is of no known format; use a .parquet, .csv or .ndjson file")];
  }
  const reason = unreadable(file);
  if (reason === null) return [];
  return [faultAt(document, ["baseline", "path"], `the file ${file} ${reason}; create it or correct the path`)];
}

/** Metrics that the task has, one of the class and one of the score. */
export function performanceFaults(document: ConfigDocument): readonly ConfigFault[] {
  const metrics = valueAt(document.value, ["performance", "metrics"]);
  if (!Array.isArray(metrics)) return [];
  const kind = textAt(document, ["task", "kind"]) ?? "unknown";
  const of = Object.entries(judgedMetricsOf).find(([task]) => task === kind)?.[1] ?? { class: [], score: [] };
  const known = [...of.class, ...of.score].join(", ");
  const names = metrics.map((_, index) => textAt(document, ["performance", "metrics", index, "metric"]));
  const resultOf = (name: string | null) =>
    (["class", "score"] as const).find((result) => of[result].some((metric) => metric === name)) ?? null;
  return names.flatMap((name, index) => {
    const at = ["performance", "metrics", index, "metric"];
    if (!judgedMetrics.some((metric) => metric === name)) return [];
    const result = resultOf(name);
    if (result === null) {
      return [faultAt(document, at, `${name} is no metric of task ${kind}; use ${known === "" ? "none" : known}`)];
    }
    const earlier = names.slice(0, index).find((other) => resultOf(other) === result);
    if (earlier === undefined) return [];
    return [faultAt(document, at, `${name} speaks of the ${result}, as ${earlier} does; keep one of them`)];
  });
}

/** Outcomes belong to predictions as labels do: the task says when they are due. */
export function outcomeFaults(document: ConfigDocument): readonly ConfigFault[] {
  const outcomes = valueAt(document.value, ["outcomes"]);
  if (!Array.isArray(outcomes) || outcomes.length === 0) return [];
  const task = textAt(document, ["task", "kind"]);
  if (task === null || task === "unknown") {
    return [
      faultAt(document, ["outcomes"], "needs a task, whose label_delay says when outcomes are due; declare task"),
    ];
  }
  const names = outcomes.map((_, index) => textAt(document, ["outcomes", index, "name"]));
  return names.flatMap((name, index) => {
    if (name === null || names.indexOf(name) === index) return [];
    const message = `${JSON.stringify(name)} is the name of an earlier outcome too; rename one`;
    return [faultAt(document, ["outcomes", index, "name"], message)];
  });
}

/** A monitor's statement, as far as it can be judged without the store: one SELECT, with its brackets and texts closed. */
export function monitorFaults(document: ConfigDocument, model: string): readonly ConfigFault[] {
  const monitors = valueAt(document.value, ["monitors"]);
  if (!Array.isArray(monitors)) return [];
  const names = monitors.map((_, index) => textAt(document, ["monitors", index, "name"]));
  return monitors.flatMap((_, index) => {
    const faults: ConfigFault[] = [];
    const name = names[index] ?? null;
    if (name !== null && names.indexOf(name) < index) {
      const message = `${JSON.stringify(name)} is the name of an earlier monitor too; rename one`;
      faults.push(faultAt(document, ["monitors", index, "name"], message));
    }
    const features = valueAt(document.value, ["features"]);
    if (name !== null && typeof features === "object" && features !== null && Object.hasOwn(features, name)) {
      const message = `${JSON.stringify(name)} is a feature too; give the monitor a name of its own`;
      faults.push(faultAt(document, ["monitors", index, "name"], message));
    }
    const sql = textAt(document, ["monitors", index, "sql"]);
    const wrong = sql === null ? null : wrongStatement(sql, model);
    if (wrong !== null) faults.push(faultAt(document, ["monitors", index, "sql"], wrong));
    return faults;
  });
}

/** Parameters that a statement gets. */
const statementParameters = ["from", "to", "environment"];

function wrongStatement(sql: string, model: string): string | null {
  const tokens = sqlTokens(sql.trim().replace(/;$/, ""));
  const first = tokens.find(({ text }) => text !== "(")?.text ?? "nothing";
  if (!/^(select|with)$/i.test(first)) return `begins with ${first}; write one SELECT that gives one number`;
  let depth = 0;
  for (const { kind, text, start } of tokens) {
    if (text === ";") return "holds several statements; write one SELECT";
    const quote = text[0] ?? "";
    const unfinished = text.length < 2 || (!text.startsWith("$") && !text.endsWith(quote));
    if ((kind === "string" || kind === "quoted") && unfinished) return `has a ${quote} that is not closed; close it`;
    if (kind === "word" && /^(format|into|settings)$/i.test(text) && depth === 0) {
      return `holds ${text.toUpperCase()}; leave it out: the value is read as it is`;
    }
    if (text === "(") depth += 1;
    if (text === ")") depth -= 1;
    if (depth < 0) return "closes a bracket that it did not open; remove it";
    if (text !== "{") continue;
    const parameter = /^\{\s*(\w+)\s*:/.exec(sql.trim().slice(start))?.[1];
    if (parameter !== undefined && !statementParameters.includes(parameter)) {
      return `has a parameter {${parameter}}; there are {from:DateTime64(3)}, {to:DateTime64(3)} and {environment:String}`;
    }
  }
  if (depth > 0) return "has a bracket that is not closed; close it";
  const view = modelView(model);
  const views = [view, labelledModelView(model)];
  const reads = tokens.some(({ text }) => views.includes(text.replaceAll(/^[`"]|[`"]$/g, "")));
  // A name that needs quoting may be escaped in more ways than one.
  if (reads || !/^\w+$/.test(model)) return null;
  return `does not read ${view}; select from it, or it says nothing of this model's windows`;
}

function textAt(document: ConfigDocument, path: readonly PathPart[]): string | null {
  const value = valueAt(document.value, path);
  return typeof value === "string" ? value : null;
}
