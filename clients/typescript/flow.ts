// What a customer's program does with a client made by openapi-typescript and openapi-fetch.
//
//   openapi-typescript https://HOST/v1/impact-in/openapi.json -o impact_in.d.ts
//   tsc && node build/flow.js https://HOST TOKEN COMPANY_ID DELIVERY_ID

import { randomUUID } from "node:crypto";
import { argv } from "node:process";
import createClient from "openapi-fetch";
import type { components, paths } from "./impact_in.js";

type Connection = components["schemas"]["Connection"];

const [url, token, company, failed] = argv.slice(2) as [string, string, string, string];
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

function held<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const companies = held(await client.GET("/v1/impact-in/companies"));
const changed = held(
  await client.PUT("/v1/impact-in/connections/{companyId}/{platform}", {
    params: { path: { companyId: company, platform: "workday" } },
    body: { organizationId: "org-7" },
  }),
);

const connections: Connection[] = [];
let cursor: string | null = null;
do {
  const page: components["schemas"]["ConnectionPage"] = held(
    await client.GET("/v1/impact-in/connections", {
      params: { query: { companyId: company, limit: 1, ...(cursor === null ? {} : { cursor }) } },
    }),
  );
  connections.push(...page.data);
  cursor = page.nextCursor;
} while (cursor !== null);

const failures = held(
  await client.GET("/v1/impact-in/deliveries", {
    params: { query: { companyId: company, status: ["failed"] } },
  }),
);
const replayed = held(
  await client.POST("/v1/impact-in/deliveries/{deliveryId}/replay", {
    params: { path: { deliveryId: failed }, header: { "Idempotency-Key": randomUUID() } },
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
    params: { path: { deliveryId: failed } },
  }),
);
const status = held(
  await client.GET("/v1/impact-in/sla-status", { params: { query: { companyId: company } } }),
);
const missing = await client.GET("/v1/impact-in/deliveries/{deliveryId}", {
  params: { path: { deliveryId: randomUUID() } },
});

console.log(
  JSON.stringify({
    companies: companies.data.map((one) => one.slug),
    changed: changed.organizationId,
    connections: connections.map((one) => one.platform),
    failures: failures.data.map((one) => one.id),
    replayed: replayed.ids,
    total: progress.total,
    status: delivery.status,
    slaStatus: status.overall.slaStatus,
    missing: missing.error?.status,
  }),
);
