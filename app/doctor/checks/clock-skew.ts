import { LeewayError } from "../../../core/errors.ts";
import { durationText } from "../../../alerting/text/quantities.ts";
import { storeClock } from "../../../store/facts/health.ts";
import { fail, ok, skipped, type Check, type Observation, warn } from "../check.ts";

const worthALookMs = 2_000;
/** Ages and time-outs are of this order. */
const wrongMs = 30_000;
const remedy = "let both machines follow a time server (chrony or systemd-timesyncd)";

export const clockSkewCheck: Check = {
  name: "clock_skew",
  title: "Clocks",
  run: async (patient) => [
    await unlessAway("ClickHouse", storeObservation(patient)),
    ...[await unlessAway("Kafka", kafkaObservations(patient))].flat(),
  ],
};

/** One clock is measured though the other is away. */
async function unlessAway<Measured>(subject: string, measured: Promise<Measured>): Promise<Measured | Observation> {
  try {
    return await measured;
  } catch (error) {
    if (!(error instanceof LeewayError)) throw error;
    return skipped("it does not answer", subject);
  }
}

async function storeObservation(patient: Parameters<Check["run"]>[0]): Promise<Observation> {
  const subject = "ClickHouse";
  if (patient.config.service.store.url === null) return ok("the embedded engine has this machine's clock", subject);
  const facts = await patient.facts();
  const before = patient.nowMs();
  const { nowMs } = await storeClock(facts);
  const after = patient.nowMs();
  // Half of the way there and back is the best guess of when it looked.
  const skewMs = Math.round(nowMs - (before + after) / 2);
  const detail = `${Math.abs(skewMs)} ms ${skewMs < 0 ? "behind" : "ahead of"} this machine`;
  if (Math.abs(skewMs) >= wrongMs) return fail(detail, remedy, subject);
  return Math.abs(skewMs) >= worthALookMs ? warn(detail, remedy, subject) : ok(detail, subject);
}

/** Kafka does not tell its time. Messages stamped in the future say that a producer's clock, or this one, is wrong. */
async function kafkaObservations(patient: Parameters<Check["run"]>[0]): Promise<readonly Observation[]> {
  const inspection = patient.kafka();
  if (inspection === null) return [];
  const { topics } = await inspection;
  return topics
    .filter(({ partitions }) => partitions !== null)
    .map(({ topic, future, partitions }) => {
      if ((partitions ?? []).every(({ low, high }) => low === high)) return skipped("the topic is empty", topic);
      if (future === 0) return ok("no message is stamped later than now", topic);
      const detail = `stamped more than ${durationText(futureToleranceMs)} later than now: ${future.toLocaleString("en-US")} messages or fewer`;
      return warn(detail, `a producer's clock is ahead or this one is behind: ${remedy}`, topic);
    });
}

/** How far ahead a stamp may be before it is taken for wrong. */
export const futureToleranceMs = 60_000;
