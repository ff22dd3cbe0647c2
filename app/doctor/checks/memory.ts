import { totalmem } from "node:os";
import { fail, ok, type Check, warn } from "../check.ts";
import { sizeText } from "../size-text.ts";

const gib = 1024 ** 3;
/** With the embedded engine, which alone holds up to 1.5 GB under load; and without, where buffers hold 256 MiB. */
const needs = { embedded: { fewest: 1 * gib, comfortable: 3 * gib }, server: { fewest: gib / 4, comfortable: gib } };

export const memoryCheck: Check = {
  name: "memory",
  title: "Memory",
  run: async ({ config: { service } }) => {
    // A container may have less than its machine. Where there is no limit Node answers with 0 or a huge number.
    const limit = process.constrainedMemory();
    const total = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
    const available = Math.min(process.availableMemory(), total);
    const detail = `${sizeText(available)} of ${sizeText(total)} are available`;
    const { fewest, comfortable } = service.store.url === null ? needs.embedded : needs.server;
    const remedy =
      service.store.url === null
        ? "give the machine or container 4 GiB, or keep the facts on a ClickHouse server (CLICKHOUSE_URL)"
        : "give the machine or container more memory, or lower collector.max_buffered";
    if (total < fewest) return [fail(detail, remedy)];
    return [total < comfortable || available < fewest / 2 ? warn(detail, remedy) : ok(detail)];
  },
};
