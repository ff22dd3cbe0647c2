import type { Facts } from "../../store/facts/client.ts";
import { readEventProgress, readPartitionEventTimes } from "../../store/facts/event-progress.ts";
import type { EventProgress } from "../../store/facts/event-progress.ts";
import { readPartitionProgress } from "../../store/facts/partition-progress.ts";
import type { StoredProgress } from "../../store/facts/partition-progress.ts";

/** What a pass knows of how far rows are stored; kept between passes, so that only recent rows are read again. */
export interface ProgressBook {
  /**
   * @param floorMs Event time before which nothing of a model needs to be read again: its windows are decided. Null if
   *   nothing is known of the model yet.
   */
  refresh(
    keys: readonly { readonly environment: string; readonly model: string; readonly floorMs: number | null }[],
  ): Promise<void>;
  events(environment: string, model: string): readonly EventProgress[];
  readonly reports: readonly StoredProgress[];
  partitionEventTimeMs(topic: string, partition: number): number | null;
}

export function createProgressBook(facts: Facts): ProgressBook {
  const known = new Map<string, Map<string, EventProgress>>();
  let reports: readonly StoredProgress[] = [];
  let partitionTimes = new Map<string, number>();

  const keep = (rows: readonly EventProgress[]) => {
    for (const row of rows) {
      const model = JSON.stringify([row.environment, row.model]);
      const partitions = known.get(model) ?? new Map<string, EventProgress>();
      known.set(model, partitions);
      const place = `${row.topic}/${row.partition}`;
      const before = partitions.get(place);
      partitions.set(place, {
        ...row,
        maxEventTimeMs: Math.max(row.maxEventTimeMs, before?.maxEventTimeMs ?? row.maxEventTimeMs),
        lastIngestMs: Math.max(row.lastIngestMs, before?.lastIngestMs ?? row.lastIngestMs),
      });
    }
  };

  return {
    refresh: async (keys) => {
      // Reports first: rows stored after a report can only make a partition look busier than it was reported.
      reports = await readPartitionProgress(facts);
      const groups = [
        { sinceMs: 0, keys: keys.filter((key) => key.floorMs === null) },
        {
          sinceMs: Math.min(...keys.map((key) => key.floorMs ?? Number.POSITIVE_INFINITY)),
          keys: keys.filter((key) => key.floorMs !== null),
        },
      ];
      for (const group of groups) {
        keep(
          await readEventProgress(facts, {
            environments: [...new Set(group.keys.map((key) => key.environment))],
            models: [...new Set(group.keys.map((key) => key.model))],
            sinceMs: Number.isFinite(group.sinceMs) ? Math.max(0, group.sinceMs) : 0,
          }),
        );
      }
      // Only where models share partitions do other models' events say anything.
      const shared = known.size > 1 && reports.some((report) => report.lag > 0);
      const newestMs = Math.max(
        0,
        ...[...known.values()].flatMap((partitions) => [...partitions.values()].map((row) => row.maxEventTimeMs)),
      );
      partitionTimes = new Map(
        (shared ? await readPartitionEventTimes(facts, Math.max(0, newestMs - 86_400_000)) : []).map((row) => [
          `${row.topic}/${row.partition}`,
          row.maxEventTimeMs,
        ]),
      );
    },
    events: (environment, model) => [...(known.get(JSON.stringify([environment, model]))?.values() ?? [])],
    get reports() {
      return reports;
    },
    partitionEventTimeMs: (topic, partition) => partitionTimes.get(`${topic}/${partition}`) ?? null,
  };
}
