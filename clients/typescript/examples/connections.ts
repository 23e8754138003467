// A company's accounts on the platforms: one changed, all of them listed page by page.

import { held, type ImpactInClient, type Schemas } from "impact-in-client";

export async function run(client: ImpactInClient, companyId: string) {
  const companies = held(await client.GET("/v1/impact-in/companies"));
  const changed = held(
    await client.PUT("/v1/impact-in/connections/{companyId}/{platform}", {
      params: { path: { companyId, platform: "workday" } },
      body: { organizationId: "org-7" },
    }),
  );
  const connections: Schemas["Connection"][] = [];
  let cursor: string | null = null;
  do {
    const page: Schemas["ConnectionPage"] = held(
      await client.GET("/v1/impact-in/connections", {
        params: { query: { companyId, limit: 1, ...(cursor === null ? {} : { cursor }) } },
      }),
    );
    connections.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return {
    companies: companies.data.length,
    changed: changed.organizationId,
    connections: connections.map((one) => one.platform),
  };
}
