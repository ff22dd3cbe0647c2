import { ingestPaths } from "../../collector/sources/http-paths.ts";

/** For whom nobody sends anything yet: one line for a shell, which makes a new event each time. */
export function firstEventCommand({ url, needsToken }: { readonly url: string; readonly needsToken: boolean }): string {
  const event = {
    event_id: "try-'$(date +%s)'",
    model: "my-model",
    event_time: "NOW",
    features: { amount: 12.5, country: "NL" },
    prediction: "ok",
  };
  // Milliseconds, as a number.
  const body = JSON.stringify(event).replace('"NOW"', "'$(date +%s)'000");
  const token = needsToken ? ' -H "Authorization: Bearer $LEEWAY_TOKEN"' : "";
  return `curl -s ${url}${ingestPaths.events}${token} -H 'Content-Type: application/json' -d '${body}'`;
}
