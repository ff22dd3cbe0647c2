import type { Clock } from "../../core/clock.ts";
import type { ModelSpec, ServiceClockKind } from "../../core/model.ts";
import type { Facts } from "../../store/facts/client.ts";
import type { IncidentPort } from "./incident-record.ts";

/** What the page reads from. It writes nothing. */
export interface PageSource {
  readonly facts: Facts;
  readonly models: () => readonly ModelSpec[];
  /** Null while alerting starts. */
  readonly incidents: () => IncidentPort | null;
  /** The wall's: for "how long ago". */
  readonly clock: Clock;
  /** On which clock the detector is behind, or not. */
  readonly serviceClock: ServiceClockKind;
  /** Where events are sent to: `http://127.0.0.1:8686`. */
  readonly url: string;
}
