import { setFlagsFromString } from "node:v8";

/**
 * V8 begins a full garbage collection for every 64 MB of buffers allocated outside its heap, however small the heap is;
 * fetches from Kafka are such buffers, so a busy collector would mark its whole heap several times a second. With this
 * flag buffers count like heap, whose collections come as it grows. It holds for the whole process, from now on.
 */
export function countBuffersAsHeap(): void {
  setFlagsFromString("--external-memory-accounted-in-global-limit");
}
