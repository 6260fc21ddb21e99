// What is said where there is nothing to draw yet.

import { counted } from "../format";
import type { Store } from "../store";

/** Why there are no points; "" where there are some. */
export function whyNoPoints(store: Store): string {
  const { points, run, nodes, connection } = store;
  if (points.length > 0) return store.best.rows.length > 0 ? "" : `${counted(points.length, "evaluation has", "evaluations have")} ended, none with a score.`;
  if (!run) return connection.kind === "refused" ? "The coordinator wants its token first." : "Asking the coordinator …";
  if (run.ending !== "") return "The run ended before any network had been evaluated.";
  const training = (nodes ?? []).flatMap((node) => node.slots).filter((slot) => slot.evaluation !== null || slot.individual !== null);
  if (training.length > 0) return `No result yet: the first ${training.length === 1 ? "network is" : `${training.length} networks are`} being trained.`;
  if ((nodes ?? []).some((node) => node.state === "here")) return "No result yet: the workers are here, and the first networks are being bred.";
  return "No result yet: the coordinator waits for its first worker.";
}
