import { z } from "zod";
import { parseDuration } from "./duration.ts";

/**
 * The kinds of value that options are made of. Each says what is wrong and what to do in one message; `value` in the
 * metadata is the kind's name in the documentation.
 */

const durationMessage = "is not a duration; write a whole number and a unit: 30s, 5m, 1h, 90d";

/** Text such as `5m`; becomes milliseconds. */
export const duration = z
  .string({ error: durationMessage })
  .regex(/^\d+(ms|s|m|h|d|w)$/, { error: durationMessage })
  .transform((text) => parseDuration(text) ?? 0)
  .meta({ value: "duration" });

const positiveMessage = "is not a duration longer than zero; write a whole number and a unit: 30s, 5m, 1h, 90d";

/** A duration that is not zero. */
export const positiveDuration = z
  .string({ error: positiveMessage })
  .regex(/^0*[1-9]\d*(ms|s|m|h|d|w)$/, { error: positiveMessage })
  .transform((text) => parseDuration(text) ?? 0)
  .meta({ value: "duration" });

const wholeDaysMessage = "is not a number of whole days; write it as 90d";

/** Text such as `90d` or `12w`; becomes days. */
export const wholeDays = z
  .string({ error: wholeDaysMessage })
  .regex(/^0*[1-9]\d*(d|w)$/, { error: wholeDaysMessage })
  .transform((text) => Math.round((parseDuration(text) ?? 0) / 86_400_000))
  .meta({ value: "days" });

const windowMessage = "is neither auto nor a duration; write auto, 1h, 6h or 1d";

export const windowLength = z
  .string({ error: windowMessage })
  .regex(/^(auto|0*[1-9]\d*(s|m|h|d|w))$/, { error: windowMessage })
  .transform((text): number | "auto" => (text === "auto" ? "auto" : (parseDuration(text) ?? 0)))
  .meta({ value: "auto or duration" });

const sizeMessage = "is not a size; write a whole number and a unit: 512KiB, 64MiB, 1GiB";
const sizeUnits: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Text such as `256MiB`; becomes bytes. */
export const byteSize = z
  .string({ error: sizeMessage })
  .regex(/^0*[1-9]\d*(B|KiB|MiB|GiB)$/, { error: sizeMessage })
  .transform((text) => {
    const [, digits, unit] = /^(\d+)(\w+)$/.exec(text) ?? [];
    return Number(digits) * (sizeUnits[unit ?? ""] ?? 1);
  })
  .meta({ value: "size" });

const instantMessage = "is not a time; write 2026-01-01 (midnight UTC) or 2026-01-01T00:00:00Z";

/** A date (midnight UTC) or RFC 3339 with a zone; becomes milliseconds since 1970. */
export const instant = z
  .string({ error: instantMessage })
  .regex(/^\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d))?$/, {
    error: instantMessage,
    abort: true,
  })
  .refine((text) => !Number.isNaN(Date.parse(text)), { error: instantMessage })
  .transform((text) => Date.parse(text))
  .meta({ value: "time" });

export const zone = z
  .string()
  .refine(isZone, { error: "is not a time zone; write an IANA name such as UTC or Europe/Berlin" })
  .meta({ value: "time zone" });

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Text that says something. */
export const nonEmptyText = z.string().min(1, { error: "is empty; write a name" });

const urlMessage = "is not an http(s) URL; write it as http://host:port";

export const httpUrl = z
  .string({ error: urlMessage })
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), { error: urlMessage })
  .meta({ value: "URL" });

const listenMessage =
  "is not an address; write host:port, such as 127.0.0.1:8686 or [::1]:8686 (port 0 takes a free one)";

export const listenAddress = z
  .string({ error: listenMessage })
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s[\]]+):\d{1,5}$/, { error: listenMessage, abort: true })
  .refine((text) => Number(/\d+$/.exec(text)?.[0]) <= 65_535, { error: listenMessage })
  .transform((text) => {
    const colon = text.lastIndexOf(":");
    return { host: text.slice(0, colon).replaceAll(/[[\]]/g, ""), port: Number(text.slice(colon + 1)) };
  })
  .meta({ value: "address" });

export const brokerPattern = /^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/;

/** Brokers as a comma list or a YAML list. */
export const brokerList = z
  .union([z.string(), z.array(z.string())], {
    error: "is neither text nor a list of texts; write host:port, or [host:port, …]",
  })
  .transform((value) =>
    (typeof value === "string" ? value.split(",") : value).map((item) => item.trim()).filter((item) => item !== ""),
  )
  .superRefine((brokers, context) => {
    for (const broker of brokers) {
      if (brokerPattern.test(broker)) continue;
      context.addIssue({ code: "custom", message: `${JSON.stringify(broker)} is not a broker; write host:port` });
    }
  })
  .meta({ value: "comma list or list" });
