import type { KafkaInspection } from "../../collector/sources/kafka-inspection.ts";
import type { Facts } from "../../store/facts/client.ts";
import type { LoadedConfig } from "../config/load.ts";

/** `skipped` is not measured: nothing is known, which is never ok. */
export const verdicts = ["ok", "warn", "fail", "skipped"] as const;
export type DoctorVerdict = (typeof verdicts)[number];

/** What a check found of one thing. */
export interface Observation {
  readonly verdict: DoctorVerdict;
  /** Which topic, model or receiver; null where there is only one thing. */
  readonly subject: string | null;
  /** One clause with the numbers. */
  readonly detail: string;
  /** What to do; null if nothing is to be done. */
  readonly remedy: string | null;
}

/** What checks look at. Connections are made once, when the first check asks; each throws what kept it from being made. */
export interface Patient {
  readonly config: LoadedConfig;
  /** @throws LeewayError of the store. */
  readonly facts: () => Promise<Facts>;
  /** Null if no broker is configured. @throws LeewayError `kafka_unreachable`. */
  readonly kafka: () => Promise<KafkaInspection> | null;
  /** Wall clock, ms. */
  readonly nowMs: () => number;
}

export interface Check {
  readonly name: string;
  /** What it is about, for people. */
  readonly title: string;
  /**
   * Changes nothing. A LeewayError that it throws because the store or Kafka is away is told as `skipped`: the check of that
   * part says what is wrong with it.
   */
  readonly run: (patient: Patient) => Promise<readonly Observation[]>;
}

export const ok = (detail: string, subject: string | null = null): Observation => ({
  verdict: "ok",
  subject,
  detail,
  remedy: null,
});

export const warn = (detail: string, remedy: string, subject: string | null = null): Observation => ({
  verdict: "warn",
  subject,
  detail,
  remedy,
});

export const fail = (detail: string, remedy: string, subject: string | null = null): Observation => ({
  verdict: "fail",
  subject,
  detail,
  remedy,
});

export const skipped = (reason: string, subject: string | null = null): Observation => ({
  verdict: "skipped",
  subject,
  detail: `not measured: ${reason}`,
  remedy: null,
});
