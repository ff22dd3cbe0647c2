import { eventTopics } from "../../../store/facts/health.ts";
import { ok, skipped, type Check, type Observation, warn } from "../check.ts";

/** A partition whose lag nobody reports is never left out of the watermark: its model's windows do not close. */
export const watermarkCheck: Check = {
  name: "watermark",
  title: "Watermarks",
  run: async (patient) => {
    const { kafka } = patient.config.service;
    if (kafka === null) return [skipped("no broker is configured, so no topic holds one back")];
    const facts = await patient.facts();
    const rows = await eventTopics(facts);
    if (rows.length === 0) return [skipped("no event has been stored yet")];
    const observations: Observation[] = [];
    for (const [model, own] of Map.groupBy(rows, (row) => row.model)) {
      const gone = own.filter(({ topic }) => !kafka.topics.events.includes(topic));
      if (gone.length === 0) continue;
      const topics = [...new Set(gone.map(({ topic }) => topic))];
      const newest = new Date(Math.max(...gone.map(({ lastEventMs }) => lastEventMs))).toISOString().slice(0, 16);
      observations.push(
        warn(
          `has events of ${topics.join(", ")}, which kafka.topics.events does not name; the newest is of ${newest.replace("T", " ")}: its windows after that do not close`,
          "name the topic again until its messages have expired, or delete the model's events of that topic",
          model,
        ),
      );
    }
    return observations.length > 0 ? observations : [ok("every topic that events came from is still collected")];
  },
};
