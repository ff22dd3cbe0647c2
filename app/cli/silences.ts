import type { SilenceView } from "../../alerting/incident-view.ts";
import type { MatcherOperator, Matchers } from "../../store/state/silences.ts";
import { LeewayError } from "../../core/errors.ts";
import { nearestName } from "../config/fault.ts";
import { actor, actorOptions, durationBody, durationOptions, matchersText, minuteText } from "./actor.ts";
import { getJson, sendJson, serviceAddress } from "./api-client.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { configOptions } from "./config-options.ts";
import { formatTable, printable } from "./table.ts";

const verbs = ["list", "add", "end"] as const;

export const silencesCommand = defineCommand({
  name: "silences",
  summary: "hold back notifications for a while",
  operands: "[list] | add MATCHER... | end ID",
  maxOperands: 20,
  description:
    "list shows the silences that hold now, with the open incidents that they match. add makes one: notifications whose findings all match it are held back and recorded, and what is still to be said when it ends is said then. Labels are alertname, model, environment, team, signal, feature, slice and severity; a matcher is LABEL=VALUE, LABEL!=VALUE, LABEL=~PATTERN or LABEL!~PATTERN, where a pattern is a regular expression for the whole value. All must hold; of a label that is named more than once with the same operator one value is enough, and with != or !~ none may hold. Ends of incidents are told to who was told that they opened. end ends one before its time.\nAll of them ask the running service: the one of LEEWAY_URL, else the one that serves the data directory. LEEWAY_TOKEN is sent if it is set.",
  options: {
    ...configOptions,
    all: { type: "boolean", description: "List those that are over as well." },
    ...actorOptions,
    ...durationOptions,
    json: { type: "boolean", description: "Print JSON instead of a table or a line." },
  },
  audience: "act",
  exits: { 1: "no silence has this id" },
  examples: [
    "leeway silences --all",
    "leeway silences add model=flight-delay severity=ticket --for 8h --comment 'loading history'",
    "leeway silences add model=flight-delay feature=hour feature=origin --until 2026-11-27",
    "leeway silences add model=flight-delay 'feature=~lag_.*' severity!=page",
    "leeway silences end 9d0c41b7e25a6f38",
  ],
  run: async ({ options, operands: [verb = "list", ...rest] }, context) => {
    const address = serviceAddress(options, context);
    const say = (answer: object, text: string) =>
      context.write(options.json === true ? `${JSON.stringify(answer, null, 2)}\n` : text);
    switch (verb) {
      case "list": {
        const path = `/api/v1/silences?status=${options.all === true ? "all" : "active"}`;
        const { silences } = await getJson<{ silences: readonly SilenceView[] }>(address, path);
        say(silences, silences.length === 0 ? "no silences\n" : table(silences, context));
        return 0;
      }
      case "add": {
        const body = {
          matchers: parseMatchers(rest),
          ...actor("silences", options, context),
          ...durationBody(options),
        };
        const silence = await sendJson<SilenceView>(address, "POST", "/api/v1/silences", body);
        const { id, matchers, until, matches } = silence;
        const now =
          matches.length === 0 ? "no open incident matches now" : `open incidents that match: ${matches.join(", ")}`;
        const head = `silence ${id} holds until ${minuteText(until)} UTC: ${printable(matchersText(matchers))}`;
        say(silence, `${head}\n${now}\n`);
        return 0;
      }
      case "end": {
        const [id, extra] = rest;
        if (id === undefined) throw new LeewayError("usage", "silences: say which; leeway silences lists them");
        if (extra !== undefined)
          throw new LeewayError("usage", `silences: ${JSON.stringify(extra)} is one operand too many`);
        const { by } = actor("silences", options, context);
        const path = `/api/v1/silences/${encodeURIComponent(id)}`;
        const silence = await sendJson<SilenceView>(address, "DELETE", path, { by });
        const { ended, until } = silence;
        say(
          silence,
          ended === null
            ? `silence ${id} ran out ${minuteText(until)} UTC\n`
            : `silence ${id} was ended by ${printable(ended.by)} ${minuteText(ended.at)} UTC; what it held back is said now, if it is still so\n`,
        );
        return 0;
      }
      default: {
        const nearest = nearestName(verb, verbs);
        const remedy = nearest === null ? `write ${verbs.join(", ")}` : `did you mean ${nearest}?`;
        throw new LeewayError("usage", `silences: ${JSON.stringify(verb)} is not a verb; ${remedy}`);
      }
    }
  },
});

/** `model=flight-delay`, `feature=~lag_.*` …, as the API takes them. @throws usage */
function parseMatchers(texts: readonly string[]): Matchers {
  if (texts.length === 0) {
    throw new LeewayError("usage", "silences: name what is held back, such as model=flight-delay feature=hour");
  }
  const matchers: Record<string, Partial<Record<MatcherOperator, string[]>>> = {};
  for (const text of texts) {
    const [, label, operator, value] = /^([a-z_]+)(=~|!~|!=|=)(.*)$/s.exec(text) ?? [];
    if (label === undefined || operator === undefined || value === undefined) {
      const forms = "write feature=hour, feature!=hour, feature=~'lag_.*' or feature!~'lag_.*'";
      throw new LeewayError("usage", `silences: ${JSON.stringify(text)} is not LABEL=VALUE; ${forms}`);
    }
    ((matchers[label] ??= {})[operator as MatcherOperator] ??= []).push(value);
  }
  return matchers;
}

function table(silences: readonly SilenceView[], context: CommandContext): string {
  return formatTable(
    ["silence", "status", "until", "by", "matchers", "open incidents", "comment"].map((name) => ({
      name,
      align: "left",
    })),
    silences.map(({ id, status, until, by, matchers, matches, comment, ended }) => [
      id,
      status,
      minuteText(ended?.at ?? until),
      by,
      matchersText(matchers),
      matches.length === 0 ? null : matches.join(" "),
      comment,
    ]),
    { width: context.output?.columns },
  );
}
