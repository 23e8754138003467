// Where a company is notified: a webhook of one's own, its secret replaced, its log.

import { held, type ImpactInClient } from "impact-in-client";

const CHANNEL = "/v1/impact-in/companies/{companyId}/notice-channels/{channelId}";

export async function run(client: ImpactInClient, companyId: string) {
  const made = held(
    await client.POST("/v1/impact-in/companies/{companyId}/notice-channels", {
      params: { path: { companyId } },
      body: {
        name: "Our intranet",
        medium: "webhook",
        url: "https://93.184.216.34/impact-in",
        kinds: ["delivery.failed"],
        digest: "at_once",
        language: "en",
      },
    }),
  );
  const params = { path: { companyId, channelId: made.channel.id } };
  const changed = held(
    await client.PATCH(CHANNEL, {
      params,
      body: { kinds: ["delivery.failed", "delivery.delivered"] },
    }),
  );
  const rotated = held(await client.POST(`${CHANNEL}/rotate-secret` as const, { params }));
  const log = held(await client.GET(`${CHANNEL}/messages` as const, { params }));
  held(await client.DELETE(CHANNEL, { params }));
  return {
    kinds: changed.kinds,
    // Both are shown this once: keep the newest where your receiver verifies signatures.
    anotherSecret: made.secret !== rotated.secret,
    messages: log.data.length,
  };
}
