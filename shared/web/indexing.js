// What becomes of the documents of a message: how many are still being indexed, and why one could not be.

import { api, pause } from "./api.js";
import { nameOf } from "./files.js";

/** Seconds between two looks. */
const REST = 1;

/** Looks at a thread's documents until they are indexed: `tell(words)` hears how far it is, at last "", or what failed. */
export async function indexed(threadId, signal, tell) {
  const thread = await api.get(`/v1/threads/${threadId}`, signal);
  for (const storeId of thread.tool_resources?.file_search?.vector_store_ids ?? []) {
    const path = `/v1/vector_stores/${storeId}`;
    for (;;) {
      const { file_counts: counts } = await api.get(path, signal);
      if (counts.in_progress === 0) break;
      tell(`indexing ${counts.in_progress} of ${counts.total} ${counts.total === 1 ? "file" : "files"}`);
      await pause(REST, signal);
    }
    const failed = (await api.get(`${path}/files?filter=failed`, signal)).data;
    const words = await Promise.all(failed.map(async (each) => `${await nameOf(each.id)} cannot be searched: ${each.last_error?.message ?? "no reason was given"}`));
    tell(words.join(" "));
  }
}
