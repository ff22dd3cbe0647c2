import { describeValue, type WireObject } from "../validation/fault.ts";
import type { Format } from "./format.ts";

/** Leeway's own format: one JSON object a message, UTF-8, field names as in `docs/events.md`. */
export const leewayJson: Format = {
  description: "one JSON object a message in the words of docs/events.md",
  parse: (value, refuse) => {
    let parsed: unknown;
    try {
      parsed = JSON.parse(value.toString("utf8"));
    } catch (error) {
      return refuse("malformed_json", syntaxMessage(error));
    }
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
      return refuse("not_an_object", `the message is ${describeValue(parsed)}, not an object`);
    }
    return parsed as WireObject;
  },
};

/** V8 quotes the text around the mistake, which may be long and hold line breaks. */
function syntaxMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, " ").slice(0, 200);
}
