import type { Check } from "./check.ts";
import { baselinesCheck } from "./checks/baselines.ts";
import { clockSkewCheck } from "./checks/clock-skew.ts";
import { consumerGroupCheck } from "./checks/consumer-group.ts";
import { deafMonitorsCheck } from "./checks/deaf-monitors.ts";
import { decidedWindowsCheck } from "./checks/decided-windows.ts";
import { deduplicationCheck } from "./checks/deduplication.ts";
import { diskCheck } from "./checks/disk.ts";
import { kafkaCheck } from "./checks/kafka.ts";
import { memoryCheck } from "./checks/memory.ts";
import { nodeCheck } from "./checks/node.ts";
import { noisyMonitorsCheck } from "./checks/noisy-monitors.ts";
import { portCheck } from "./checks/port.ts";
import { receiversCheck } from "./checks/receivers.ts";
import { schemaCheck } from "./checks/schema.ts";
import { stateFileCheck } from "./checks/state-file.ts";
import { storeCheck } from "./checks/store.ts";
import { topicsCheck } from "./checks/topics.ts";
import { ttlCheck } from "./checks/ttl.ts";
import { watermarkCheck } from "./checks/watermark.ts";

/** Closed, from the machine outwards to what is watched: a new check is one file and one line here. */
export const checks: readonly Check[] = [
  nodeCheck,
  memoryCheck,
  diskCheck,
  portCheck,
  stateFileCheck,
  storeCheck,
  schemaCheck,
  deduplicationCheck,
  ttlCheck,
  kafkaCheck,
  topicsCheck,
  consumerGroupCheck,
  clockSkewCheck,
  watermarkCheck,
  baselinesCheck,
  decidedWindowsCheck,
  deafMonitorsCheck,
  noisyMonitorsCheck,
  receiversCheck,
];
