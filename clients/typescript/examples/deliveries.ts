// What has failed, sent again; how that goes, and what an unknown delivery looks like.

import { randomUUID } from "node:crypto";
import { held, ImpactInError, type ImpactInClient } from "impact-in-client";

export async function run(client: ImpactInClient, companyId: string) {
  const failed = held(
    await client.GET("/v1/impact-in/deliveries", {
      params: { query: { companyId, status: ["failed"] } },
    }),
  ).data[0];
  if (failed === undefined) throw new Error("nothing has failed");
  // Under a key, an answer that got lost is given again, and nothing is queued twice.
  const replayed = held(
    await client.POST("/v1/impact-in/deliveries/{deliveryId}/replay", {
      params: { path: { deliveryId: failed.id }, header: { "Idempotency-Key": randomUUID() } },
    }),
  );
  if (replayed.replayId === null) throw new Error("nothing was queued");
  const progress = held(
    await client.GET("/v1/impact-in/replays/{replayId}", {
      params: { path: { replayId: replayed.replayId } },
    }),
  );
  const delivery = held(
    await client.GET("/v1/impact-in/deliveries/{deliveryId}", {
      params: { path: { deliveryId: failed.id } },
    }),
  );
  let missing = 0;
  try {
    held(
      await client.GET("/v1/impact-in/deliveries/{deliveryId}", {
        params: { path: { deliveryId: randomUUID() } },
      }),
    );
  } catch (error) {
    if (!(error instanceof ImpactInError)) throw error;
    missing = error.status;
  }
  return { failed: failed.id, total: progress.total, status: delivery.status, missing };
}
