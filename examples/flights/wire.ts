import type { DelayClass } from "./delay-model.ts";
import type { Flight } from "./dataset.ts";
import type { Inputs } from "./features.ts";

export const modelName = "flight-delay";

/** The same flight has the same id in every run. */
export function eventId(flight: Flight): string {
  return `flight-${String(flight.sequence).padStart(7, "0")}`;
}

/**
 * An inference event as JSON. The strings put in are codes and ids of the data set, which need no escaping: a template is
 * several times as fast as JSON.stringify of an object.
 */
export function eventJson(event: {
  readonly flight: Flight;
  readonly version: string;
  /** RFC 3339. */
  readonly eventTime: string;
  readonly inputs: Inputs;
  readonly score: number;
  readonly prediction: DelayClass;
  readonly originState: string;
}): string {
  const { flight, inputs } = event;
  const origin = inputs.origin === null ? "null" : `"${inputs.origin}"`;
  return (
    `{"event_id":"${eventId(flight)}","model":"${modelName}","version":"${event.version}",` +
    `"event_time":"${event.eventTime}","features":{"hour":${inputs.hour},"distance":${inputs.distance},` +
    `"origin":${origin},"destination":"${inputs.destination}","haul":"${inputs.haul}",` +
    `"origin_traffic":${inputs.originTraffic},"weekday":"${inputs.weekday}"},"prediction":"${event.prediction}",` +
    `"scores":{"late":${event.score}},"cohorts":{"origin_state":"${event.originState}","haul":"${inputs.haul}"}}`
  );
}

/** A label as JSON: what really happened to the flight of an event. */
export function labelJson(label: {
  readonly flight: Flight;
  readonly label: DelayClass;
  /** RFC 3339. */
  readonly labelTime: string;
}): string {
  return `{"event_id":"${eventId(label.flight)}","model":"${modelName}","label":"${label.label}","label_time":"${label.labelTime}"}`;
}
